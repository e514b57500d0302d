"""The generalist asks its engine and keeps the call."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agentflow.clock import clock_of
from agentflow.errors import CapabilityError, ConfigError, EngineError, PromptTooLong, ToolError
from agentflow.flow.arguments import check_arguments
from agentflow.tools import ToolContext
from agentflow.tools.generalist import build
from agentflow.types import Capabilities, Completion, JsonSchema, Message, Sampling, Tool, version_of


class Oracle:
    """An engine with one answer, or one error."""

    name = "oracle"

    def __init__(self, answer: Completion | Exception, capabilities: Capabilities | None = None) -> None:
        self.answer = answer
        self.capabilities = capabilities or Capabilities()
        self.asked: list[tuple[tuple[Message, ...], Sampling]] = []

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        assert json_schema is None
        self.asked.append((tuple(messages), sampling))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def close(self) -> None: ...


def opened(oracle: Oracle, **settings: object) -> tuple[Tool, list[str]]:
    specifications: list[str] = []

    def open_engine(specification: str) -> Oracle:
        specifications.append(specification)
        return oracle

    return build(ToolContext(settings, open_engine)), specifications


def test_it_answers_and_keeps_the_call() -> None:
    oracle = Oracle(Completion(text=" Paris \n"))
    generalist, specifications = opened(oracle)
    result = asyncio.run(generalist.run({"query": "Capital of France?"}))
    assert result.text == "Paris"
    assert specifications == ["default"]
    (call,) = result.calls
    assert (call.module, call.engine, call.completion) == ("tool", "oracle", oracle.answer)
    assert oracle.asked == [(call.messages, call.sampling)]
    assert call.messages[-1] == Message(role="user", content="Capital of France?")
    assert (call.sampling.temperature, call.sampling.max_tokens) == (0.0, 400)
    assert call.seconds >= 0


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ({}, "oracle, temperature 0, at most 400 tokens"),
        ({"temperature": 0.7, "max_tokens": 50}, "oracle, temperature 0.7, at most 50 tokens"),
        ({"temperature": "none"}, "oracle, its own temperature, at most 400 tokens"),
    ],
)
def test_its_version_is_all_that_its_answers_hang_on(settings: dict[str, object], version: str) -> None:
    assert version_of(opened(Oracle(Completion(text="Paris")), **settings)[0]) == version


def test_settings_reach_the_engine() -> None:
    oracle = Oracle(Completion(text="x"))
    generalist, specifications = opened(oracle, engine="openai:tiny", temperature=None, max_tokens=7)
    asyncio.run(generalist.run({"query": "a"}))
    assert specifications == ["openai:tiny"]
    assert oracle.asked[0][1] == Sampling(temperature=None, max_tokens=7)


def test_the_time_of_its_engine_is_not_that_of_the_call() -> None:
    class Slow(Oracle):
        async def complete(self, *arguments: Any, **named: Any) -> Completion:
            await asyncio.sleep(0.2)
            return await super().complete(*arguments, **named)

    async def call() -> str:
        generalist, _ = opened(Slow(Completion(text="Paris")))
        async with asyncio.timeout(0.05) as timer:
            with clock_of(timer):
                return (await generalist.run({"query": "Capital of France?"})).text

    assert asyncio.run(call()) == "Paris"


def test_a_cut_or_empty_answer_says_so() -> None:
    cut, _ = opened(Oracle(Completion(text="It is a", finish_reason="length")))
    assert asyncio.run(cut.run({"query": "a"})).text == "It is a ... (cut off)"
    empty, _ = opened(Oracle(Completion(text=" ")))
    assert asyncio.run(empty.run({"query": "a"})).text == "(the model gave no answer)"


def test_whose_mistake_an_error_is() -> None:
    too_long, _ = opened(Oracle(PromptTooLong("4097 tokens, the context has 4096")))
    with pytest.raises(ToolError, match="the query is too long"):
        asyncio.run(too_long.run({"query": "a"}))
    broken, _ = opened(Oracle(EngineError("503")))
    with pytest.raises(EngineError):
        asyncio.run(broken.run({"query": "a"}))


def test_wrong_settings_are_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        opened(Oracle(Completion(text="")), max_tokens=0)
    with pytest.raises(ConfigError, match="Known: engine, temperature, max_tokens"):
        opened(Oracle(Completion(text="")), model="x")
    with pytest.raises(CapabilityError, match="temperature"):
        opened(Oracle(Completion(text=""), Capabilities(temperature=False)))


def test_it_is_a_tool_that_wants_a_query() -> None:
    generalist, _ = opened(Oracle(Completion(text="x")))
    assert isinstance(generalist, Tool)
    assert generalist.name == "generalist"
    check_arguments(generalist, {"query": "a"})
    with pytest.raises(ToolError, match="query"):
        check_arguments(generalist, {"question": "a"})
