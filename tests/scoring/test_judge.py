"""A judge's verdict becomes a reward, and its failure never does."""

import doctest
import json

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import TEXT_ONLY
from agentflow.errors import ConfigError, EngineError
from agentflow.rollout import rollout
from agentflow.scoring import judge as module
from agentflow.scoring.judge import Judge
from agentflow.types import Outcome, Task

from ..flow.team import STOP, answer, flow_of, team

pytestmark = pytest.mark.anyio

TASK = Task(question="Who wrote it?", answers=("Jane Austen",), id="q", metadata={"scorer": "judge"})
RIGHT, WRONG = (json.dumps({"reason": "so it is", "verdict": verdict}) for verdict in ("RIGHT", "WRONG"))


def test_doctests() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("reply", "reward"), [(RIGHT, 1.0), (WRONG, 0.0), (f"```json\n{RIGHT}\n```", 1.0)])
async def test_a_verdict_is_a_reward(reply: str, reward: float) -> None:
    engine = ScriptedEngine([reply])
    assert await Judge(engine).score(TASK, "Miss Austen") == reward
    [request] = engine.requests
    told = request.messages[-1].content
    assert all(part in told for part in ("Who wrote it?", "Jane Austen", "Miss Austen"))
    assert request.sampling.temperature == 0


async def test_an_engine_without_schemas_is_asked_without_one() -> None:
    plain = TEXT_ONLY.model_copy(update={"json_schema": False})
    engine = ScriptedEngine([RIGHT], capabilities=plain)
    assert await Judge(engine).score(TASK, "Austen") == 1.0
    assert engine.requests[0].json_schema is None


async def test_no_answer_is_wrong_without_a_question() -> None:
    engine = ScriptedEngine([])
    assert await Judge(engine).score(TASK, "  ") == 0.0
    assert engine.requests == []


@pytest.mark.parametrize("reply", ["It is right.", '{"verdict": "MAYBE"}', '{"verdict": ["RIGHT"]}', "[1]", "{", ""])
async def test_what_is_no_verdict_is_no_reward(reply: str) -> None:
    with pytest.raises(EngineError, match="judge's reply can not be read"):
        await Judge(ScriptedEngine([reply])).score(TASK, "Austen")


async def test_a_judge_that_fails_is_asked_again() -> None:
    judge = Judge(ScriptedEngine([EngineError("server down"), RIGHT]))
    solved = await rollout(flow_of(team(verifier=STOP, generator=answer("Austen"))), TASK, seed=0, judge=judge)
    assert (solved.reward, solved.error) == (1.0, "")


async def test_a_judge_that_goes_on_failing_leaves_the_trajectory_without_a_reward() -> None:
    judge = Judge(ScriptedEngine([EngineError("server down"), "what?"]))
    solved = await rollout(flow_of(team(verifier=STOP, generator=answer("Austen"))), TASK, seed=0, judge=judge)
    assert (solved.reward, solved.outcome) == (None, Outcome.ANSWERED)
    assert solved.error == "no verdict: the judge's reply can not be read: 'what?'"


async def test_a_task_that_wants_a_judge_needs_one() -> None:
    with pytest.raises(ConfigError, match=r"task 'q' wants a judge: set train\.judge to an engine"):
        await rollout(flow_of(team(verifier=STOP)), TASK, seed=0)
