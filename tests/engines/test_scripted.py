"""The scripted engine: what it replies, what it records, and how little it costs."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentflow.engines import ScriptedEngine, open_engine
from agentflow.engines.scripted import EVERYTHING, Reply
from agentflow.errors import CapabilityError, ConfigError, EngineError
from agentflow.types import Capabilities, Completion, Engine, JsonSchema, Message, Sampling, Usage

from .opened import HELLO, SCHEMA

pytestmark = pytest.mark.anyio


async def test_replies_come_in_order_and_then_end() -> None:
    cut = Completion(text="cut", finish_reason="length")
    engine = ScriptedEngine(["one", cut, EngineError("server down"), "two"])
    assert isinstance(engine, Engine)
    assert (await engine.complete(HELLO, Sampling())).text == "one"
    assert await engine.complete(HELLO, Sampling()) is cut
    with pytest.raises(EngineError, match="server down"):
        await engine.complete(HELLO, Sampling())
    assert (await engine.complete(HELLO, Sampling())).text == "two"
    with pytest.raises(ConfigError, match="engine 'scripted': its script of 4 replies is used up"):
        await engine.complete(HELLO, Sampling())


async def test_a_function_sees_the_whole_call() -> None:
    def reply(messages: Sequence[Message], sampling: Sampling, json_schema: JsonSchema | None) -> Reply:
        return f"{messages[-1].content} {sampling.seed} {json_schema == SCHEMA}"

    engine = ScriptedEngine(reply, name="oracle")
    assert (await engine.complete(HELLO, Sampling(seed=3), json_schema=SCHEMA)).text == "Hello 3 True"
    assert engine.name == "oracle"


async def test_calls_are_recorded_even_if_they_fail() -> None:
    engine = ScriptedEngine([EngineError("down"), "up"])
    with pytest.raises(EngineError):
        await engine.complete(HELLO, Sampling(seed=1))
    await engine.complete(HELLO, Sampling(seed=2), json_schema=SCHEMA)
    assert [request.sampling.seed for request in engine.requests] == [1, 2]
    assert engine.requests[1].messages == tuple(HELLO)
    assert engine.requests[1].json_schema == SCHEMA


async def test_usage_counts_pieces_between_white_space() -> None:
    completion = await ScriptedEngine(["three  short\nwords "]).complete(HELLO, Sampling())
    assert completion.usage == Usage(prompt_tokens=2, completion_tokens=3)
    assert completion.token_ids == completion.logprobs == completion.prompt_token_ids == ()


async def test_token_data_where_asked_for() -> None:
    engine = ScriptedEngine(["to be or not to be", ""], capabilities=EVERYTHING)
    completion = await engine.complete(HELLO, Sampling())
    first, second = completion.token_ids[:2], completion.token_ids[-2:]
    assert first == second
    assert len(set(completion.token_ids)) == 4
    assert completion.token_ids[0] == 1468519108  # on every machine
    assert completion.logprobs == (0.0,) * 6
    assert len(completion.prompt_token_ids) == completion.usage.prompt_tokens == 2
    assert (await engine.complete(HELLO, Sampling())).token_ids == ()


async def test_capabilities_are_kept_to() -> None:
    engine = ScriptedEngine(["x"], capabilities=Capabilities(context_length=100))
    with pytest.raises(CapabilityError, match="seed, json_schema"):
        await engine.complete(HELLO, Sampling(seed=1), json_schema=SCHEMA)
    with pytest.raises(CapabilityError, match="context of 100"):
        await engine.complete(HELLO, Sampling(max_tokens=100))
    assert engine.requests == []


async def test_concurrent_calls_wait_side_by_side_and_can_be_cancelled() -> None:
    engine = ScriptedEngine(["a"] * 50, latency_seconds=60.0)
    tasks = [asyncio.create_task(engine.complete(HELLO, Sampling())) for _ in range(50)]
    await asyncio.sleep(0)
    assert len(engine.requests) == 50
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}


async def test_a_call_without_latency_still_lets_others_run() -> None:
    engine, turns = ScriptedEngine(lambda *_: "x"), list[str]()

    async def caller(name: str) -> None:
        for _ in range(2):
            await engine.complete(HELLO, Sampling())
            turns.append(name)

    await asyncio.gather(caller("a"), caller("b"))
    assert turns == ["a", "b", "a", "b"]


async def test_closing_is_recorded() -> None:
    engine = ScriptedEngine([])
    assert not engine.closed
    await engine.close()
    assert engine.closed


RULES = [
    {"system": "You are the verifier", "when": ["Paris", "sources"], "reply": {"stop": True, "reason": "gefunden ✓"}},
    {"when": "capital of France", "reply": "Paris"},
    {"when": "broken", "error": "the server is on fire"},
    {"system": "You are the planner", "reply": "plan"},
]


@pytest.mark.parametrize("as_lines", [True, False])
async def test_the_first_rule_that_fits_replies(tmp_path: Path, as_lines: bool) -> None:
    lines = "// a comment\n\n" + "\n".join(json.dumps(rule) for rule in RULES) + "\n"
    (tmp_path / "rules").write_text(lines if as_lines else json.dumps(RULES, indent=2), encoding="utf-8")
    engine = open_engine(f"scripted:{tmp_path}/rules")

    async def reply_to(text: str, system: str = "") -> str:
        messages = [Message(role="system", content=system), Message(role="user", content=text)]
        return (await engine.complete(messages, Sampling())).text

    assert await reply_to("What is the capital of France?") == "Paris"
    assert await reply_to("What is the capital of France?", "You are the planner.") == "Paris"
    assert await reply_to("What now?", "You are the planner.") == "plan"
    verdict = await reply_to("Paris, by two sources", "You are the verifier.")
    assert verdict == '{"stop": true, "reason": "gefunden ✓"}'
    with pytest.raises(EngineError, match="the server is on fire"):
        await reply_to("broken")
    with pytest.raises(ConfigError, match="none of its 4 rules fits the message 'who are you'"):
        await reply_to("who are you")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reply": "a"}\n{"replay": "b"}', r"line 2: replay: Extra inputs"),
        ('{"reply": "a"}\n{"reply": ', r"line 2: Expecting value"),
        ('{"when": "a"}', r"line 1: a rule has either a reply or an error"),
        ('{"reply": "a", "error": "b"}', r"line 1: a rule has either a reply or an error"),
        ('[{"reply": "a"}, 5]', r"rule 2: "),
        ("[1, ", r"Expecting value"),
        ("5", r"line 1: "),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "rules.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        open_engine(f"scripted:{tmp_path}/rules.jsonl")


def test_a_missing_file_and_wrong_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not read"):
        open_engine(f"scripted:{tmp_path}/none.jsonl")
    (tmp_path / "rules.jsonl").write_text('{"reply": "a"}')
    with pytest.raises(ConfigError, match="did you mean 'latency_seconds'"):
        open_engine(f"scripted:{tmp_path}/rules.jsonl", settings={"latency": 1})
    with pytest.raises(ConfigError, match="latency_seconds is -1"):
        open_engine(f"scripted:{tmp_path}/rules.jsonl", settings={"latency_seconds": -1})
