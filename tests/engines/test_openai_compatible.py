"""OpenAI-compatible servers: what reaches them to the last field, what is read from them, and all that goes wrong."""

import asyncio
import copy
import dataclasses
from typing import Any

import pytest

from agentflow.errors import AgentFlowError, CapabilityError, ConfigError, EngineError, PromptTooLong
from agentflow.types import Completion, Message, Sampling, Usage

from .answers import OPENAI as TEXT
from .fake_server import Answer, FakeServer, Reply, Request, json_reply
from .opened import HELLO, PLAIN, SCHEMA, answer_to, fake_clock, opened

pytestmark = pytest.mark.anyio

CANARY = "sk-canary-17"
VLLM: dict[str, Any] = {
    **TEXT,
    "prompt_token_ids": [1, 2, 3],
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi there"},
            "finish_reason": "stop",
            "token_ids": [13347, 1070],
            "logprobs": {"content": [{"token": "Hi", "logprob": -0.25}, {"token": " there", "logprob": -1.5}]},
            "weight_versions": [{"version": "7", "start": 0, "end": 2}],
        }
    ],
}


def changed(answer: dict[str, Any], **choice: Any) -> dict[str, Any]:
    """`answer` with other values in its one choice."""
    copied = copy.deepcopy(answer)
    copied["choices"][0] |= choice
    return copied


async def sent_by(spec: str, sampling: Sampling, *, schema: dict[str, Any] | None = None, **settings: Any) -> Request:
    """The request that a call sends."""
    async with FakeServer([json_reply(VLLM)]) as server, opened(spec, server.url + "/v1", **settings) as engine:
        await engine.complete(HELLO, sampling, json_schema=schema)
    assert len(server.requests) == 1
    return server.requests[0]


# What is sent.

MESSAGES = [{"role": "user", "content": "Hello"}]
FULL = Sampling(temperature=0.0, top_p=0.9, max_tokens=77, seed=5)
STOP = Sampling(temperature=None, max_tokens=16, stop=("\n\n", "END"))
SPECIFIC = FULL.model_copy(update={"top_k": 20, "min_p": 0.05})
RESPONSE_FORMAT = {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}}
FULL_FIELDS = {"temperature": 0.0, "top_p": 0.9, "max_tokens": 77, "seed": 5}
OPENAI_FIELDS = {"temperature": 0.0, "top_p": 0.9, "max_completion_tokens": 77, "seed": 5}
MISTRAL_FIELDS = {"temperature": 0.0, "top_p": 0.9, "max_tokens": 77, "random_seed": 5}
TOKENS = {"logprobs": True, "return_token_ids": True}
BODIES: list[tuple[str, Sampling, bool, dict[str, Any]]] = [
    ("openai:m", PLAIN, False, {"max_completion_tokens": 16}),
    ("openai:m", FULL, True, OPENAI_FIELDS | {"response_format": RESPONSE_FORMAT}),
    ("groq:m", FULL, True, OPENAI_FIELDS | {"response_format": RESPONSE_FORMAT}),
    ("ollama:m", PLAIN, False, {"max_tokens": 16}),
    ("ollama:m", STOP, False, {"max_tokens": 16, "stop": ["\n\n", "END"]}),
    ("ollama:m", FULL, True, FULL_FIELDS | {"response_format": RESPONSE_FORMAT}),
    ("mistral:m", FULL, False, MISTRAL_FIELDS),
    ("deepseek:m", Sampling(temperature=0.7), False, {"temperature": 0.7, "max_tokens": 512}),
    ("together:m", SPECIFIC, False, FULL_FIELDS | {"top_k": 20, "min_p": 0.05}),
    ("openrouter:m", PLAIN, False, {"max_tokens": 16, "provider": {"require_parameters": True}}),
    ("sglang:m", PLAIN, False, {"max_tokens": 16} | TOKENS),
    ("vllm:m", PLAIN, False, {"max_tokens": 16, "return_weight_versions": True} | TOKENS),
    (
        "vllm:m",
        SPECIFIC,
        True,
        FULL_FIELDS
        | {"top_k": 20, "min_p": 0.05, "return_weight_versions": True, "response_format": RESPONSE_FORMAT}
        | TOKENS,
    ),
]


