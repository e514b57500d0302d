"""What records add up to. Sums are exact, so that the order of the records does not matter to the last digit."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from agentflow.evaluation.receipt import Estimate, Record, Summary
from agentflow.evaluation.statistics import clustered_standard_error, interval_of_mean, mean, pass_all, pass_at
from agentflow.types import Usage


def summarise(records: Sequence[Record]) -> Summary:
    """The summary of at least one record: whatever failed is in the denominator."""
    by_item = group(records)
    scored = [record for record in records if not record.failure]
    trials = min(len(of_item) for of_item in by_item.values())
    draws = _draws(trials)
    failures = Counter(record.failure for record in records if record.failure)
    return Summary(
        num_items=len(by_item),
        num_trials=trials,
        accuracy=estimate(records),
        accuracy_without_failures=estimate(scored) if scored else None,
        pass_at={k: mean([pass_at(k, *_counts(of_item)) for of_item in by_item.values()]) for k in draws},
        pass_all={k: mean([pass_all(k, *_counts(of_item)) for of_item in by_item.values()]) for k in draws},
        failures=dict(sorted(failures.items())),
        failure_rate=failures.total() / len(records),
        outcomes=dict(sorted(Counter(record.outcome for record in records).items())),
        num_empty_answers=sum(not record.answer.strip() for record in scored),
        mean_turns=mean([record.num_turns for record in scored]) if scored else 0.0,
        usage=reduce(Usage.__add__, (record.usage for record in records), Usage()),
        judge_usage=reduce(Usage.__add__, (record.judge_usage for record in records), Usage()),
        dollars=math.fsum(record.dollars for record in records),
        seconds=math.fsum(record.seconds for record in records),
        num_uncompared=sum(record.num_uncompared for record in records),
        num_timeouts=sum(record.num_timeouts for record in records),
    )


def estimate(records: Sequence[Record]) -> Estimate:
    """The mean mark of records, with its interval over items."""
    clusters = [[record.value for record in of_item] for of_item in group(records).values()]
    interval = interval_of_mean(clusters)
    return Estimate(
        mean=mean([record.value for record in records]),
        low=interval.low,
        high=interval.high,
        standard_error=clustered_standard_error(clusters),
        num=len(records),
    )


def group(records: Iterable[Record]) -> Mapping[str, list[Record]]:
    """The records of each item."""
    by_item: dict[str, list[Record]] = {}
    for record in records:
        by_item.setdefault(record.id, []).append(record)
    return by_item


def _counts(records: Sequence[Record]) -> tuple[int, int]:
    """Trials, and those with full marks."""
    return len(records), sum(record.value >= 1 for record in records)


def _draws(trials: int) -> list[int]:
    """1, 2, 4 ... and all.

    >>> _draws(1), _draws(6)
    ([1], [1, 2, 4, 6])
    """
    return sorted({*(1 << power for power in range(trials.bit_length())), trials})
