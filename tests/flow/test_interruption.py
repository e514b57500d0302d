"""A solve can be given up anywhere: it is recorded once, as far as it came, and nothing else happens."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.flow import Solving
from agentflow.types import Outcome, Status, Trajectory

from .team import PLAN, STOP, flow_of, plan, recorder, team

pytestmark = pytest.mark.anyio


def stage(name: str, times: int = 1) -> tuple[asyncio.Event, Callable[[str], None]]:
    """An event that is set when a stage begins for the n-th time."""
    event, begun = asyncio.Event(), list[str]()

    def on_stage(stage: str) -> None:
        begun.append(stage)
        if begun.count(name) == times:
            event.set()

    return event, on_stage


async def drive(solving: Solving) -> Trajectory:
    return await solving


async def test_cancelled_in_a_call_of_an_engine() -> None:
    recorded, sink = recorder()
    engines = team()
    engines["planner"] = ScriptedEngine(lambda *_: PLAN, latency_seconds=0.01)
    third_plan, on_stage = stage("planner", 3)
    task = asyncio.create_task(drive(flow_of(engines, sink=sink).solve("What is it?", on_stage=on_stage)))
    await third_plan.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [trajectory] = recorded
    assert trajectory.outcome is Outcome.INTERRUPTED
    assert trajectory.analysis == "look at it"
    assert len(trajectory.turns) == 2
    assert (trajectory.answer, trajectory.error) == ("", "")
    assert engines["generator"].requests == []


async def test_cancelled_in_a_tool() -> None:
    recorded, sink = recorder()
    hanging, on_stage = stage("hang")
    engines = team(planner=[PLAN, plan(tool_name="hang")])
    task = asyncio.create_task(drive(flow_of(engines, sink=sink).solve("What is it?", on_stage=on_stage)))
    await hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [trajectory] = recorded
    assert trajectory.outcome is Outcome.INTERRUPTED
    assert [turn.status for turn in trajectory.turns] == [Status.OK, Status.CUT_OFF]
    assert trajectory.turns[1].arguments == {"text": "hello"}
    assert [call.module for call in trajectory.turns[1].calls] == ["planner", "executor"]


async def test_cancelled_by_a_time_limit_of_the_caller() -> None:
    recorded, sink = recorder()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await flow_of(team(planner=plan(tool_name="hang")), sink=sink).solve("What is it?")
    assert [trajectory.outcome for trajectory in recorded] == [Outcome.INTERRUPTED]


async def test_left_between_two_turns() -> None:
    recorded = asyncio.get_running_loop().create_future()
    async for _turn in flow_of(sink=recorded.set_result).solve("What is it?"):
        break
    trajectory = await recorded
    assert trajectory.outcome is Outcome.INTERRUPTED
    assert len(trajectory.turns) == 1


async def test_closed_between_two_turns() -> None:
    recorded, sink = recorder()
    async with aclosing(flow_of(sink=sink).solve("What is it?")) as solving:
        await anext(solving)
    assert [trajectory.outcome for trajectory in recorded] == [Outcome.INTERRUPTED]
    with pytest.raises(RuntimeError, match="interrupted before"):
        await solving


async def test_closing_what_is_over_does_nothing() -> None:
    recorded, sink = recorder()
    async with aclosing(flow_of(team(verifier=STOP), sink=sink).solve("What is it?")) as solving:
        await solving
    assert [trajectory.outcome for trajectory in recorded] == [Outcome.ANSWERED]


async def test_a_solve_that_nobody_awaits_does_nothing() -> None:
    recorded, sink = recorder()
    engines = team()
    flow_of(engines, sink=sink).solve("What is it?")
    await asyncio.sleep(0)
    assert recorded == []
    assert engines["analyst"].requests == []


async def test_a_cancelled_solve_leaves_its_siblings_alone() -> None:
    recorded, sink = recorder()
    flow = flow_of(team(latency_seconds=0.05), sink=sink, budget__max_turns=2)
    tasks = [asyncio.create_task(drive(flow.solve(f"question {number}"))) for number in range(10)]
    await asyncio.sleep(0.01)
    tasks[3].cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(end, asyncio.CancelledError) for end in ends].count(True) == 1
    assert [t.outcome for t in recorded].count(Outcome.OUT_OF_TURNS) == 9
    assert {t.task.question for t in recorded if t.outcome is Outcome.INTERRUPTED} == {"question 3"}


async def test_turns_come_one_by_one_and_then_the_trajectory() -> None:
    engines = team()
    solving = flow_of(engines, budget__max_turns=3).solve("What is it?")
    seen = []
    async for turn in solving:
        seen.append(turn)
        assert len(engines["planner"].requests) == len(seen)  # the next one has not begun
    trajectory = await solving
    assert trajectory.turns == tuple(seen)
    assert await solving is trajectory
    assert [turn async for turn in solving] == []


async def test_a_sink_that_fails_is_told_once() -> None:
    calls: list[Trajectory] = []

    def sink(trajectory: Trajectory) -> None:
        calls.append(trajectory)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await flow_of(sink=sink).solve("What is it?")
    assert len(calls) == 1
