"""Evaluations from beginning to end: what counts, what is tried again, what is done once, and what is refused."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.evaluation_view import remarks
from agentflow.engines.scripted import Reply
from agentflow.errors import ConfigError, EngineError, PromptTooLong
from agentflow.evaluation.receipt import Record, read_receipt
from agentflow.evaluation.rescore import rescore
from agentflow.evaluation.run import EvaluationStopped
from agentflow.tools.generalist import Generalist
from agentflow.types import Message, Outcome, Task, ToolResult

from .asking import Team, config_of, number_in, numbers, run


def marks(records: tuple[Record, ...]) -> dict[tuple[str, int], float | None]:
    return {record.key: record.score for record in records}


def test_a_crash_a_timeout_and_a_failed_judge_stay_in_the_denominator_and_are_done_again(tmp_path: Path) -> None:
    out, tasks, notices = tmp_path / "receipt.jsonl", numbers(50, judged=[30, 31]), list[str]()
    first = run(out, tasks, Stricken(), notices=notices, attempts=1)
    found = first.header.summary
    assert found
    assert (len(first.records), found.num_items, found.accuracy.num) == (50, 50, 50)
    failed = {record.id: (record.failure, record.error) for record in first.records if record.failure}
    assert failed == {
        "item-10": ("crash", "ZeroDivisionError: nobody thought of that"),
        "item-20": ("infra", "EngineError: no answer within 120 s"),
        "item-30": ("judge", "no verdict: the judge is away"),
    }
    assert found.failures == {"crash": 1, "infra": 1, "judge": 1}
    assert found.failure_rate == 3 / 50
    assert (found.outcomes[Outcome.INTERRUPTED], found.outcomes[Outcome.INFRA_ERROR]) == (1, 1)
    assert found.accuracy.mean == 45 / 50
    assert found.accuracy_without_failures
    assert (found.accuracy_without_failures.mean, found.accuracy_without_failures.num) == (45 / 47, 47)
    [told] = notices
    assert told.startswith("item-10: Traceback")
    assert rescore(out).is_same

    healthy = Team(wrong=[1, 2])
    second = run(out, tasks, healthy)
    assert (sorted(healthy.asked("planner")), healthy.asked("judge")) == ([10, 20], [30])
    assert second.header.summary
    assert second.header.summary.failures == {}
    assert second.header.summary.accuracy.mean == 48 / 50
    again = rescore(out)
    assert again.is_same
    assert again.num_judged == 2
    assert again.after == second.header.summary


class Stricken(Team):
    """Two wrong answers, a fault of ours, a server that hangs up, and a judge that is away."""

    def __init__(self) -> None:
        super().__init__(wrong=[1, 2], unjudged=[30])

    def _plan(self, messages: Sequence[Message], *rest: object) -> Reply:
        number = number_in(messages)
        if number == 10:
            raise ZeroDivisionError("nobody thought of that")
        return EngineError("no answer within 120 s") if number == 20 else super()._plan(messages, *rest)


def test_a_solve_that_runs_out_of_time_is_scored_by_its_best_answer_and_no_failure(tmp_path: Path) -> None:
    config = config_of(budget__max_seconds=0.3)
    summary = run(tmp_path / "receipt.jsonl", numbers(3), Team(slow=[1]), config=config).header.summary
    assert summary
    assert (summary.accuracy.mean, summary.failures) == (1, {})
    assert summary.outcomes == {Outcome.ANSWERED: 2, Outcome.OUT_OF_TIME: 1}


def test_calls_of_tools_that_were_ended_for_their_time_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter((False, False, True, False))

    async def called(*_: object) -> ToolResult:
        if next(turns):
            await asyncio.Event().wait()
        return ToolResult(text="a number")

    monkeypatch.setattr(Generalist, "run", called)
    config = config_of(budget__tool_seconds=0.2)
    receipt = run(tmp_path / "receipt.jsonl", numbers(4), config=config, concurrency=1)
    assert sorted(record.num_timeouts for record in receipt.records) == [0, 0, 0, 1]
    assert receipt.header.summary
    assert receipt.header.summary.num_timeouts == 1
    assert "calls of tools that ran out of time: 1; more time" in "".join(remarks(receipt))


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    first = run(out)
    written = out.read_bytes()
    team = Team()
    second = run(out, None, team)
    assert not any(engine.requests for engine in team.engines.values())
    assert second == first
    assert out.read_bytes() == written


def unfinished(receipt: bytes) -> list[bytes]:
    """The lines of a finished receipt as they were while it was written."""
    header, *records = receipt.splitlines(keepends=True)
    open_header = json.loads(header) | {"finished": "", "summary": None, "records_hash": ""}
    return [json.dumps(open_header, separators=(",", ":")).encode() + b"\n", *records]


@pytest.mark.parametrize(("lines", "further_bytes"), [(0, 0), (0, 10), (1, 0), (3, 0), (3, 1), (3, 2000), (7, 0)])
def test_an_evaluation_that_was_killed_loses_no_more_than_the_line_that_was_being_written(
    tmp_path: Path, lines: int, further_bytes: int
) -> None:
    out = tmp_path / "receipt.jsonl"
    whole = run(out, numbers(6))
    written = unfinished(out.read_bytes())
    out.write_bytes(b"".join(written[:lines]) + b"".join(written[lines:])[:further_bytes])
    team = Team()
    again = run(out, numbers(6), team)
    assert len(team.asked("planner")) == 7 - max(1, lines)
    assert marks(again.records) == marks(whole.records)
    assert rescore(out).is_same


def test_neither_order_nor_concurrency_changes_a_record(tmp_path: Path) -> None:
    tasks = numbers(12)

    def seeds(name: str, tasks: list[Task], **settings: Any) -> dict[Any, Any]:
        receipt = run(tmp_path / name, tasks, trials=2, seed=7, **settings)
        full = read_receipt(receipt.path)
        return {
            record.key: [call.sampling.seed for call in record.trajectory.all_calls]
            for record in full.records
            if record.trajectory
        }

    one = seeds("one", tasks, concurrency=1)
    many = seeds("many", tasks[::-1], concurrency=64)
    fewer = seeds("fewer", tasks, limit=5)
    assert one == many
    assert len(one) == 24
    assert len(fewer) == 10
    assert fewer.items() <= one.items()
    assert len({tuple(calls) for calls in one.values()}) == 24


def test_a_finished_receipt_gets_more_items_and_more_trials_but_never_fewer(tmp_path: Path) -> None:
    out, tasks = tmp_path / "receipt.jsonl", numbers(20)
    run(out, tasks, limit=5)
    team = Team()
    wider = run(out, tasks, team, trials=2, limit=10)
    assert len(team.asked("planner")) == 15
    assert wider.header.summary
    assert (wider.header.summary.num_items, wider.header.summary.num_trials) == (10, 2)
    assert (wider.header.limit, wider.header.trials) == (10, 2)
    assert [record.trial for record in wider.records] == [0, 1] * 10
    with pytest.raises(ConfigError, match=r"has 10 trials more .* raise --limit and --trials .* --out"):
        run(out, tasks, trials=1, limit=10)


def test_a_run_that_fails_throughout_stops_and_says_why(tmp_path: Path) -> None:
    out, team = tmp_path / "receipt.jsonl", Team(broken=range(200))
    with pytest.raises(EvaluationStopped, match=r"20 of 20 solves failed.*20 times: EngineError: the server is down"):
        run(out, numbers(200), team, concurrency=1, attempts=1)
    receipt = read_receipt(out)
    assert (len(receipt.records), receipt.is_finished) == (20, False)
    assert len(run(out, numbers(200), Team()).records) == 200


def test_some_failures_do_not_stop_a_run(tmp_path: Path) -> None:
    receipt = run(tmp_path / "receipt.jsonl", numbers(60), Team(broken=range(1, 60, 2)), concurrency=1, attempts=1)
    assert receipt.header.summary
    assert receipt.header.summary.failure_rate == 0.5


def test_what_fails_again_does_not_stop_a_run_and_leaves_its_receipt_finished(tmp_path: Path) -> None:
    out, broken = tmp_path / "receipt.jsonl", range(0, 100, 4)
    run(out, numbers(100), Team(broken=broken), attempts=1)
    team = Team(broken=broken)
    again = run(out, numbers(100), team, attempts=1)
    assert sorted(team.asked("planner")) == list(broken)
    assert again.is_finished
    assert read_receipt(out).header.summary == again.header.summary
    assert again.header.summary
    assert again.header.summary.failure_rate == 0.25


def test_failures_that_end_before_the_answers_do_not_stop_a_run(tmp_path: Path) -> None:
    """A refused connection is quicker than any answer: those that end first say little of the others."""
    team = Team(broken=range(5, 300, 10))
    team.engines["openai:generator"]._latency_seconds = 0.2
    receipt = run(tmp_path / "receipt.jsonl", numbers(300), team, concurrency=250, attempts=1)
    assert receipt.header.summary
    assert receipt.header.summary.failure_rate == 0.1


def test_a_run_that_was_stopped_is_stopped_again_while_nothing_new_works(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    for stopped_at in (20, 21):
        with pytest.raises(EvaluationStopped, match=f"{stopped_at} of {stopped_at} solves failed"):
            run(out, numbers(200), Team(broken=range(200)), concurrency=1, attempts=1)


def test_a_fault_of_ours_ends_one_solve_and_is_told(tmp_path: Path) -> None:
    notices: list[str] = []

    def answers(number: int) -> str:
        if number == 3:
            raise KeyError(number)
        return str(number)

    receipt = run(tmp_path / "receipt.jsonl", numbers(5), Team(answers=answers), notices=notices)
    crashed = [record for record in receipt.records if record.failure == "crash"]
    assert [(record.id, record.outcome, record.error) for record in crashed] == [
        ("item-3", Outcome.INTERRUPTED, "KeyError: 3")
    ]
    assert any("Traceback" in notice and "item-3" in notice for notice in notices)


def test_a_prompt_that_a_server_finds_too_long_ends_one_solve_and_a_refused_key_all(tmp_path: Path) -> None:
    def too_long(number: int) -> str:
        if number == 3:
            raise PromptTooLong("the prompt has 9000 tokens, the server takes 8192")
        return str(number)

    def refused(number: int) -> str:
        raise ConfigError("the server refuses the key")

    receipt = run(tmp_path / "one.jsonl", numbers(5), Team(answers=too_long))
    assert [record.failure for record in receipt.records] == ["", "", "", "crash", ""]
    with pytest.raises(ConfigError, match="refuses the key"):
        run(tmp_path / "other.jsonl", numbers(5), Team(answers=refused))


def test_an_answer_too_long_for_the_judge_is_a_failure_of_the_judge_and_a_refused_key_ends_all(tmp_path: Path) -> None:
    out, tasks = tmp_path / "receipt.jsonl", numbers(3, judged=[0, 1, 2])

    class Short(Team):
        def _judge(self, messages: Sequence[Message], *rest: object) -> Reply:
            return PromptTooLong("9000 tokens") if number_in(messages) == 1 else super()._judge(messages, *rest)

    team = Short()
    receipt = run(out, tasks, team)
    assert [record.failure for record in receipt.records] == ["", "judge", ""]
    assert (receipt.records[1].error, receipt.records[1].answer) == ("no verdict: 9000 tokens", "1")
    assert team.asked("judge").count(1) == 1  # it would be as long the next time
    healthy = Team()
    run(out, tasks, healthy)
    assert (healthy.asked("planner"), healthy.asked("judge")) == ([], [1])

    class Refused(Team):
        def _judge(self, *_: object) -> Reply:
            return ConfigError("the server refuses the key")

    with pytest.raises(ConfigError, match="refuses the key"):
        run(tmp_path / "other.jsonl", tasks, Refused())


def test_a_scorer_that_breaks_is_a_crash_that_keeps_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(task: Task, answer: str) -> float:
        raise RecursionError(answer)

    monkeypatch.setattr("agentflow.rollout.score", broken)
    run(tmp_path / "receipt.jsonl", numbers(1))
    [record] = read_receipt(tmp_path / "receipt.jsonl").records
    assert (record.failure, record.error, record.answer) == ("crash", "RecursionError: 0", "0")


def test_a_reason_is_that_of_its_verdict(tmp_path: Path) -> None:
    class Moody(Team):
        def _judge(self, *_: object) -> Reply:
            num = len(self.asked("judge"))
            return json.dumps({"reason": f"look {num}", "verdict": "RIGHT" if num == 1 else "WRONG"})

    team = Moody()
    receipt = run(tmp_path / "receipt.jsonl", numbers(1, judged=[0]), team, trials=3, concurrency=3)
    assert [(record.score, record.reason) for record in receipt.records] == [(1.0, "look 1")] * 3


def test_an_empty_answer_counts_as_wrong(tmp_path: Path) -> None:
    receipt = run(tmp_path / "receipt.jsonl", numbers(4), Team(answers=lambda number: " " if number else "0"))
    summary = receipt.header.summary
    assert summary
    assert (summary.accuracy.mean, summary.num_empty_answers, summary.failure_rate) == (0.25, 3, 0)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task(question=" ", id="x", metadata={"scorer": "number"}), "the question is empty"),
        (Task(question="?", id="x"), "has no scorer"),
        (Task(question="?", id="x", metadata={"scorer": "number"}), "no gold answers"),
        (Task(question="word " * 2000, id="x", answers=("1",), metadata={"scorer": "number"}), "question_tokens"),
    ],
)
def test_an_item_that_can_not_be_asked_or_scored_is_found_before_anything_is_asked(
    tmp_path: Path, task: Task, words: str
) -> None:
    team = Team()
    with pytest.raises(ConfigError, match=rf"item 'x' can not be asked and scored: .*{words}"):
        run(tmp_path / "receipt.jsonl", [*numbers(3), task], team)
    assert not team.asked("planner")
    assert not (tmp_path / "receipt.jsonl").exists()


def test_two_items_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two items have the id 'item-1'"):
        run(tmp_path / "receipt.jsonl", [*numbers(3), numbers(2)[1]])


def test_one_process_at_a_time_and_the_next_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    code = (
        "from pathlib import Path; from tests.evaluation.asking import Team, numbers, run; "
        f"run(Path({str(out)!r}), numbers(4), Team(slow=[3]))"
    )
    other = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        until = time.monotonic() + 60
        while not out.exists() or out.read_bytes().count(b"\n") < 4:
            assert other.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(ConfigError, match=r"another process writes to .*receipt.jsonl"):
            run(out, numbers(4))
        assert len(read_receipt(out).records) == 3
    finally:
        other.kill()
        other.wait()
    team = Team()
    assert run(out, numbers(4), team).is_finished
    assert team.asked("planner") == [3]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_to_is_the_users_mistake(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="can not write the receipt"):
        run(tmp_path / "receipt.jsonl", numbers(2))