@pytest.mark.parametrize(("spec", "sampling", "with_schema", "fields"), BODIES)
async def test_the_body_is_what_was_asked_for_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, spec: str, sampling: Sampling, with_schema: bool, fields: dict[str, Any]
) -> None:
    monkeypatch.setenv(f"{spec.partition(':')[0].upper()}_API_KEY", "sk-1")
    request = await sent_by(spec, sampling, schema=SCHEMA if with_schema else None)
    assert request.body == {"model": "m", "messages": MESSAGES} | fields
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sk-1"


async def test_texts_arrive_sign_for_sign() -> None:
    strange = 'tab\t newline\n quote" slash\\ nul\x00 café 漢字 🧮 </think><|im_end|> {{x}} %s \u2028'
    messages = [
        Message(role="system", content=strange),
        Message(role="user", content=""),
        Message(role="assistant", content="  "),
    ]
    answer = changed(TEXT, message={"role": "assistant", "content": strange})
    async with FakeServer([json_reply(answer)]) as server, opened("ollama:m", server.url) as engine:
        completion = await engine.complete(messages, PLAIN)
    assert server.requests[0].body["messages"] == [message.model_dump() for message in messages]
    assert completion.text == strange


async def test_extra_body_is_passed_on() -> None:
    thinking = {"chat_template_kwargs": {"enable_thinking": False}}
    request = await sent_by("vllm:m", PLAIN, extra_body=thinking)
    assert request.body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_a_server_without_a_key_gets_none() -> None:
    assert "authorization" not in (await sent_by("ollama:m", PLAIN)).headers


async def test_other_providers_do_not_see_what_is_meant_for_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: secret\nAuthorization: Bearer secret")
    sent = (await sent_by("vllm:m", PLAIN)).headers
    assert not {"authorization", "openai-organization", "openai-project", "x-gateway"} & set(sent)
    sent = (await sent_by("openai:m", PLAIN)).headers
    assert (sent["openai-organization"], sent["x-gateway"]) == ("org-1", "secret")


async def test_what_a_provider_can_not_do_is_refused_before_anything_is_sent() -> None:
    async with FakeServer([]) as server, opened("ollama:m", server.url, context_length=64) as engine:
        with pytest.raises(CapabilityError, match="can not take top_k"):
            await engine.complete(HELLO, Sampling(top_k=3))
        with pytest.raises(CapabilityError, match="context of 64 tokens"):
            await engine.complete(HELLO, Sampling(max_tokens=64))
    assert server.requests == []


# What is read.


async def test_a_text_and_its_usage() -> None:
    answer = TEXT | {"usage": TEXT["usage"] | {"prompt_tokens_details": {"cached_tokens": 8}}}
    usage = Usage(prompt_tokens=9, completion_tokens=2, cached_tokens=8)
    assert await answer_to("ollama:m", json_reply(answer)) == Completion(text="Hi there", usage=usage)


async def test_token_data_of_vllm() -> None:
    completion = await answer_to("vllm:m", json_reply(VLLM))
    assert completion.prompt_token_ids == (1, 2, 3)
    assert completion.token_ids == (13347, 1070)
    assert completion.logprobs == (-0.25, -1.5)
    assert completion.policy_version == "7"


async def test_token_data_of_sglang() -> None:
    answer = changed(VLLM, prompt_token_ids=[4, 5], weight_versions=None)
    answer |= {"prompt_token_ids": None, "metadata": {"weight_version": "step-3"}}
    completion = await answer_to("sglang:m", json_reply(answer))
    assert (completion.prompt_token_ids, completion.policy_version) == ((4, 5), "step-3")


