"""Equal greedy requests are asked once; sampled ones always; failures are not kept."""

import asyncio

import pytest

from agentflow.engines.greedy_memo import GreedyMemo
from agentflow.engines.scripted import ScriptedEngine
from agentflow.errors import EngineError
from agentflow.types import Completion, Message, Sampling

HELLO = [Message(role="user", content="hello")]
GREEDY = Sampling(temperature=0.0)


def test_equal_greedy_requests_share_one_completion_whatever_their_seeds() -> None:
    inner = ScriptedEngine(["once"], latency_seconds=0.01)

    async def ask() -> list[Completion]:
        memo = GreedyMemo(inner)
        together = [memo.complete(HELLO, GREEDY.model_copy(update={"seed": seed})) for seed in range(3)]
        return [*await asyncio.gather(*together), await memo.complete(HELLO, GREEDY)]

    assert [completion.text for completion in asyncio.run(ask())] == ["once"] * 4
    assert len(inner.requests) == 1


def test_sampled_requests_and_other_settings_are_asked_again() -> None:
    inner = ScriptedEngine(["a", "b", "c", "d"])

    async def ask() -> list[str]:
        memo = GreedyMemo(inner)
        warm = Sampling(temperature=0.7)
        sent = [(HELLO, warm, None), (HELLO, warm, None), (HELLO, GREEDY, None), (HELLO, GREEDY, {"type": "object"})]
        return [(await memo.complete(*messages[:2], json_schema=messages[2])).text for messages in sent]

    assert asyncio.run(ask()) == ["a", "b", "c", "d"]


def test_a_failure_is_tried_again() -> None:
    async def ask() -> str:
        memo = GreedyMemo(ScriptedEngine([EngineError("down"), "up"]))
        with pytest.raises(EngineError):
            await memo.complete(HELLO, GREEDY)
        return (await memo.complete(HELLO, GREEDY)).text

    assert asyncio.run(ask()) == "up"


def test_one_who_gives_up_does_not_take_it_from_the_others() -> None:
    async def ask() -> str:
        memo = GreedyMemo(ScriptedEngine(["there"], latency_seconds=0.05))
        first = asyncio.create_task(memo.complete(HELLO, GREEDY))
        second = asyncio.create_task(memo.complete(HELLO, GREEDY))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).text

    assert asyncio.run(ask()) == "there"


def test_it_remembers_no_more_than_it_is_told_to() -> None:
    inner = ScriptedEngine(lambda messages, _sampling, _schema: messages[0].content)

    async def ask() -> None:
        memo = GreedyMemo(inner, most=2)
        for text in ("1", "2", "3", "1"):
            await memo.complete([Message(role="user", content=text)], GREEDY)

    asyncio.run(ask())
    assert len(inner.requests) == 4
