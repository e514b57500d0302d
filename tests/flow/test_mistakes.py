"""What the model gets wrong: a typed status on the turn, shown to the planner, and the flow goes on."""

import json

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import Reply
from agentflow.tools import tool
from agentflow.types import Completion, Outcome, Status

from .team import ANSWER, ARGUMENTS, PLAN, STOP, TOOLS, answer, arguments, flow_of, plan, team

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("first_plan", "first_arguments", "status", "said"),
    [
        ("I do not know", [], Status.PLAN_ERROR, "no JSON object"),
        ("", [], Status.PLAN_ERROR, "no JSON object"),
        ('{"sub_goal": "go", "tool":', [], Status.PLAN_ERROR, "is broken"),
        ('{"tool": "echo"}', [], Status.PLAN_ERROR, "'sub_goal' is missing"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", [], Status.PLAN_ERROR, "nested too deeply"),
        (plan(tool_name="ecko"), [], Status.UNKNOWN_TOOL, "there is no tool 'ecko'; the tools are: echo, hang, refuse"),
        (PLAN, ["no idea"], Status.ARGUMENTS_ERROR, "no JSON object"),
        (PLAN, ['{"test": "a"}'], Status.ARGUMENTS_ERROR, "'text' is a required property"),
        (PLAN, ['{"text": 3}'], Status.ARGUMENTS_ERROR, "3 is not of type 'string'"),
        (PLAN, ['{"text": NaN}'], Status.ARGUMENTS_ERROR, "NaN"),
        (PLAN, [Completion(text=ARGUMENTS, finish_reason="length")], Status.ARGUMENTS_ERROR, "cut off after"),
        (plan(tool_name="refuse"), [arguments("meat")], Status.TOOL_ERROR, "meat is not for me"),
    ],
)
async def test_a_mistake_is_shown_to_the_planner(
    first_plan: str, first_arguments: list[Reply], status: Status, said: str
) -> None:
    engines = team(
        planner=[first_plan, PLAN],
        executor=[*first_arguments, ARGUMENTS],
        verifier=STOP,
    )
    trajectory = await flow_of(engines).solve("What is it?")
    assert trajectory.outcome is Outcome.ANSWERED
    assert [turn.status for turn in trajectory.turns] == [status, Status.OK]
    assert said in trajectory.turns[0].result
    assert said in engines["planner"].requests[1].messages[-1].content
    assert trajectory.turns[0].verdict is None
    assert json.loads(trajectory.model_dump_json())


async def test_a_verdict_that_can_not_be_read_is_no_reason_to_stop() -> None:
    engines = team(verifier=["maybe", '{"verdict": "PERHAPS"}', STOP])
    trajectory = await flow_of(engines).solve("What is it?")
    assert trajectory.outcome is Outcome.ANSWERED
    assert [turn.verdict.stop for turn in trajectory.turns if turn.verdict] == [False, False, True]
    first = trajectory.turns[0].verdict
    assert first
    assert "could not be read" in first.reason


async def test_mistakes_in_every_turn_end_in_an_answer() -> None:
    engines = team(planner="?")
    trajectory = await flow_of(engines, budget__max_turns=3).solve("What is it?")
    assert trajectory.outcome is Outcome.OUT_OF_TURNS
    assert trajectory.answer == "42"
    assert {turn.status for turn in trajectory.turns} == {Status.PLAN_ERROR}
    assert engines["executor"].requests == engines["verifier"].requests == []


async def test_a_program_comes_from_a_fenced_block() -> None:
    @tool
    async def run(code: str) -> str:
        """Run a program."""
        return f"ran {code!r}"

    run.json_schema["properties"]["code"]["contentMediaType"] = "text/x-python"
    engines = team(planner=plan(tool_name="run"), executor="Here:\n```python\nprint(1)\n```", verifier=STOP)
    trajectory = await flow_of(engines, {"run": run}).solve("What is it?")
    assert trajectory.turns[0].arguments == {"code": "print(1)"}
    assert trajectory.turns[0].result == "ran 'print(1)'"
    assert engines["executor"].requests[0].json_schema is None


async def test_half_a_surrogate_pair_goes_nowhere() -> None:
    """JSON can spell it, and no file, terminal or tokenizer takes it."""

    @tool
    async def broken_text(text: str) -> str:
        """Return what is no text."""
        return f"before {chr(0xDC00)} after"

    engines = team(
        analyst=f"look {chr(0xD800)}",
        planner=[f"lost {chr(0xD800)}", plan(tool_name="broken_text")],
        executor='{"text": "a \\ud800"}',
        verifier=STOP,
        generator=answer("4\ud8002"),
    )
    trajectory = await flow_of(engines, {**TOOLS, "broken_text": broken_text}).solve("What is it?")
    assert trajectory.outcome is Outcome.ANSWERED
    assert trajectory.answer == "4?2"
    assert trajectory.turns[1].result == "before ? after"
    assert json.loads(trajectory.model_dump_json())["analysis"] == "look ?"


async def test_an_empty_result_is_named() -> None:
    @tool
    async def silent(text: str) -> str:
        """Say nothing."""
        return ""

    engines = team(planner=plan(tool_name="silent"))
    await flow_of(engines, {"silent": silent}, budget__max_turns=1).solve("What is it?")
    assert "Result: (empty)" in engines["verifier"].requests[0].messages[-1].content


async def test_an_engine_may_answer_in_one_script() -> None:
    script = ["look", "not a plan", PLAN, "not arguments", PLAN, ARGUMENTS, "no verdict", plan(tool_name="x")]
    engine = ScriptedEngine([*script, ANSWER])
    engines = dict.fromkeys(team(), engine)
    trajectory = await flow_of(engines, budget__max_turns=4).solve("What is it?")
    statuses = [turn.status.value for turn in trajectory.turns]
    assert statuses == ["plan_error", "arguments_error", "ok", "unknown_tool"]
    assert trajectory.answer == "42"
