"""Turns, time and tokens: each is checked before every call, and ends in a forced best answer."""

import asyncio
import time

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.tools import tool
from agentflow.types import (
    Call,
    Completion,
    Message,
    ModuleName,
    Outcome,
    Sampling,
    Status,
    ToolResult,
    Trajectory,
    Usage,
)

from .team import PLAN, TOOLS, flow_of, plan, team

pytestmark = pytest.mark.anyio


def slow(reply: str, seconds: float = 30.0) -> ScriptedEngine:
    return ScriptedEngine(lambda *_: reply, latency_seconds=seconds)


async def test_time_ends_the_turns_and_the_answer_is_still_given() -> None:
    engines = team(latency_seconds=0.04)
    trajectory = await flow_of(engines, budget__max_seconds=0.4, budget__max_turns=7).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TIME
    assert trajectory.answer == "42"
    assert 0 < len(trajectory.turns) < 7


@pytest.mark.parametrize("module", ["analyst", "planner", "executor", "verifier"])
async def test_time_cuts_a_running_call(module: ModuleName) -> None:
    engines = team()
    engines[module] = slow("too late")
    begun = time.monotonic()
    trajectory = await flow_of(engines, budget__max_seconds=0.05).solve("What is it?")
    assert time.monotonic() - begun < 5
    assert trajectory.outcome is Outcome.OUT_OF_TIME
    assert trajectory.answer == "42"
    assert [call.module for call in trajectory.calls][-1] == "generator"


async def test_time_cuts_a_tool_that_hangs() -> None:
    flow = flow_of(team(planner=[PLAN, plan(tool_name="hang")]), budget__max_seconds=0.3)
    trajectory = await flow.solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TIME
    assert trajectory.answer == "42"
    assert [turn.status for turn in trajectory.turns] == [Status.OK, Status.CUT_OFF]
    assert trajectory.turns[1].verdict is None
    assert [call.module for call in trajectory.turns[1].calls] == ["planner", "executor"]


async def test_a_result_that_came_before_the_end_is_used_for_the_answer() -> None:
    """The verifier had no time left to look at it; it has been paid for."""
    engines = team()
    engines["verifier"] = slow("too late")
    trajectory = await flow_of(engines, budget__max_seconds=0.3).solve("What is it?")
    [turn] = trajectory.turns
    assert (turn.status, turn.result, turn.verdict) == (Status.OK, "echo of hello", None)
    assert "echo of hello" in engines["generator"].requests[0].messages[-1].content


async def test_turns_that_were_cut_off_are_yielded_too() -> None:
    solving = flow_of(team(planner=[PLAN, plan(tool_name="hang")]), budget__max_seconds=0.3).solve("What is it?")
    yielded = [turn async for turn in solving]
    assert tuple(yielded) == (await solving).turns


async def test_a_turn_in_which_nothing_was_decided_leaves_no_trace() -> None:
    engines = team()
    engines["planner"] = slow("too late")
    trajectory = await flow_of(engines, budget__max_seconds=0.05).solve("What is it?")
    assert trajectory.turns == ()
    assert "No turn has been taken." in engines["generator"].requests[0].messages[-1].content


async def test_an_engine_that_hangs_does_not_hang_the_solve() -> None:
    engines = team()
    engines["generator"] = slow("too late")
    trajectory = await flow_of(engines, budget__max_seconds=0.05, budget__max_turns=1).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TIME
    assert trajectory.answer == ""
    assert trajectory.error == "no answer came out in time"


async def test_a_tool_has_its_own_time_and_the_flow_goes_on() -> None:
    engines = team(planner=[plan(tool_name="hang"), PLAN])
    flow = flow_of(engines, budget__tool_seconds=0.1, budget__max_turns=2)
    trajectory = await flow.solve("What is it?")
    assert [turn.status for turn in trajectory.turns] == [Status.TOOL_TIMEOUT, Status.OK]
    assert trajectory.outcome is Outcome.OUT_OF_TURNS
    assert "gave no answer within 0.1 seconds" in engines["planner"].requests[1].messages[-1].content


async def test_time_counts_from_the_moment_a_solve_is_awaited() -> None:
    flow = flow_of(budget__max_seconds=0.3, budget__max_turns=1)
    solvings = [flow.solve("What is it?") for _ in range(2)]
    await asyncio.sleep(0.35)
    outcomes = [(await solving).outcome for solving in solvings]
    assert outcomes == [Outcome.OUT_OF_TURNS] * 2


async def test_tokens_end_the_turns_and_the_answer_is_still_given() -> None:
    whole = await flow_of(budget__max_turns=4).solve("What is it?")
    half = whole.usage.total_tokens // 2
    trajectory = await flow_of(budget__max_turns=4, budget__max_tokens=half).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TOKENS
    assert trajectory.answer == "42"
    assert 0 < len(trajectory.turns) < 4
    assert tokens_before_last_call(trajectory) >= half
    assert tokens_before_last_call(trajectory) < whole.usage.total_tokens


def tokens_before_last_call(trajectory: Trajectory) -> int:
    return trajectory.usage.total_tokens - trajectory.all_calls[-1].completion.usage.total_tokens


async def test_a_single_token_pays_for_the_analysis_and_the_answer_alone() -> None:
    trajectory = await flow_of(budget__max_tokens=1).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TOKENS
    assert [call.module for call in trajectory.all_calls] == ["analyst", "generator"]
    assert trajectory.answer == "42"


async def test_the_tokens_of_a_tool_count() -> None:
    dear = Call(
        module="tool",
        engine="scripted",
        messages=(Message(role="user", content="a"),),
        sampling=Sampling(),
        completion=Completion(text="b", usage=Usage(prompt_tokens=1_000_000)),
        seconds=0.0,
    )

    @tool
    async def spend(text: str) -> ToolResult:
        """Ask a dear engine."""
        return ToolResult(text="spent", calls=(dear,))

    engines = team(planner=plan(tool_name="spend"))
    trajectory = await flow_of(engines, {**TOOLS, "spend": spend}, budget__max_tokens=900_000).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TOKENS
    assert [turn.result for turn in trajectory.turns] == ["spent"]
