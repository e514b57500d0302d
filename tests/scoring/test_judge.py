"""A judge's verdict becomes a reward, and its failure never does."""

import asyncio
import doctest
import json
from pathlib import Path

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import TEXT_ONLY
from agentflow.errors import ConfigError, EngineError
from agentflow.rollout import rollout
from agentflow.scoring import judge as module
from agentflow.scoring.judge import Judge
from agentflow.scoring.verdicts import Judgement
from agentflow.types import Completion, Outcome, Task, Usage

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


async def test_a_verdict_has_a_reason() -> None:
    assert await Judge(ScriptedEngine([RIGHT])).judge(TASK, "Austen") == Judgement(right=True, reason="so it is")


async def test_the_same_question_and_answer_are_judged_once() -> None:
    judge = Judge(ScriptedEngine([RIGHT, WRONG]))
    assert [await judge.score(TASK, "Austen") for _ in range(3)] == [1.0] * 3
    assert judge.num_calls == 1
    assert await judge.score(TASK, "austen") == 0.0


async def test_equal_answers_at_the_same_time_are_judged_once() -> None:
    judge = Judge(ScriptedEngine([EngineError("down"), RIGHT, WRONG]))
    with pytest.raises(EngineError):
        await judge.score(TASK, "Austen")
    found = await asyncio.gather(*[judge.judge(TASK, "Austen") for _ in range(3)])
    assert found == [Judgement(right=True, reason="so it is")] * 3
    assert judge.num_calls == 2


async def test_one_who_waits_for_a_verdict_that_fails_asks_for_itself() -> None:
    judge = Judge(ScriptedEngine([EngineError("down"), RIGHT]))
    found = await asyncio.gather(*[judge.score(TASK, "Austen") for _ in range(3)], return_exceptions=True)
    assert [str(one) for one in found] == ["down", "1.0", "1.0"]


async def test_what_a_reply_took_is_told_whether_it_can_be_read_or_not() -> None:
    judge, told = Judge(ScriptedEngine(["what is that?", RIGHT])), list[int]()

    def spent(usage: Usage) -> None:
        told.append(usage.completion_tokens)

    with pytest.raises(EngineError):
        await judge.judge(TASK, "Austen", spent)
    for _ in range(2):
        await judge.judge(TASK, "Austen", spent)
    assert told == [3, len(RIGHT.split())]


async def test_a_reply_that_was_cut_off_names_the_setting() -> None:
    cut_off = Completion(text="", finish_reason="length")
    with pytest.raises(EngineError, match=r"cut off after 64 tokens: raise judge\.max_tokens"):
        await Judge(ScriptedEngine([cut_off]), max_tokens=64).score(TASK, "Austen")
    whole = Completion(text=RIGHT, finish_reason="length")
    assert await Judge(ScriptedEngine([whole])).score(TASK, "Austen") == 1


async def test_verdicts_are_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "verdicts" / "judge.jsonl"
    first = Judge(ScriptedEngine([RIGHT]), path)
    assert await first.score(TASK, "Miss Austen") == 1.0
    second = Judge(ScriptedEngine([]), path)
    assert await second.judge(TASK, "Miss Austen") == Judgement(right=True, reason="so it is")
    assert second.num_calls == 0


OTHERS = [
    (TASK.model_copy(update={"question": "Who else?"}), "Miss Austen"),
    (TASK.model_copy(update={"answers": ("Jane Austen", "Austen")}), "Miss Austen"),
    (TASK, "Miss Austen!"),
]


@pytest.mark.parametrize(("task", "said"), OTHERS)
async def test_another_question_gold_or_answer_is_asked_anew(task: Task, said: str, tmp_path: Path) -> None:
    await Judge(ScriptedEngine([RIGHT]), tmp_path / "judge.jsonl").score(TASK, "Miss Austen")
    assert await Judge(ScriptedEngine([WRONG]), tmp_path / "judge.jsonl").score(task, said) == 0.0


async def test_another_engine_prompt_sampling_or_weights_are_asked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "judge.jsonl"
    await Judge(ScriptedEngine([RIGHT]), path).score(TASK, "Austen")
    assert await Judge(ScriptedEngine([WRONG], name="scripted:other"), path).score(TASK, "Austen") == 0.0
    greedy = TEXT_ONLY.model_copy(update={"temperature": False})
    assert await Judge(ScriptedEngine([WRONG], capabilities=greedy), path).score(TASK, "Austen") == 0.0
    assert await Judge(ScriptedEngine([WRONG]), path, weights="f00d").score(TASK, "Austen") == 0.0
    assert await Judge(ScriptedEngine([WRONG]), path, max_tokens=2000).score(TASK, "Austen") == 0.0
    monkeypatch.setattr(module, "PROMPT_HASH", "another")
    assert await Judge(ScriptedEngine([WRONG]), path).score(TASK, "Austen") == 0.0


async def test_failures_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    with pytest.raises(EngineError):
        await Judge(ScriptedEngine(["what?"]), path).score(TASK, "Austen")
    assert not path.exists()
    assert await Judge(ScriptedEngine([RIGHT]), path).score(TASK, "Austen") == 1.0


async def test_a_line_that_was_cut_off_is_asked_again_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    judge = Judge(ScriptedEngine([RIGHT, WRONG]), path)
    await judge.score(TASK, "one")
    await judge.score(TASK, "two")
    path.write_bytes(path.read_bytes()[:-20])
    again = Judge(ScriptedEngine([RIGHT]), path)
    assert [await again.score(TASK, said) for said in ("one", "two")] == [1.0, 1.0]
    last = Judge(ScriptedEngine([]), path)
    assert [await last.score(TASK, said) for said in ("one", "two")] == [1.0, 1.0]


def test_another_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "?"}\n')
    with pytest.raises(ConfigError, match="holds no verdicts"):
        Judge(ScriptedEngine([]), path)


def test_a_file_that_can_not_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        Judge(ScriptedEngine([]), tmp_path)