async def test_a_text_drawn_over_a_weight_update_names_both_versions() -> None:
    spans = [{"version": "7", "start": 0, "end": 1}, {"version": "8", "start": 1, "end": 2}]
    assert (await answer_to("vllm:m", json_reply(changed(VLLM, weight_versions=spans)))).policy_version == "7+8"


@pytest.mark.parametrize(
    ("reason", "expected"), [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("model_length", "length")]
)
async def test_finish_reasons(reason: str, expected: str) -> None:
    assert (await answer_to("ollama:m", json_reply(changed(TEXT, finish_reason=reason)))).finish_reason == expected


async def test_reasoning_that_used_up_the_limit_leaves_an_empty_text() -> None:
    answer = changed(TEXT, message={"role": "assistant", "content": None}, finish_reason="length")
    completion = await answer_to("ollama:m", json_reply(answer))
    assert (completion.text, completion.finish_reason) == ("", "length")


# Answers that can not be used. A further attempt would bring the same: one request, and the server's words.

UNUSABLE = [
    (changed(VLLM, token_ids=None), "no token ids"),
    (VLLM | {"prompt_token_ids": None}, "no token ids"),
    (changed(VLLM, logprobs=None), "2 token ids and 0 log-probabilities"),
    (changed(VLLM, logprobs={"content": None}), "2 token ids and 0 log-probabilities"),
    (changed(VLLM, token_ids=[1, 2, 3]), "3 token ids and 2 log-probabilities"),
    (changed(VLLM, logprobs={"content": [{"logprob": -0.5}, {"logprob": -9999.0}]}), "lacks the log-probability"),
    (changed(VLLM, finish_reason="content_filter"), "finish_reason 'content_filter'"),
    (changed(VLLM, finish_reason="tool_calls"), "finish_reason 'tool_calls'"),
    (changed(VLLM, message={"content": None, "refusal": "I can not help with that"}), "I can not help with that"),
]


@pytest.mark.parametrize(("answer", "words"), UNUSABLE)
async def test_an_unusable_answer_is_an_error_and_no_value(answer: dict[str, Any], words: str) -> None:
    async with FakeServer([json_reply(answer)]) as server, opened("vllm:m", server.url) as engine:
        with pytest.raises(EngineError, match=words):
            await engine.complete(HELLO, PLAIN)
    assert len(server.requests) == 1


# Failures that may pass: tried again. Those of every server are in `test_every_server.py`.

PASSING: list[Answer] = [
    json_reply({"error": {"message": "upstream is gone", "code": 502}}),  # OpenRouter's way, with status 200
    json_reply(TEXT | {"choices": []}),
    json_reply({name: value for name, value in TEXT.items() if name != "usage"}),
    json_reply(changed(TEXT, message={"role": "assistant", "content": None})),
    json_reply(changed(TEXT, message={"role": "assistant", "content": "\ud800"})),
    json_reply(changed(TEXT, finish_reason="abort")),
    json_reply(changed(TEXT, finish_reason=None)),
]


@pytest.mark.parametrize("answer", PASSING)
async def test_a_failure_that_passes_is_not_seen(answer: Answer) -> None:
    assert (await answer_to("ollama:m", answer, answer, json_reply(TEXT))).text == "Hi there"


async def test_a_429_that_says_when_is_waited_for() -> None:
    slept: list[float] = []
    busy = json_reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "3"})
    async with (
        FakeServer([busy, json_reply(TEXT)]) as server,
        opened("ollama:m", server.url, clock=fake_clock(slept)) as engine,
    ):
        await engine.complete(HELLO, PLAIN)
    assert slept == [3.25]


async def test_nobody_listens() -> None:
    async with FakeServer([]) as server:
        url = server.url
    async with opened("ollama:m", url, max_retries=1) as engine:
        with pytest.raises(EngineError, match=r"failed after 2 attempts .* no connection"):
            await engine.complete(HELLO, PLAIN)


