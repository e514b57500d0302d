"""What holds for the engines of all servers, whatever their format: retries, time, cancellation, the key, the end."""

import asyncio
import gc
import logging
import traceback
import warnings
from typing import Any, NamedTuple

import pytest

from agentflow.errors import AgentFlowError, EngineError

from . import answers
from .fake_server import Answer, CutOff, Drip, FakeServer, Hang, Reply, Reset, json_reply
from .opened import HELLO, PLAIN, answer_to, fake_clock, opened

pytestmark = pytest.mark.anyio

CANARY = 'sk-canary-"7f/3+&9'  # with signs that JSON and URLs spell otherwise


class Kind(NamedTuple):
    """A kind of server: an engine on it, the package that it needs, the variable of its key, and a good answer."""

    spec: str
    package: str
    variable: str
    good: Reply


KINDS = [
    Kind("openai:m", "openai", "OPENAI_API_KEY", json_reply(answers.OPENAI)),
    Kind("anthropic:m", "anthropic", "ANTHROPIC_API_KEY", json_reply(answers.ANTHROPIC)),
    Kind("google:m", "google.genai", "GEMINI_API_KEY", json_reply(answers.GOOGLE)),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.spec)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    chosen: Kind = request.param
    pytest.importorskip(chosen.package)
    monkeypatch.setenv(chosen.variable, CANARY)
    return chosen


PASSING: list[Answer] = [
    json_reply({"error": {"message": "timeout"}}, 408),
    json_reply({"error": {"message": "conflict"}}, 409),
    json_reply({"error": {"message": "slow down"}}, 429),
    json_reply({"error": {"message": "broken"}}, 500),
    Reply(b"<html>bad gateway</html>", 502),
    json_reply({"error": {"message": "overloaded"}}, 529),
    Reset(),
    CutOff(),
    Reply(b'{"choices": [{"message": {"content": "Hi', 200, {"content-type": "application/json"}),
    Reply(b"<html>please log in</html>", 200, {"content-type": "text/html"}),
    Reply(b"\xff\xfe\x00", 200),
    Reply(b"", 200),
    json_reply([]),
]


@pytest.mark.parametrize("failure", PASSING)
async def test_a_failure_that_passes_is_asked_again_by_us_alone(kind: Kind, failure: Answer) -> None:
    slept: list[float] = []
    script = [failure, failure, kind.good]
    async with FakeServer(script) as server, opened(kind.spec, server.url, clock=fake_clock(slept)) as engine:
        assert (await engine.complete(HELLO, PLAIN)).text == "Hi there"
    assert (len(server.requests), slept) == (3, [0.25, 0.5])


@pytest.mark.parametrize("failure", PASSING)
async def test_a_failure_that_stays_is_an_engine_error(kind: Kind, failure: Answer) -> None:
    async with FakeServer([failure] * 3) as server, opened(kind.spec, server.url, max_retries=2) as engine:
        with pytest.raises(EngineError, match=rf"^engine '{kind.spec}' failed after 3 attempts in .* s: ") as caught:
            await engine.complete(HELLO, PLAIN)
    assert len(server.requests) == 3
    assert caught.value.__context__ is None


async def test_the_last_words_of_a_failing_server_are_kept(kind: Kind) -> None:
    failures = [json_reply({"error": {"message": f"number {number}"}}, 500) for number in range(3)]
    with pytest.raises(EngineError, match="HTTP 500: number 2"):
        await answer_to(kind.spec, *failures, max_retries=2)


@pytest.mark.parametrize("silence", [Hang(), Drip()])
async def test_a_server_that_falls_silent_is_left_and_asked_again(kind: Kind, silence: Hang | Drip) -> None:
    script: list[Answer] = [silence, *[kind.good] * 5]
    async with FakeServer(script) as server, opened(kind.spec, server.url, timeout_seconds=0.5) as engine:
        assert (await engine.complete(HELLO, PLAIN)).text == "Hi there"
        async with asyncio.timeout(5):
            await server.desertions.get()


async def test_a_server_that_stays_silent_is_an_engine_error(kind: Kind) -> None:
    with pytest.raises(EngineError, match=r"no answer within 0\.1 s"):
        await answer_to(kind.spec, Hang(), timeout_seconds=0.1, max_retries=0)


async def test_cancellation_lets_the_server_go_at_once(kind: Kind) -> None:
    script: list[Answer] = [Hang(), kind.good]
    async with FakeServer(script) as server, opened(kind.spec, server.url, max_concurrency=1) as engine:
        task = asyncio.create_task(engine.complete(HELLO, PLAIN))
        await server.first_request.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await engine.complete(HELLO, PLAIN)).text == "Hi there"  # its slot is free again
        async with asyncio.timeout(5):
            await server.desertions.get()


async def test_never_more_in_flight_than_allowed(kind: Kind) -> None:
    async def slow(_request: object) -> Reply:
        await asyncio.sleep(0.005)
        return kind.good

    async with FakeServer(slow) as server, opened(kind.spec, server.url, max_concurrency=4) as engine:
        await asyncio.gather(*(engine.complete(HELLO, PLAIN) for _ in range(20)))
    assert (len(server.requests), server.most_in_flight) == (20, 4)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("as_json", [True, False])
async def test_a_key_that_a_server_echoes_reaches_nobody(
    kind: Kind, caplog: pytest.LogCaptureFixture, status: int, as_json: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    words = f"bad key {CANARY}, " * 40  # long enough to be cut: not in the middle of a key
    echo = json_reply({"error": {"message": words}}, status) if as_json else Reply(words.encode(), status)
    async with FakeServer([echo] * 2) as server, opened(kind.spec, server.url, max_retries=1) as engine:
        with pytest.raises(AgentFlowError) as caught:
            await engine.complete(HELLO, PLAIN)
        shown = [repr(engine), str(engine), repr(vars(engine)), repr(engine.capabilities), caplog.text]
    assert any(CANARY in value for value in server.requests[0].headers.values())
    assert "[key redacted]" in str(caught.value)
    shown += [str(caught.value), repr(caught.value), "".join(traceback.format_exception(caught.value))]
    assert caught.value.__context__ is None
    assert not [text for text in shown if "canary" in text]


async def test_nothing_is_left_open(kind: Kind) -> None:
    script: list[Any] = [kind.good, Hang(), *[kind.good] * 4]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with FakeServer(script) as server, opened(kind.spec, server.url, timeout_seconds=0.5) as engine:
            await engine.complete(HELLO, PLAIN)
            await engine.complete(HELLO, PLAIN)
            await engine.close()  # the second close, at the end, does nothing
        del engine, server
        await asyncio.sleep(0)
        gc.collect()
    assert [str(one.message) for one in caught] == []
