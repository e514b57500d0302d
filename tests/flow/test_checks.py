"""What can not work is refused with its numbers, before anything is asked of an engine."""

from typing import Any

import pytest

from agentflow.config import MODULES
from agentflow.engines.scripted import TEXT_ONLY
from agentflow.errors import CapabilityError, ConfigError, PromptTooLong
from agentflow.types import Task

from .team import arguments, echo, flow_of, plan, team, verdict


@pytest.mark.parametrize("question", ["", " ", "\n\t\N{NO-BREAK SPACE}"])
def test_an_empty_question_is_refused(question: str) -> None:
    engines = team()
    with pytest.raises(ConfigError, match="the question is empty"):
        flow_of(engines).solve(Task(question=question))
    assert not any(engine.requests for engine in engines.values())


def test_a_question_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        flow_of().solve("What is \udcff?")


def test_a_question_that_is_too_long_is_refused_with_what_to_do() -> None:
    engines = team()
    flow = flow_of(engines)
    with pytest.raises(PromptTooLong) as error:
        flow.solve("why " * 25_000)
    message = str(error.value)
    assert "100000 characters, 25000 tokens; at most 2048 tokens are taken" in message
    assert "shorten it, or raise memory.question_tokens" in message
    assert not any(engine.requests for engine in engines.values())


@pytest.mark.anyio
async def test_a_question_of_the_greatest_length_is_taken() -> None:
    flow = flow_of(memory__question_tokens=100, budget__max_turns=1)
    assert (await flow.solve("why " * 100)).answer == "42"
    with pytest.raises(PromptTooLong):
        flow.solve("why " * 101)


def test_a_memory_that_can_not_hold_all_turns_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"memory.tokens is 1000, but 6 turns need at least 3264"):
        flow_of(memory__tokens=1000, budget__max_turns=6, planner__max_tokens=256)


def test_a_context_that_is_too_small_is_refused_with_the_numbers() -> None:
    engines = team(capabilities=TEXT_ONLY.model_copy(update={"context_length": 4096}))
    with pytest.raises(PromptTooLong) as error:
        flow_of(engines)
    message = str(error.value)
    assert "the analyst's prompt can grow to" in message
    assert "the context of scripted:analyst holds 4096: lower memory.tokens or memory.question_tokens" in message
    flow_of(engines, memory__tokens=1000, memory__question_tokens=1000, budget__max_turns=1)


@pytest.mark.parametrize("module", MODULES)
def test_stop_strings_are_refused_where_a_schema_is_asked_for(module: str) -> None:
    stop: dict[str, Any] = {f"{module}__stop": ["END"]}
    free: dict[str, Any] = {f"{module}__constrained": False}
    with pytest.raises(CapabilityError, match=f"'scripted:{module}' was given a JSON schema and stop strings"):
        flow_of(**stop)
    flow_of(**stop, **free)


@pytest.mark.anyio
async def test_the_longest_prompt_fits_the_context_that_was_checked() -> None:
    """Everything at its limit: question, analysis, plans, arguments, results and reasons."""
    context_length = 8000
    capabilities = TEXT_ONLY.model_copy(update={"context_length": context_length})
    long = "word " * 3000
    engines = team(
        analyst="word " * 128,
        planner=plan("word " * 250),
        executor=arguments(long),
        verifier=verdict(False, "word " * 60),
        capabilities=capabilities,
    )
    flow = flow_of(engines, {"echo": echo}, memory__question_tokens=500)
    await flow.solve("word " * 500)
    for engine in engines.values():
        for request in engine.requests:
            prompt = sum(engine.count_tokens(message.content) for message in request.messages)
            assert prompt + request.sampling.max_tokens <= context_length