async def test_never_more_in_flight_than_allowed() -> None:
    async def slow(request: Request) -> Reply:
        await asyncio.sleep(0.005)
        number = int(request.body["messages"][0]["content"])
        if number % 10 == 0 and sum(one.body == request.body for one in server.requests) == 1:
            return Reply(b"busy", 503)
        return json_reply(changed(TEXT, message={"content": f"answer {number}"}))

    async with FakeServer(slow) as server, opened("ollama:m", server.url, max_concurrency=4) as engine:
        calls = [engine.complete([Message(role="user", content=str(number))], PLAIN) for number in range(100)]
        texts = [completion.text for completion in await asyncio.gather(*calls)]
    assert texts == [f"answer {number}" for number in range(100)]
    assert len(server.requests) == 110
    assert server.most_in_flight == 4


async def test_a_call_that_waits_for_its_retry_does_not_hold_its_slot() -> None:
    release = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await release.wait()

    clock = dataclasses.replace(fake_clock([]), sleep=sleep)
    answers = [Reply(b"busy", 503), json_reply(TEXT), json_reply(TEXT)]
    async with (
        FakeServer(answers) as server,
        opened("ollama:m", server.url, clock=clock, max_concurrency=1) as engine,
    ):
        first = asyncio.create_task(engine.complete(HELLO, PLAIN))
        await server.first_request.wait()
        assert (await engine.complete(HELLO, PLAIN)).text == "Hi there"
        release.set()
        assert (await first).text == "Hi there"


# Refusals: the user's to change, so not tried again.

REFUSALS: list[tuple[int, str, type[AgentFlowError], str]] = [
    (401, "Incorrect API key provided", ConfigError, r"refuses access \(401\): .* check OPENAI_API_KEY"),
    (403, "Country not supported", ConfigError, r"refuses access \(403\): Country .* check OPENAI_API_KEY"),
    (402, "Insufficient balance", ConfigError, r"rejects the request \(402\): Insufficient balance"),
    (404, "The model 'm' does not exist", ConfigError, r"not found \(404\): The model 'm' .*: check the model's name"),
    (400, "'temperature' does not support 0.7", ConfigError, r"rejects the request \(400\): 'temperature'"),
    (422, "bad schema", ConfigError, r"rejects the request \(422\): bad schema"),
    (413, "Request too large", PromptTooLong, r"does not fit \(413\)"),
    (400, "This model's maximum context length is 4096 tokens. However, you requested", PromptTooLong, "4096"),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).", PromptTooLong, "9000"),
    (400, "the request exceeds the available context size, try increasing it", PromptTooLong, "context size"),
    (400, "The decoder prompt (length 99) is longer than the maximum model length of 9", PromptTooLong, "99"),
]


@pytest.mark.parametrize(("status", "words", "kind", "expected"), REFUSALS)
async def test_refusals(
    monkeypatch: pytest.MonkeyPatch, status: int, words: str, kind: type[AgentFlowError], expected: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    refusal = json_reply({"error": {"message": words}}, status)
    async with FakeServer([refusal]) as server, opened("openai:m", server.url) as engine:
        with pytest.raises(kind, match=expected) as caught:
            await engine.complete(HELLO, PLAIN)
    assert type(caught.value) is kind
    assert len(server.requests) == 1


async def test_an_empty_account_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    refusal = json_reply({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, 429)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY has no quota left"):
        await answer_to("openai:m", refusal)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no such model"},
        {"message": "no such model"},
        {"detail": "no such model"},
        [{"error": {"message": "no such model"}}],
    ],
)
async def test_the_words_are_found_wherever_a_server_puts_them(body: object) -> None:
    with pytest.raises(ConfigError, match=r"\(404\): no such model: check"):
        await answer_to("ollama:m", json_reply(body, 404))


# Tokens.


async def test_tokens_are_estimated_from_above() -> None:
    async with opened("ollama:m", "http://127.0.0.1:1") as engine:
        assert engine.count_tokens("") == 0
        assert engine.count_tokens("What is the capital of France?") == 10  # 7 in most vocabularies
        assert engine.count_tokens("漢字") == 2
        assert not engine.capabilities.exact_token_count
