"""Two receipts of the same items: how far apart they are, and whether that could be chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.errors import ConfigError
from agentflow.evaluation.identity import differences, drift
from agentflow.evaluation.receipt import Estimate, Receipt, Record
from agentflow.evaluation.statistics import Interval, bootstrap_interval, mcnemar, mean
from agentflow.evaluation.summary import estimate, group

Pair = tuple[Record, Record]  # of one item and trial


@dataclass(frozen=True)
class Comparison:
    """The second receipt against the first, on paired items.

    `difference` is that of the means, with a 95 % interval by the paired bootstrap over items. The second is `better`
    on so many items and `worse` on so many; `p` is McNemar's exact test of that (with several trials of an item, the
    sign test on the means of the items, which with one trial is the same). `conditions` are what else differs.

    `num_failures` are those of each side, which count as wrong; `without_failures` compares the items on which
    neither failed (None where there are no failures, or no such items).
    """

    num_items: int
    num_pairs: int
    first: Estimate
    second: Estimate
    difference: float
    interval: Interval
    better: int
    worse: int
    p: float
    conditions: tuple[str, ...]
    num_failures: tuple[int, int]
    without_failures: "Comparison | None"


def compare(first: Receipt, second: Receipt, *, common: bool = False, seed: int = 0) -> Comparison:
    """Pair the trials of two receipts by item and number.

    Raises `ConfigError` where they are not of the same data, or did not run the same trials; with `common`, those that
    both ran are compared: of each item as many trials as all items have.
    """
    _check_data(first, second)
    ones, others = ({record.key: record for record in receipt.records} for receipt in (first, second))
    both = [key for key in ones if key in others]
    missing = (len(ones) - len(both), len(others) - len(both))
    if not both or (any(missing) and not common):
        raise ConfigError(_not_the_same(first, second, missing, len(both)))
    conditions = (*differences(first.header, second.header), *drift(first.header, second.header))
    return _compared([(ones[key], others[key]) for key in both], conditions, seed)


def _compared(pairs: Sequence[Pair], conditions: tuple[str, ...], seed: int) -> Comparison:
    pairs = _as_many_of_each(pairs)
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    changes = [b - a for a, b in zip(_means(one), _means(other), strict=True)]
    better, worse = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    failures = (sum(bool(record.failure) for record in one), sum(bool(record.failure) for record in other))
    failed = {record.id for record in (*one, *other) if record.failure}
    answered = [pair for pair in pairs if pair[0].id not in failed]
    return Comparison(
        num_items=len(changes),
        num_pairs=len(pairs),
        first=estimate(one),
        second=estimate(other),
        difference=mean(changes),
        interval=bootstrap_interval(changes, seed=seed),
        better=better,
        worse=worse,
        p=mcnemar(better, worse),
        conditions=conditions,
        num_failures=failures,
        without_failures=_compared(answered, conditions, seed) if answered and any(failures) else None,
    )


def _as_many_of_each(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of items that all have equally many: else a mean over trials would not be one over items."""
    by_item: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_item.setdefault(pair[0].id, []).append(pair)
    least = min(len(of_item) for of_item in by_item.values())
    return [pair for of_item in by_item.values() for pair in of_item[:least]]


def _check_data(first: Receipt, second: Receipt) -> None:
    one, other = first.header.benchmark, second.header.benchmark
    if one.name != other.name:
        raise ConfigError(f"{first.path} is of {one.name}, {second.path} of {other.name}: only the same items compare")
    if one.data_hash != other.data_hash:
        raise ConfigError(
            f"the two receipts ran different files of {one.name} (SHA-256 {one.data_hash[:12]} in {first.path}, "
            f"{other.data_hash[:12]} in {second.path}): run one of them again on the file of the other"
        )
    if one.items_hash and other.items_hash and one.items_hash != other.items_hash:
        raise ConfigError(
            f"{first.path} and {second.path} asked or scored the items of {one.name} otherwise (other instructions, "
            "golds or scorers): run one of them again as the other was"
        )


def _not_the_same(first: Receipt, second: Receipt, missing: tuple[int, int], num_both: int) -> str:
    halves = [str(receipt.path) for receipt in (first, second) if not receipt.is_finished]
    unfinished = f"; {' and '.join(halves)} not finished" if halves else ""
    remedy = "compare those that both ran with --common" if num_both else "they have none in common"
    return (
        f"the two receipts did not run the same trials: {missing[0]} are only in {first.path}, {missing[1]} only in "
        f"{second.path}, {num_both} in both{unfinished}: {remedy}"
    )


def _means(records: Sequence[Record]) -> list[float]:
    """The mean mark of each item."""
    return [mean([record.value for record in of_item]) for of_item in group(records).values()]
