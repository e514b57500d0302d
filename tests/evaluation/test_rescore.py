"""A receipt under mended rules: the marks of today in a file of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import ConfigError
from agentflow.evaluation.privacy import line_of
from agentflow.evaluation.receipt import read_receipt
from agentflow.evaluation.rescore import rescore, write_rescored
from agentflow.scoring.math_pool import MathPool

from .asking import Team, numbers, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The receipt of four right answers, a wrong one and a failure."""
    return run(tmp_path / "before.jsonl", numbers(6), Team(wrong=[2], broken=[5])).path


@pytest.fixture
def mended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of today, and not of the run, under which the wrong answer is worth half a mark."""
    from agentflow.scoring import rules

    monkeypatch.setitem(rules.RULES, "number", lambda task, answer: 0.5 if answer == "nobody knows" else 1.0)


@pytest.mark.usefixtures("mended")
def test_a_mended_rule_makes_another_receipt(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "after.jsonl"
    found = rescore(path)
    write_rescored(found, out)
    before, after = read_receipt(path), read_receipt(out)
    assert [record.score for record in after.records] == [1, 1, 0.5, 1, 1, None]
    assert after.header.summary
    assert after.header.summary.accuracy.mean == 4.5 / 6
    assert after.header.rescored.startswith("agentflow-grpo ")
    kept = {"rescored", "summary", "records_hash"}
    assert after.header.model_dump(exclude=kept) == before.header.model_dump(exclude=kept)
    for old, new in zip(before.records, after.records, strict=True):
        assert old.trajectory
        assert new.trajectory
        assert new.trajectory.reward == new.score
        unmarked: Any = {"score": True, "trajectory": {"reward"}}
        assert new.model_dump(exclude=unmarked) == old.model_dump(exclude=unmarked)
    assert rescore(out).is_same
    assert not rescore(path).is_same


def test_under_the_same_rules_the_records_are_the_same(path: Path, tmp_path: Path) -> None:
    write_rescored(rescore(path), tmp_path / "after.jsonl")
    assert path.read_bytes().split(b"\n", 1)[1] == (tmp_path / "after.jsonl").read_bytes().split(b"\n", 1)[1]


def test_nothing_is_written_over(path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("precious")
    with pytest.raises(ConfigError, match=r"mine.jsonl is there already"):
        write_rescored(rescore(path), tmp_path / "mine.jsonl")
    assert (tmp_path / "mine.jsonl").read_text() == "precious"
    with pytest.raises(ConfigError, match="is there already"):
        write_rescored(rescore(path), path)


def test_neither_an_unfinished_nor_a_changed_receipt_is_made_a_whole_one(path: Path, tmp_path: Path) -> None:
    out, lines = tmp_path / "after.jsonl", path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines).replace('"score":0.0', '"score":1.0'))
    with pytest.raises(ConfigError, match="its lines were changed since"):
        write_rescored(rescore(path), out)
    unfinished = json.loads(lines[0]) | {"finished": "", "summary": None, "records_hash": ""}
    path.write_text(f"{json.dumps(unfinished)}\n{''.join(lines[1:])}")
    with pytest.raises(ConfigError, match="is not finished"):
        write_rescored(rescore(path), out)
    assert not out.exists()


def test_a_receipt_that_can_not_be_written_leaves_no_half_of_itself(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, out, written = rescore(path), tmp_path / "after.jsonl", list[int]()

    def until_full(noun: Any) -> bytes:
        written.append(1)
        if len(written) > 10:  # six records are read for their hash before
            raise OSError(28, "No space left on device")
        return line_of(noun)

    monkeypatch.setattr("agentflow.evaluation.rescore.line_of", until_full)
    with pytest.raises(ConfigError, match=r"can not write the receipt .*: No space left on device"):
        write_rescored(found, out)
    assert not out.exists()


def test_comparisons_that_come_to_no_end_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("math_verify")
    pool = MathPool(size=1, seconds=0.5)
    monkeypatch.setattr("agentflow.scoring.mathematics.math_pool", lambda: pool)
    tasks = [task.model_copy(update={"metadata": {"scorer": "math"}}) for task in numbers(4)]
    out = tmp_path / "receipt.jsonl"
    try:
        receipt = run(out, tasks, Team(answers=lambda number: "$9^{9^{9^{9}}}$" if number == 2 else str(number)))
        assert [record.num_uncompared > 0 for record in receipt.records] == [False, False, True, False]
        assert receipt.header.summary
        assert receipt.header.summary.num_uncompared == receipt.records[2].num_uncompared
        found = rescore(out)
        assert found.is_same
        assert found.after.num_uncompared == receipt.header.summary.num_uncompared == pool.counts.out_of_time / 2
    finally:
        pool.close()
