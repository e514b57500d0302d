"""Our statistics beside those of scipy (and of inspect_ai, where it is installed), on the same numbers."""

import doctest
import math
import random
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.evaluation import statistics
from agentflow.evaluation.statistics import (
    bootstrap_interval,
    clustered_standard_error,
    interval_of_mean,
    mcnemar,
    mean,
    pass_all,
    pass_at,
    standard_error,
    wilson,
)

numpy: Any = pytest.importorskip("numpy")
scipy_stats: Any = pytest.importorskip("scipy.stats")

MARKS = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=60)
TRIALS = st.integers(1, 6).flatmap(
    lambda trials: st.lists(
        st.lists(st.sampled_from([0.0, 1.0]), min_size=trials, max_size=trials), min_size=2, max_size=40
    )
)
RAGGED = st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=6), min_size=2, max_size=40)


def test_examples() -> None:
    assert doctest.testmod(statistics).failed == 0


@given(MARKS)
def test_mean_and_standard_error_are_those_of_scipy(values: list[float]) -> None:
    assert mean(values) == pytest.approx(scipy_stats.tmean(values), abs=1e-12)
    assert standard_error(values) == pytest.approx(scipy_stats.sem(values), abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50), st.randoms())
def test_the_order_of_the_items_does_not_change_one_bit(values: list[float], chance: random.Random) -> None:
    shuffled = chance.sample(values, k=len(values))
    assert mean(shuffled) == mean(values)
    assert bootstrap_interval(shuffled, resamples=50) == bootstrap_interval(values, resamples=50)


@given(TRIALS)
def test_with_equal_clusters_the_error_is_that_of_the_means_of_the_clusters(clusters: list[list[float]]) -> None:
    means = [mean(cluster) for cluster in clusters]
    assert clustered_standard_error(clusters) == pytest.approx(scipy_stats.sem(means), abs=1e-12)


@given(RAGGED)
def test_with_ragged_clusters_the_error_is_that_of_the_sandwich(clusters: list[list[float]]) -> None:
    """A regression on the constant alone, with the cluster-robust covariance written out in matrices."""
    values = numpy.array([mark for cluster in clusters for mark in cluster])
    item = numpy.repeat(numpy.arange(len(clusters)), [len(cluster) for cluster in clusters])
    design = numpy.ones((len(values), 1))
    bread = numpy.linalg.inv(design.T @ design)
    residuals = values - design @ (bread @ design.T @ values)
    scores = [design[item == one].T @ residuals[item == one] for one in range(len(clusters))]
    meat = sum(numpy.outer(score, score) for score in scores) * len(clusters) / (len(clusters) - 1)
    theirs = math.sqrt((bread @ meat @ bread).item())
    assert clustered_standard_error(clusters) == pytest.approx(theirs, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40), st.integers(1, 5))
def test_trials_that_all_agree_say_no_less_and_no_more_than_one(marks: list[float], trials: int) -> None:
    once, often = interval_of_mean([[mark] for mark in marks]), interval_of_mean([[mark] * trials for mark in marks])
    if set(marks) <= {0.0, 1.0}:
        assert often == pytest.approx(once, abs=1e-12)
    assert once.low - 1e-12 <= often.low
    assert often.high <= once.high + 1e-12


def test_items_with_many_trials_among_others_count_for_less_than_their_number() -> None:
    clusters = [[1.0] * 10, [0.0] * 10, *[[1.0], [0.0]] * 10]
    assert interval_of_mean(clusters) == wilson(0.5, 40**2 / (2 * 10**2 + 20))


@given(st.integers(1, 400).flatmap(lambda num: st.tuples(st.integers(0, num), st.just(num))))
def test_wilson_is_that_of_scipy(counts: tuple[int, int]) -> None:
    right, num = counts
    theirs = scipy_stats.binomtest(right, num).proportion_ci(method="wilson")
    assert wilson(right / num, num) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert interval_of_mean([[1.0]] * right + [[0.0]] * (num - right)) == pytest.approx((theirs.low, theirs.high))


