"""Two receipts of the same items, and those that are not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.errors import ConfigError
from agentflow.evaluation.compare import compare
from agentflow.evaluation.receipt import Receipt, Record, read_receipt
from agentflow.evaluation.statistics import bootstrap_interval, mcnemar

from .asking import BENCHMARK, Team, config_of, numbers, run


def receipt(out: Path, num: int = 20, *, wrong: range = range(0), trials: int = 1, **settings: object) -> Receipt:
    return run(out, numbers(num), Team(wrong=wrong), trials=trials, config=config_of(**settings))


def test_items_are_paired(tmp_path: Path) -> None:
    one = receipt(tmp_path / "one", wrong=range(10))
    other = receipt(tmp_path / "other", wrong=range(8, 12), planner__temperature=0.5)
    found = compare(one, other)
    assert (found.first.mean, found.second.mean, round(found.difference, 9)) == (0.5, 0.8, 0.3)
    assert (found.better, found.worse, found.p) == (8, 2, mcnemar(8, 2))
    assert found.interval == bootstrap_interval([1.0] * 8 + [-1.0] * 2 + [0.0] * 10)
    assert found.conditions == ("config.planner.temperature: 0.0 -> 0.5",)
    turned = compare(other, one)
    assert (turned.difference, turned.better, turned.worse) == (-found.difference, 2, 8)


def test_a_receipt_does_not_differ_from_itself(tmp_path: Path) -> None:
    found = compare(one := receipt(tmp_path / "one", wrong=range(3)), one)
    assert (found.difference, found.interval, found.p, found.conditions) == (0, (0, 0), 1, ())


def test_trials_of_an_item_count_as_one_item(tmp_path: Path) -> None:
    one, other = (receipt(tmp_path / name, wrong=wrong, trials=3) for name, wrong in (("a", range(5)), ("b", range(2))))
    found = compare(one, other)
    assert (found.num_items, found.num_pairs, found.better, found.worse) == (20, 60, 3, 0)
    assert found.p == mcnemar(3, 0)
    assert found.interval == bootstrap_interval([1.0] * 3 + [0.0] * 17)


def unfinished(receipt: Receipt, kept: Callable[[Record], bool]) -> Receipt:
    """A receipt as it was when only some of its records were there."""
    header, *records = receipt.path.read_bytes().splitlines(keepends=True)
    begun = json.loads(header) | {"finished": "", "summary": None, "records_hash": ""}
    some = [line for line, record in zip(records, receipt.records, strict=True) if kept(record)]
    receipt.path.write_bytes(b"".join([json.dumps(begun).encode() + b"\n", *some]))
    return read_receipt(receipt.path)


def number(record: Record) -> int:
    return int(record.id.removeprefix("item-"))


def test_receipts_of_different_items_are_refused_but_for_what_they_share(tmp_path: Path) -> None:
    one = unfinished(receipt(tmp_path / "one"), lambda record: number(record) < 12)
    other = receipt(tmp_path / "other", wrong=range(3))
    with pytest.raises(ConfigError, match=r"same trials: 0 are only in .*one, 8 only in .*other, 12 in both.*--common"):
        compare(one, other)
    found = compare(one, other, common=True)
    assert (found.num_items, found.worse) == (12, 3)
    thrice = receipt(tmp_path / "thrice", trials=3)
    with pytest.raises(ConfigError, match="40 only in"):
        compare(other, thrice)
    assert compare(one, thrice, common=True).num_pairs == 12


def test_of_unequal_trials_as_many_count_as_each_item_has(tmp_path: Path) -> None:
    """Else the means would be of records, and the difference of items."""
    one = receipt(tmp_path / "one", 3, wrong=range(2, 3), trials=3)
    one = unfinished(one, lambda record: number(record) == 0 or record.trial == 0 or record.key == ("item-1", 2))
    other = receipt(tmp_path / "other", 3, wrong=range(1), trials=3)
    found = compare(one, other, common=True)
    assert (found.num_items, found.num_pairs) == (3, 3)
    assert (found.first.mean, found.second.mean, found.difference) == (2 / 3, 2 / 3, 0)


def test_receipts_that_share_nothing_are_refused(tmp_path: Path) -> None:
    one, other = receipt(tmp_path / "one", 8), receipt(tmp_path / "other", 8)
    one = unfinished(one, lambda record: number(record) < 4)
    other = unfinished(other, lambda record: number(record) >= 4)
    with pytest.raises(ConfigError, match="they have none in common"):
        compare(one, other, common=True)


def test_receipts_of_different_data_are_refused(tmp_path: Path) -> None:
    one = receipt(tmp_path / "one", 4)
    changed = BENCHMARK.model_copy(update={"data_hash": "beef"})
    with pytest.raises(ConfigError, match=r"different files of numbers \(SHA-256 f00d in .*one, beef in .*data\)"):
        compare(one, run(tmp_path / "data", numbers(4), benchmark=changed))
    renamed = BENCHMARK.model_copy(update={"name": "letters"})
    with pytest.raises(ConfigError, match=r"is of numbers, .* of letters"):
        compare(one, run(tmp_path / "letters", numbers(4), benchmark=renamed))


def test_failures_count_as_wrong_and_are_told_of(tmp_path: Path) -> None:
    one = run(tmp_path / "one", numbers(10), Team(broken=[3]))
    other = run(tmp_path / "other", numbers(10), Team(wrong=[5], broken=[1, 2, 3]))
    found = compare(one, other)
    assert (found.worse, found.num_failures) == (3, (1, 3))
    assert found.without_failures
    assert (found.without_failures.num_items, found.without_failures.worse) == (7, 1)
    assert found.without_failures.without_failures is None
    assert compare(one, one).without_failures


def test_nothing_is_left_where_every_pair_failed(tmp_path: Path) -> None:
    one = run(tmp_path / "one", numbers(2), Team(broken=range(2)))
    found = compare(one, run(tmp_path / "other", numbers(2)))
    assert (found.num_failures, found.without_failures) == ((2, 0), None)


def test_no_failure_no_word_of_it(tmp_path: Path) -> None:
    one = receipt(tmp_path / "one", 3)
    assert (compare(one, one).num_failures, compare(one, one).without_failures) == ((0, 0), None)
