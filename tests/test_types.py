"""The nouns: strict about their fields, and read back as they were written."""

import doctest
from typing import Any

import pytest
from pydantic import ValidationError

from agentflow import types
from agentflow.engines import ScriptedEngine
from agentflow.errors import CapabilityError
from agentflow.tools import tool
from agentflow.types import Capabilities, Engine, Outcome, Sampling, Status, Task, Tool, Trajectory, Turn, Usage


@tool
async def echo(text: str) -> str:
    """Say a text again."""
    return text


def test_a_misspelt_field_is_an_error_and_a_noun_never_changes() -> None:
    with pytest.raises(ValidationError, match="answer"):
        Task.model_validate({"question": "?", "answer": "42"})
    task = Task(question="?")
    with pytest.raises(ValidationError, match="frozen"):
        task.question = "!"  # type: ignore[misc]  # what the type checker forbids is refused at run time too


@pytest.mark.parametrize(
    "wrong",
    [
        *({"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": 0}, {"min_p": 2}, {"max_tokens": 0}),
        {"stop": ("END", "")},  # it would end every text before its first sign
    ],
)
def test_sampling_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sampling.model_validate(wrong)


def test_what_an_engine_can_not_take_is_named() -> None:
    wanted = Sampling(top_k=5, seed=1)
    with pytest.raises(CapabilityError, match="'e' can not take top_k, seed, json_schema: "):
        Capabilities().require("e", wanted, json_schema=True)
    Capabilities(top_k=True, seed=True, json_schema=True).require("e", wanted, json_schema=True)
    with pytest.raises(CapabilityError, match="'e' can not take stop: "):
        Capabilities(stop=False).require("e", Sampling(temperature=None, stop=("x",)))
    Capabilities(temperature=False).require("e", Sampling(temperature=None))
    with pytest.raises(CapabilityError, match="a context of 512 tokens, max_tokens is 512"):
        Capabilities(context_length=512).require("e", Sampling(max_tokens=512))


def test_a_stop_string_could_cut_the_document_that_a_schema_asks_for() -> None:
    able, stopping = Capabilities(json_schema=True), Sampling(stop=("}",))
    with pytest.raises(CapabilityError, match="'e' was given a JSON schema and stop strings"):
        able.require("e", stopping, json_schema=True)
    able.require("e", stopping)


def test_usage_adds_up() -> None:
    total = Usage(prompt_tokens=1, completion_tokens=2, cached_tokens=3) + Usage(prompt_tokens=10)
    assert total == Usage(prompt_tokens=11, completion_tokens=2, cached_tokens=3)
    assert total.total_tokens == 13


def test_outcomes_and_statuses_are_written_as_their_words() -> None:
    trajectory = Trajectory(task=Task(question="?"), turns=(Turn(index=0, status=Status.CUT_OFF),), outcome="answered")
    assert trajectory.outcome is Outcome.ANSWERED
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory
    assert '"status":"cut_off"' in trajectory.model_dump_json()


def test_the_protocols_are_what_the_package_offers() -> None:
    assert isinstance(ScriptedEngine([]), Engine)
    assert isinstance(echo, Tool)


def test_the_examples_in_the_docstrings() -> None:
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    assert doctest.testmod(types, optionflags=flags).failed == 0