@given(TRIALS)
def test_several_trials_count_for_no_less_than_one_and_no_more_than_all(clusters: list[list[float]]) -> None:
    values = [value for cluster in clusters for value in cluster]
    low, high = interval_of_mean(clusters)
    surest = wilson(mean(values), len(values))
    assert 0 <= low <= surest.low + 1e-12
    assert surest.high - 1e-12 <= high <= 1
    assert low - 1e-12 <= mean(values) <= high + 1e-12


@pytest.mark.parametrize("mark", [0.0, 1.0])
def test_where_all_trials_agree_an_item_counts_once(mark: float) -> None:
    assert interval_of_mean([[mark] * 4] * 30) == wilson(mark, 30)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(better: int, worse: int) -> None:
    theirs = scipy_stats.binomtest(better, better + worse, 0.5).pvalue if better + worse else 1.0
    assert mcnemar(better, worse) == pytest.approx(theirs, rel=1e-9)


@given(st.integers(1, 7).flatmap(lambda num: st.tuples(st.just(num), st.integers(0, num), st.integers(1, num))))
def test_pass_at_and_pass_all_are_what_drawing_every_subset_gives(drawn: tuple[int, int, int]) -> None:
    num, right, draws = drawn
    subsets = list(combinations([True] * right + [False] * (num - right), draws))
    assert pass_at(draws, num, right) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    assert pass_all(draws, num, right) == pytest.approx(sum(map(all, subsets)) / len(subsets))


def test_the_paired_bootstrap_is_that_of_scipy_up_to_chance() -> None:
    chance = random.Random(5)
    first = [float(chance.random() < 0.4) for _ in range(150)]
    second = [float(chance.random() < (0.8 if right else 0.3)) for right in first]
    ours = bootstrap_interval([b - a for a, b in zip(first, second, strict=True)])
    theirs = scipy_stats.bootstrap(
        (first, second), lambda a, b: b.mean() - a.mean(), paired=True, vectorized=False, method="percentile", rng=1
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert bootstrap_interval(first, seed=1, resamples=20) != bootstrap_interval(first, seed=2, resamples=20)


@given(TRIALS)
def test_inspect_ai_computes_the_same(clusters: list[list[float]]) -> None:
    """Skipped where it is not installed: it is large, and scipy covers the rest."""
    scorer = pytest.importorskip("inspect_ai.scorer")
    scores = [
        scorer.SampleScore(score=scorer.Score(value=mark), sample_metadata={"item": number})
        for number, cluster in enumerate(clusters)
        for mark in cluster
    ]
    values = [mark for cluster in clusters for mark in cluster]
    assert mean(values) == pytest.approx(scorer.mean()(scores))
    assert standard_error(values) == pytest.approx(scorer.stderr()(scores), abs=1e-12)
    assert clustered_standard_error(clusters) == pytest.approx(scorer.stderr(cluster="item")(scores), abs=1e-12)
    theirs = scorer.ci_wilson()(scores)
    assert wilson(mean(values), len(values)) == pytest.approx((theirs["lower"], theirs["upper"]), abs=1e-12)
    for cluster in clusters:
        marks, num, right = [scorer.Score(value=mark) for mark in cluster], len(cluster), int(sum(cluster))
        for draws in range(1, num + 1):
            assert pass_at(draws, num, right) == pytest.approx(scorer.pass_at(draws)(marks).value, abs=1e-12)
            assert pass_all(draws, num, right) == pytest.approx(scorer.pass_k(draws)(marks).value, abs=1e-12)


def test_a_single_value_has_no_error() -> None:
    assert standard_error([1.0]) == clustered_standard_error([[1.0, 0.0]]) == 0
    assert math.isclose(interval_of_mean([[1.0]]).high, 1)
