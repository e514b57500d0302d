"""Drawing a token: which one, how often, and the probability that is recorded for it."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.engines.decoding.sampling import Draw, Logits, draw
from agentflow.types import Sampling

PLAIN = Sampling(temperature=None)


def logits_of(*probabilities: float) -> Logits:
    """Logits whose softmax at temperature 1 is `probabilities`."""
    return np.log(np.array(probabilities, dtype=np.float64) + 1e-300).astype(np.float32)


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def frequencies(logits: Logits, sampling: Sampling, num_draws: int = 20_000) -> dict[int, float]:
    random = seeded(1)
    drawn = Counter(draw(logits, sampling, random).token for _ in range(num_draws))
    return {token: count / num_draws for token, count in drawn.items()}


def support(logits: Logits, sampling: Sampling) -> set[int]:
    random = seeded(2)
    return {draw(logits, sampling, random).token for _ in range(500)}


def reference(logits: Logits, sampling: Sampling) -> dict[int, float]:
    """What each token's probability should be, token by token in plain Python."""
    temperature = 1.0 if sampling.temperature is None else sampling.temperature
    weights = {i: math.exp((float(x) - float(logits.max())) / temperature) for i, x in enumerate(logits)}
    ranked = sorted(weights, key=lambda i: (-weights[i], i))
    if sampling.top_k is not None:
        ranked = ranked[: sampling.top_k]
    if sampling.top_p is not None:
        mass, kept = 0.0, list[int]()
        for i in ranked:
            if kept and mass >= sampling.top_p * sum(weights[j] for j in ranked):
                break
            kept.append(i)
            mass += weights[i]
        ranked = kept
    if sampling.min_p is not None:
        ranked = [i for i in ranked if weights[i] >= sampling.min_p * weights[ranked[0]]]
    total = sum(weights[i] for i in ranked)
    return {i: weights[i] / total for i in ranked}


def test_tokens_come_as_often_as_their_probability_says() -> None:
    probabilities = [0.5, 0.3, 0.15, 0.05]
    num_draws = 20_000
    drawn = frequencies(logits_of(*probabilities), PLAIN, num_draws)
    chi_square = sum(num_draws * (drawn[i] - p) ** 2 / p for i, p in enumerate(probabilities))
    assert chi_square < 16.27  # 3 degrees of freedom, one in a thousand


def test_temperature_sharpens() -> None:
    sharpened = np.array([0.6, 0.4]) ** 2
    drawn = frequencies(logits_of(0.6, 0.4), Sampling(temperature=0.5))
    assert drawn[0] == pytest.approx(sharpened[0] / sharpened.sum(), abs=0.01)


def test_no_temperature_is_temperature_one() -> None:
    logits = logits_of(0.6, 0.4)
    assert draw(logits, PLAIN, seeded()) == draw(logits, Sampling(temperature=1.0), seeded())


def test_temperature_zero_takes_the_most_likely_with_certainty() -> None:
    logits = logits_of(0.2, 0.5, 0.3)
    assert draw(logits, Sampling(temperature=0, top_k=2, min_p=0.1), seeded()) == Draw(1, 0.0)


@pytest.mark.parametrize("temperature", [1e-300, 1e-38, 1e-6])
def test_next_to_no_temperature_is_nearly_greedy_and_no_division_fails(temperature: float) -> None:
    drawn = draw(np.array([3, -900, 3.5, -np.inf], dtype=np.float32), Sampling(temperature=temperature), seeded())
    assert drawn == Draw(2, 0.0)


def test_a_high_temperature_makes_all_alike() -> None:
    drawn = draw(np.array([5, -5], dtype=np.float32), Sampling(temperature=1e9), seeded())
    assert drawn.logprob == pytest.approx(math.log(0.5))


def test_the_same_seed_draws_the_same_tokens() -> None:
    logits = logits_of(*[1 / 64] * 64)
    first, second, other = ([draw(logits, PLAIN, r) for _ in range(20)] for r in (seeded(), seeded(), seeded(1)))
    assert first == second != other


def test_only_allowed_tokens_are_drawn_and_their_probabilities_renormalised() -> None:
    allowed = np.array([False, True, False, True])
    random = seeded()
    drawn = {draw(logits_of(0.7, 0.1, 0.1, 0.1), PLAIN, random, allowed) for _ in range(50)}
    assert {token for token, _ in drawn} == {1, 3}
    assert {round(logprob, 6) for _, logprob in drawn} == {round(math.log(0.5), 6)}


def test_greedy_takes_the_most_likely_of_the_allowed() -> None:
    allowed = np.array([False, True, True])
    assert draw(logits_of(0.7, 0.1, 0.2), Sampling(temperature=0), seeded(), allowed) == Draw(2, 0.0)


