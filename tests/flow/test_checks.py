"""What can not work is refused with its numbers, before anything is asked of an engine."""

from bisect import bisect_left
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.config import MODULES
from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import TEXT_ONLY
from agentflow.errors import CapabilityError, ConfigError, PromptTooLong
from agentflow.flow import Flow
from agentflow.types import ModuleName, Task

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
    assert "100000 characters, 25000 tokens; at most 1536 tokens are taken" in message
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
    assert "the planner's prompt can grow to" in message
    assert "the context of scripted:planner holds 4096: lower memory.tokens or memory.question_tokens" in message
    flow_of(engines, memory__tokens=1000, memory__question_tokens=1000, budget__max_turns=1)


@pytest.mark.parametrize("module", MODULES)
def test_stop_strings_are_refused_where_a_schema_is_asked_for(module: str) -> None:
    stop: dict[str, Any] = {f"{module}__stop": ["END"]}
    free: dict[str, Any] = {f"{module}__constrained": False}
    with pytest.raises(CapabilityError, match=f"'scripted:{module}' was given a JSON schema and stop strings"):
        flow_of(**stop)
    flow_of(**stop, **free)


def test_each_module_needs_room_for_its_own_prompt_alone() -> None:
    small = team(capabilities=TEXT_ONLY.model_copy(update={"context_length": 3500}))
    flow_of(team() | {"analyst": small["analyst"], "executor": small["executor"]})


def test_a_prompt_of_the_users_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "verifier.md").write_text("## user\n" + "word " * 12_000 + "$question $memory\n")
    engines = team(capabilities=TEXT_ONLY.model_copy(update={"context_length": 16_000}))
    flow_of(engines)
    with pytest.raises(PromptTooLong, match="the verifier's prompt can grow to"):
        flow_of(engines, prompts=str(tmp_path))


def test_a_tool_whose_schema_is_too_long_is_refused() -> None:
    wordy = replace(echo, json_schema={**echo.json_schema, "description": "word " * 14_000})
    engines = team(capabilities=TEXT_ONLY.model_copy(update={"context_length": 16_000}))
    with pytest.raises(PromptTooLong, match="the executor's prompt can grow to"):
        flow_of(engines, {"echo": echo, "wordy": wordy})


@pytest.mark.anyio
@pytest.mark.parametrize("prompts", ["json", "paper"])
async def test_the_longest_prompt_fits_the_context_that_was_checked(prompts: str) -> None:
    """Everything at its limit: question, analysis, plans, arguments, results and reasons."""

    planner, verifier = plan("word " * 250), verdict(False, "word " * 60)
    if prompts == "paper":
        planner = f"Context: a\nSub-Goal: {'word ' * 240}\nTool Name: echo"
        verifier = f"{'word ' * 60}\nConclusion: CONTINUE"

    def flow_with(context_length: int) -> tuple[dict[ModuleName, ScriptedEngine], Flow]:
        engines = team(
            analyst="word " * 128,
            planner=planner,
            executor=arguments("word " * 3000),
            verifier=verifier,
            capabilities=TEXT_ONLY.model_copy(update={"context_length": context_length}),
        )
        return engines, flow_of(engines, {"echo": echo}, prompts=prompts)

    def is_taken(context_length: int) -> bool:
        try:
            return bool(flow_with(context_length))
        except PromptTooLong:
            return False

    context_length = bisect_left(range(20_000), True, lo=1000, key=is_taken)
    engines, flow = flow_with(context_length)
    await flow.solve("word " * flow.config.memory.question_tokens)
    for engine in engines.values():
        for request in engine.requests:
            prompt = sum(engine.count_tokens(message.content) for message in request.messages)
            assert prompt + request.sampling.max_tokens <= context_length
