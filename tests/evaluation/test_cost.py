"""What an evaluation takes: every attempt, every crash, the judge, and the dollars for them."""

import doctest
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentflow.engines.scripted import Reply
from agentflow.errors import EngineError
from agentflow.evaluation import cost
from agentflow.evaluation.receipt import Record, read_receipt
from agentflow.evaluation.rescore import rescore
from agentflow.types import Message, Usage

from ..flow.team import answer
from .asking import MODULES, Team, config_of, number_in, numbers, run

PRICES = {f"openai:{module}": {"prompt": 1.0, "completion": 10.0} for module in MODULES}


def test_examples() -> None:
    assert doctest.testmod(cost).failed == 0


def dollars(usage: Usage) -> float:
    return (usage.prompt_tokens + 10 * usage.completion_tokens) / 1e6


class FailsOnce(Team):
    """The generator fails at its first call."""

    def _answer(self, messages: Sequence[Message], *_: object) -> Reply:
        first = len(self.asked("generator")) == 1
        return EngineError("down") if first else answer(str(number_in(messages)))


def test_every_attempt_counts(tmp_path: Path) -> None:
    config = config_of(prices=PRICES)
    [once] = run(tmp_path / "once.jsonl", numbers(1), config=config).records
    [twice] = run(tmp_path / "twice.jsonl", numbers(1), FailsOnce(), config=config).records
    out = tmp_path / "later.jsonl"
    run(out, numbers(1), FailsOnce(), config=config, attempts=1)
    receipt = run(out, numbers(1), config=config)
    for record in (twice, *receipt.records):
        assert record.failure == ""
        assert once.usage.total_tokens < record.usage.total_tokens < 2 * once.usage.total_tokens
        assert record.dollars == pytest.approx(dollars(record.usage))
    assert receipt.records[0].usage == twice.usage
    assert receipt.header.summary
    assert receipt.header.summary.dollars == receipt.records[0].dollars > 0
    assert rescore(out).is_same


def test_a_crash_keeps_what_there_was_of_the_solve(tmp_path: Path) -> None:
    def answers(number: int) -> str:
        raise KeyError(number)

    run(tmp_path / "receipt.jsonl", numbers(3), Team(answers=answers), config=config_of(prices=PRICES), attempts=1)
    records = read_receipt(tmp_path / "receipt.jsonl").records
    for number, record in enumerate(records):
        assert (record.failure, record.error) == ("crash", f"KeyError: {number}")
        assert record.trajectory
        assert (record.trajectory.task.id, record.num_turns) == (f"item-{number}", 1)
        assert record.usage == record.trajectory.usage
        assert record.dollars == pytest.approx(dollars(record.usage))
        assert record.dollars > 0


def judged(out: Path, team: Team, trials: int = 1) -> list[Record]:
    run(out, numbers(2, judged=[0, 1]), team, config=config_of(prices=PRICES), trials=trials, concurrency=4)
    return list(read_receipt(out).records)


def test_what_the_judge_takes_is_counted_apart_and_once(tmp_path: Path) -> None:
    records = judged(tmp_path / "receipt.jsonl", Team(), trials=2)
    for of_item in (records[:2], records[2:]):
        asked = [record for record in of_item if record.judge_usage.total_tokens]
        assert len(asked) == 1  # the other trial says the same
        for record in of_item:
            assert record.dollars == pytest.approx(dollars(record.usage + record.judge_usage))
    summary = read_receipt(tmp_path / "receipt.jsonl").header.summary
    assert summary
    assert summary.judge_usage.total_tokens == sum(record.judge_usage.total_tokens for record in records)


def test_a_verdict_that_is_asked_for_again_adds_to_what_was_spent(tmp_path: Path) -> None:
    class Mumbling(Team):
        def _judge(self, *_: object) -> Reply:
            return "what is that?"

    first = judged(tmp_path / "receipt.jsonl", Mumbling())
    assert [(record.failure, record.judge_usage.completion_tokens) for record in first] == [("judge", 6)] * 2
    team = Team()
    again = judged(tmp_path / "receipt.jsonl", team)
    assert not team.asked("planner")
    for before, after in zip(first, again, strict=True):
        assert (after.failure, after.usage) == ("", before.usage)
        assert after.judge_usage.prompt_tokens == 3 * before.judge_usage.prompt_tokens // 2


def test_prices_may_change_and_one_that_nobody_pays_is_told(tmp_path: Path) -> None:
    out, notices = tmp_path / "receipt.jsonl", list[str]()
    run(out, numbers(3), limit=2)
    prices = {"openai:planner": {"prompt": 3, "completion": 0}, "openai:planer": {"prompt": 3, "completion": 0}}
    records = run(out, numbers(3), config=config_of(prices=prices), notices=notices).records
    assert [record.dollars > 0 for record in records] == [False, False, True]
    assert notices == ["the price of engine openai:planer is not used: nothing here runs on it"]


def test_a_receipt_of_before_has_cost_nothing(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    run(out, numbers(2))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for fields in (lines[0]["summary"], *lines[1:]):
        for name in ("dollars", "judge_usage", "num_uncompared", "num_timeouts"):
            del fields[name]
    lines[0]["records_hash"] = ""
    out.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    receipt = read_receipt(out)
    assert receipt.header.summary
    assert receipt.header.summary.dollars == 0
    assert rescore(out).before == rescore(out).after