def test_the_constraint_comes_before_the_cuts() -> None:
    """Top-k counts allowed tokens alone, and the nucleus is one of their mass."""
    allowed = np.array([False, True, True, True])
    logits = logits_of(0.9, 0.05, 0.03, 0.02)
    random = seeded()
    assert {draw(logits, Sampling(temperature=1, top_k=2), random, allowed).token for _ in range(200)} == {1, 2}
    assert {draw(logits, Sampling(temperature=1, top_p=0.5), random, allowed).token for _ in range(200)} == {1}


def test_the_most_likely_token_survives_every_cut() -> None:
    logits = logits_of(0.26, 0.25, 0.25, 0.24)
    for cuts in ({"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1.0}):
        assert support(logits, Sampling(temperature=1, **cuts)) == {0}


def test_a_nucleus_ends_with_the_token_that_fills_it() -> None:
    logits = logits_of(0.5, 0.25, 0.125, 0.125)
    assert support(logits, Sampling(temperature=1, top_p=0.5)) == {0}
    assert support(logits, Sampling(temperature=1, top_p=0.51)) == {0, 1}
    assert support(logits, Sampling(temperature=1, top_p=0.76)) == {0, 1, 2}


def test_min_p_is_measured_by_the_most_likely() -> None:
    logits = logits_of(0.5, 0.26, 0.24)
    assert support(logits, Sampling(temperature=1, min_p=0.5)) == {0, 1}


def test_cuts_see_the_probabilities_after_temperature() -> None:
    logits = logits_of(0.5, 0.3, 0.2)
    assert support(logits, Sampling(temperature=1, top_p=0.7)) == {0, 1}
    assert support(logits, Sampling(temperature=0.1, top_p=0.7)) == {0}


def test_top_p_is_a_share_of_what_top_k_left() -> None:
    logits = logits_of(0.4, 0.3, 0.2, 0.1)
    assert support(logits, Sampling(temperature=1, top_k=2, top_p=0.57)) == {0}  # 0.4 of 0.7 is just above 0.57
    assert support(logits, Sampling(temperature=1, top_p=0.57)) == {0, 1}


@pytest.mark.parametrize("cuts", [{"top_p": 1.0}, {"min_p": 0.0}, {"top_k": 100_000}])
def test_neutral_cuts_change_nothing(cuts: dict[str, float]) -> None:
    logits = seeded(3).standard_normal(50_000).astype(np.float32) * 3
    for seed in range(5):
        assert draw(logits, Sampling(temperature=1, **cuts), seeded(seed)) == draw(logits, PLAIN, seeded(seed))


def test_a_nucleus_wider_than_the_first_look() -> None:
    """5,000 equal tokens: 0.9 of their mass are 4,500."""
    logits = np.zeros(5_000, dtype=np.float32)
    drawn = draw(logits, Sampling(temperature=1, top_p=0.9), seeded())
    assert drawn.logprob == pytest.approx(-math.log(4_500))
    assert drawn.token < 4_500  # among equals the lower index comes first


def test_impossible_tokens_are_never_drawn() -> None:
    logits = np.array([-np.inf, 0.0, -np.inf], dtype=np.float32)
    random = seeded()
    assert {draw(logits, PLAIN, random) for _ in range(100)} == {Draw(1, 0.0)}


def test_logits_are_left_as_they_were() -> None:
    """They are a view into the model's own memory."""
    logits = logits_of(0.5, 0.3, 0.2)
    logits.flags.writeable = False
    for sampling in (PLAIN, Sampling(temperature=0), Sampling(temperature=0.5, top_k=2, top_p=0.9, min_p=0.1)):
        draw(logits, sampling, seeded())


shares = st.integers(1, 64).map(lambda x: x / 64)
samplings = st.builds(
    Sampling,
    temperature=st.one_of(st.none(), st.floats(0.05, 5.0)),
    top_k=st.one_of(st.none(), st.integers(1, 40)),
    top_p=st.one_of(st.none(), shares),
    min_p=st.one_of(st.none(), shares),
)


@given(
    values=st.lists(st.integers(-80, 80).map(lambda x: x / 8), min_size=1, max_size=30),
    sampling=samplings,
    seed=st.integers(0, 2**32),
)
def test_every_draw_is_recorded_with_its_probability(values: list[float], sampling: Sampling, seed: int) -> None:
    logits = np.array(values, dtype=np.float32)
    token, logprob = draw(logits, sampling, seeded(seed))
    expected = reference(logits, sampling)
    assert token in expected
    assert logprob == pytest.approx(math.log(expected[token]), abs=1e-4)
    assert logprob <= 0


@given(sampling=samplings, seed=st.integers(0, 1000))
def test_the_recorded_probabilities_of_all_that_can_be_drawn_sum_to_one(sampling: Sampling, seed: int) -> None:
    logits = seeded(seed).standard_normal(6).astype(np.float32)
    random = seeded(seed)
    drawn = dict(draw(logits, sampling, random) for _ in range(300))
    expected = reference(logits, sampling)
    assert drawn.keys() <= expected.keys()
    assert sum(map(math.exp, drawn.values())) <= 1 + 1e-4
    for token, logprob in drawn.items():
        assert math.exp(logprob) == pytest.approx(expected[token], rel=1e-4)
