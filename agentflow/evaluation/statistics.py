"""Means and how far to trust them. Pure Python: nothing here is large, and sums are exact (`math.fsum`), so that the
order in which items ended can not change the last digit.

Values are marks of one answer each, from 0 to 1. A cluster holds the marks of one item's trials, which are not
independent of each other. Sources of the formulas are in `docs/evaluation.md`.
"""

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
RESAMPLES = 10_000

Clusters = Sequence[Sequence[float]]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def mean(values: Sequence[float]) -> float:
    """The same for any order of the values.

    >>> mean([0.1, 0.2, 0.3]) == mean([0.3, 0.1, 0.2])
    True
    """
    return math.fsum(values) / len(values)


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of independent values, by their unbiased variance; 0 for a single one.

    >>> standard_error([0, 1, 1, 0])
    0.28867513459481287
    """
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    variance = math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


def clustered_standard_error(clusters: Clusters) -> float:
    """Of the mean over all values of all clusters; that of `standard_error` where each holds one value.

    >>> clustered_standard_error([[0], [1], [1], [0]]) == standard_error([0, 1, 1, 0])
    True
    >>> clustered_standard_error([[0, 0], [1, 1], [1, 1], [0, 0]]) == standard_error([0, 1, 1, 0])
    True
    """
    if len(clusters) < 2:
        return 0.0
    values = [value for cluster in clusters for value in cluster]
    middle = mean(values)
    squares = math.fsum(math.fsum(value - middle for value in cluster) ** 2 for cluster in clusters)
    return math.sqrt(squares * len(clusters) / (len(clusters) - 1)) / len(values)


def wilson(share: float, number: float, level: float = LEVEL) -> Interval:
    """Wilson's interval for a share that was seen in `number` independent trials (which need not be whole).

    >>> [round(end, 4) for end in wilson(0.0, 10)]
    [0.0, 0.2775]
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number)) / (1 + z * z / number)
    return Interval(middle - half if share > 0 else 0.0, middle + half if share < 1 else 1.0)


def interval_of_mean(clusters: Clusters, level: float = LEVEL) -> Interval:
    """Wilson's interval, on the number of items where each was tried once, else on the effective number of trials.

    That is the number of independent trials whose mean has the standard error that the clusters show: between one and
    all trials of an item count, as they agree or do not. Where all marks are 0, or all are 1, nothing can be seen of
    that, and each item counts once. (Items with more trials than others weigh more, so that fewer count.)

    >>> interval_of_mean([[1.0], [0.0]] * 50) == wilson(0.5, 100)
    True
    >>> agreeing, independent = [[1.0, 1.0], [0.0, 0.0]] * 50, [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]] * 25
    >>> [round(end, 3) for end in interval_of_mean(agreeing)], [round(end, 3) for end in interval_of_mean(independent)]
    ([0.404, 0.596], [0.431, 0.569])
    """
    values = [value for cluster in clusters for value in cluster]
    share = mean(values)
    if all(len(cluster) == 1 for cluster in clusters):
        return wilson(share, len(values), level)
    variance = clustered_standard_error(clusters) ** 2
    spread = share * (1 - share)
    least = len(values) ** 2 / sum(len(cluster) ** 2 for cluster in clusters)  # all trials of an item are alike
    seen = spread / variance if spread > 0 and variance > 0 else least
    return wilson(share, min(max(seen, least), len(values)), level)


def pass_at(draws: int, num: int, num_right: int) -> float:
    """The chance that at least one of `draws` trials is right, estimated without bias from `num` trials of an item.

    >>> pass_at(1, 4, 1), pass_at(2, 4, 1), pass_at(4, 4, 1)
    (0.25, 0.5, 1.0)
    """
    return 1.0 - math.comb(num - num_right, draws) / math.comb(num, draws)


def pass_all(draws: int, num: int, num_right: int) -> float:
    """The chance that all of `draws` trials are right ("pass^k"), estimated without bias.

    >>> pass_all(1, 4, 3), pass_all(2, 4, 3), pass_all(4, 4, 3)
    (0.75, 0.5, 0.0)
    """
    return math.comb(num_right, draws) / math.comb(num, draws)


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """The percentile interval of the mean: items are drawn anew with replacement, `resamples` times.

    Given the differences of paired items it is the paired bootstrap of the difference of two means. The same seed
    gives the same interval, whatever the order of the values.

    >>> bootstrap_interval([1.0] * 9)
    Interval(low=1.0, high=1.0)
    """
    draw = random.Random(seed).choices  # noqa: S311  # chance, not secrecy
    pool, num = sorted(values), len(values)
    means = sorted(math.fsum(draw(pool, k=num)) / num for _ in range(resamples))
    return Interval(_quantile(means, (1 - level) / 2), _quantile(means, (1 + level) / 2))


def mcnemar(better: int, worse: int) -> float:
    """McNemar's exact test: the two-sided chance of a split as uneven, were both directions as likely.

    >>> mcnemar(5, 5), round(mcnemar(10, 0), 4), mcnemar(0, 0)
    (1.0, 0.002, 1.0)
    """
    num = better + worse
    tail = sum(math.comb(num, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / (1 << num))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """By linear interpolation.

    >>> _quantile([0.0, 1.0, 2.0, 3.0], 0.5)
    1.5
    """
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
