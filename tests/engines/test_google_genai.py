"""Google's Gemini API, in its own format."""

from typing import Any

import pytest

from agentflow.errors import AgentFlowError, CapabilityError, ConfigError, EngineError, PromptTooLong
from agentflow.types import Completion, Message, Sampling, Usage

from .answers import GOOGLE as ANSWER
from .answers import GOOGLE_CANDIDATE as CANDIDATE
from .fake_server import Answer, FakeServer, json_reply
from .opened import HELLO, PLAIN, SCHEMA, answer_to, opened

pytest.importorskip("google.genai")
pytestmark = pytest.mark.anyio

CANARY = "AIza-canary-17"
SPEC = "google:gemini-x"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", CANARY)


def with_candidate(**fields: Any) -> dict[str, Any]:
    """The answer with other values in its candidate."""
    return ANSWER | {"candidates": [CANDIDATE | fields]}


async def test_a_plain_request_to_the_last_field() -> None:
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(HELLO, PLAIN)
    (request,) = server.requests
    contents = [{"role": "user", "parts": [{"text": "Hello"}]}]
    assert request.body == {"contents": contents, "generationConfig": {"maxOutputTokens": 16}}
    assert request.method == "POST"
    assert request.path in ("/v1/models/gemini-x:generateContent", "/v1beta/models/gemini-x:generateContent")
    assert request.headers["x-goog-api-key"] == CANARY


async def test_a_full_request_to_the_last_field() -> None:
    messages = [
        Message(role="system", content="Be brief."),
        Message(role="system", content="Be kind."),
        Message(role="user", content="A\x00 \u2028 漢字 🧮"),
        Message(role="assistant", content="ok"),
        Message(role="user", content="C"),
    ]
    sampling = Sampling(temperature=0.0, top_p=0.9, top_k=20, max_tokens=77, seed=5)
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(messages, sampling, json_schema=SCHEMA)
    assert server.requests[0].body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "A\x00 \u2028 漢字 🧮"}]},
            {"role": "model", "parts": [{"text": "ok"}]},
            {"role": "user", "parts": [{"text": "C"}]},
        ],
        "generationConfig": {
            "temperature": 0.0,
            "topP": 0.9,
            "topK": 20,
            "maxOutputTokens": 77,
            "seed": 5,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }


async def test_stop_strings() -> None:
    async with FakeServer([json_reply(ANSWER)]) as server, opened(SPEC, server.url) as engine:
        await engine.complete(HELLO, PLAIN.model_copy(update={"stop": ("END",)}))
    assert server.requests[0].body["generationConfig"] == {"maxOutputTokens": 16, "stopSequences": ["END"]}


async def test_text_and_usage() -> None:
    usage = Usage(prompt_tokens=9, completion_tokens=7, cached_tokens=4)
    assert await answer_to(SPEC, json_reply(ANSWER)) == Completion(text="Hi there", usage=usage)


async def test_a_text_that_the_limit_cut_off() -> None:
    completion = await answer_to(SPEC, json_reply(with_candidate(finishReason="MAX_TOKENS", content={"role": "model"})))
    assert (completion.text, completion.finish_reason) == ("", "length")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (with_candidate(finishReason="SAFETY", content={}), "no answer: SAFETY"),
        (with_candidate(finishReason="RECITATION", finishMessage="it is quoted"), "RECITATION it is quoted"),
        (ANSWER | {"candidates": [], "promptFeedback": {"blockReason": "OTHER"}}, "the prompt is blocked: OTHER"),
    ],
)
async def test_blocked_answers_are_errors_and_not_asked_again(answer: dict[str, Any], words: str) -> None:
    async with FakeServer([json_reply(answer)]) as server, opened(SPEC, server.url) as engine:
        with pytest.raises(EngineError, match=words):
            await engine.complete(HELLO, PLAIN)
    assert len(server.requests) == 1


async def test_min_p_is_refused_before_anything_is_sent() -> None:
    async with FakeServer([]) as server, opened(SPEC, server.url) as engine:
        with pytest.raises(CapabilityError, match="min_p"):
            await engine.complete(HELLO, Sampling(min_p=0.1))
    assert server.requests == []


PASSING: list[Answer] = [
    json_reply(ANSWER | {"candidates": []}),
    json_reply(with_candidate(content={})),
    json_reply({"candidates": [CANDIDATE]}),
]


@pytest.mark.parametrize("answer", PASSING)
async def test_an_answer_without_content_or_usage_is_asked_for_again(answer: Answer) -> None:
    assert (await answer_to(SPEC, answer, answer, json_reply(ANSWER))).text == "Hi there"


@pytest.mark.parametrize(
    ("status", "words", "kind", "expected"),
    [
        (400, "API key not valid. Please pass a valid API key.", ConfigError, "check GEMINI_API_KEY"),
        (403, "Permission denied", ConfigError, "check GEMINI_API_KEY"),
        (404, "models/gemini-x is not found", ConfigError, "check the model's name"),
        (400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", PromptTooLong, "allowed"),
        (400, "Invalid JSON payload", ConfigError, "rejects the request"),
    ],
)
async def test_refusals(status: int, words: str, kind: type[AgentFlowError], expected: str) -> None:
    details = [{"reason": "API_KEY_INVALID"}] if "API key" in words else []
    refusal = json_reply({"error": {"code": status, "message": words, "status": "X", "details": details}}, status)
    with pytest.raises(kind, match=expected) as caught:
        await answer_to(SPEC, refusal)
    assert type(caught.value) is kind
