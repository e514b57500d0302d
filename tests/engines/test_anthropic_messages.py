"""Anthropic's Messages API, in its own format."""

from typing import Any

import pytest

from agentflow.errors import AgentFlowError, CapabilityError, ConfigError, EngineError, PromptTooLong
from agentflow.types import Completion, Message, Sampling, Usage

from .answers import ANTHROPIC as ANSWER
from .fake_server import Answer, FakeServer, json_reply
from .opened import HELLO, PLAIN, SCHEMA, answer_to, opened

pytest.importorskip("anthropic")
pytestmark = pytest.mark.anyio

CANARY = "sk-ant-canary-17"
SPEC = "anthropic:claude-x"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)


async def test_a_plain_request_to_the_last_field() -> None:
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(HELLO, PLAIN)
    (request,) = server.requests
    messages = [{"role": "user", "content": "Hello"}]
    assert request.body == {"model": "claude-x", "max_tokens": 16, "messages": messages}
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert CANARY in request.headers.get("x-api-key", "") + request.headers.get("authorization", "")


async def test_a_full_request_to_the_last_field() -> None:
    messages = [
        Message(role="system", content="Be brief."),
        Message(role="system", content="Be kind. 漢字 🧮"),
        Message(role="user", content="A\x00 \u2028 B"),
        Message(role="assistant", content="ok"),
        Message(role="user", content="C"),
    ]
    sampling = Sampling(temperature=None, max_tokens=100_000)
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(messages, sampling, json_schema=SCHEMA)
    assert server.requests[0].body == {
        "model": "claude-x",
        "max_tokens": 100_000,
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind. 漢字 🧮"}],
        "messages": [message.model_dump() for message in messages[2:]],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }


async def test_stop_strings() -> None:
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(HELLO, PLAIN.model_copy(update={"stop": ("END",)}))
    assert server.requests[0].body["stop_sequences"] == ["END"]


async def test_text_and_usage() -> None:
    usage = Usage(prompt_tokens=129, completion_tokens=3, cached_tokens=100)
    assert await answer_to(SPEC, json_reply(ANSWER)) == Completion(text="Hi there", usage=usage)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop_sequence", "stop"), ("max_tokens", "length"), ("model_context_window_exceeded", "length")],
)
async def test_finish_reasons(reason: str, expected: str) -> None:
    assert (await answer_to(SPEC, json_reply(ANSWER | {"stop_reason": reason}))).finish_reason == expected


async def test_thinking_that_used_up_the_limit_leaves_an_empty_text() -> None:
    completion = await answer_to(SPEC, json_reply(ANSWER | {"content": [], "stop_reason": "max_tokens"}))
    assert (completion.text, completion.finish_reason) == ("", "length")


@pytest.mark.parametrize("reason", ["refusal", "tool_use", "pause_turn"])
async def test_other_endings_are_errors_and_not_asked_again(reason: str) -> None:
    answer = json_reply(ANSWER | {"stop_reason": reason})
    async with FakeServer([answer]) as server, opened(SPEC, server.url) as engine:
        with pytest.raises(EngineError, match=f"stop_reason '{reason}'"):
            await engine.complete(HELLO, PLAIN)
    assert len(server.requests) == 1


@pytest.mark.parametrize("setting", [{"temperature": 0.7}, {"top_p": 0.9}, {"top_k": 4}, {"min_p": 0.1}, {"seed": 1}])
async def test_settings_that_the_api_has_no_more(setting: dict[str, Any]) -> None:
    async with FakeServer([]) as server, opened(SPEC, server.url) as engine:
        with pytest.raises(CapabilityError, match=next(iter(setting))):
            await engine.complete(HELLO, Sampling(**{"temperature": None, **setting}))
    assert server.requests == []


async def test_a_system_message_in_the_middle_is_refused() -> None:
    messages = [*HELLO, Message(role="system", content="Be brief.")]
    async with FakeServer([]) as server, opened(SPEC, server.url) as engine:
        with pytest.raises(ConfigError, match="system messages only ahead"):
            await engine.complete(messages, PLAIN)


PASSING: list[Answer] = [
    json_reply(ANSWER | {"content": []}),
    json_reply(ANSWER | {"usage": None}),
]


@pytest.mark.parametrize("answer", PASSING)
async def test_an_answer_without_content_or_usage_is_asked_for_again(answer: Answer) -> None:
    assert (await answer_to(SPEC, answer, answer, json_reply(ANSWER))).text == "Hi there"


@pytest.mark.parametrize(
    ("status", "words", "kind", "expected"),
    [
        (401, "invalid x-api-key", ConfigError, "invalid x-api-key: check ANTHROPIC_API_KEY"),
        (404, "model: claude-x", ConfigError, "check the model's name"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", PromptTooLong, "210000 tokens"),
        (400, "messages: at least one message is required", ConfigError, "at least one message"),
    ],
)
async def test_refusals(status: int, words: str, kind: type[AgentFlowError], expected: str) -> None:
    refusal = json_reply({"type": "error", "error": {"type": "x", "message": words}}, status)
    with pytest.raises(kind, match=expected) as caught:
        await answer_to(SPEC, refusal)
    assert type(caught.value) is kind
