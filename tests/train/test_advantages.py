"""Eq. 7, by numbers: what a trajectory's advantage is, and over what its mean and deviation are taken."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.train import advantages
from agentflow.train.advantages import Baseline, group_advantages, varies

REWARDS = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.integers(1, 5)), min_size=2, max_size=10)


def rounded(rewards: list[float], num_turns: list[int], baseline: Baseline = "trajectory") -> list[float]:
    """The advantages of the first and of the last trajectory."""
    found = group_advantages(rewards, num_turns, baseline=baseline)
    return [round(float(found[0]), 3), round(float(found[-1]), 3)]


def test_four_right_one_turn_and_four_wrong_three_turn_trajectories() -> None:
    rewards, num_turns = [1.0] * 4 + [0.0] * 4, [1] * 4 + [3] * 4
    assert rounded(rewards, num_turns) == [0.935, -0.935]
    assert rounded(rewards, num_turns, "turn") == [1.677, -0.559]


def test_one_right_three_turn_and_seven_wrong_one_turn_trajectories() -> None:
    rewards, num_turns = [1.0] + [0.0] * 7, [3] + [1] * 7
    assert rounded(rewards, num_turns) == [2.475, -0.354]
    assert rounded(rewards, num_turns, "turn") == [1.449, -0.621]


def test_ddof_says_by_what_the_variance_is_divided() -> None:
    assert group_advantages([1, 0], [1, 1], ddof=1) == pytest.approx([0.5**0.5, -(0.5**0.5)], abs=1e-5)
    assert group_advantages([1, 0], [1, 1], ddof=0) == pytest.approx([1, -1], abs=1e-5)


def test_without_the_division_it_is_the_distance_from_the_mean() -> None:
    assert group_advantages([1, 0, 0, 0], [1, 2, 3, 4], divide_by_std=False).tolist() == [0.75, -0.25, -0.25, -0.25]
    by_turn = group_advantages([1, 0], [3, 1], divide_by_std=False, baseline="turn")
    assert by_turn.tolist() == [0.25, -0.75]


@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1])
def test_equal_rewards_give_no_advantage(reward: float) -> None:
    assert group_advantages([reward] * 8, [1, 2, 3, 4] * 2) == pytest.approx(np.zeros(8), abs=1e-9)


def test_a_group_of_one_has_no_advantage() -> None:
    with pytest.raises(ValueError, match="at least two scored trajectories, this one has 1"):
        group_advantages([1.0], [1])


@pytest.mark.parametrize("num_turns", [[1], [1, 0], [1, 1, 1]])
def test_every_trajectory_has_a_number_of_turns(num_turns: list[int]) -> None:
    with pytest.raises(ValueError, match="the number of turns, at least 1, of every trajectory"):
        group_advantages([1.0, 0.0], num_turns)


@given(REWARDS)
def test_over_trajectories_the_mean_is_0_and_the_deviation_1_or_0(drawn: list[tuple[float, int]]) -> None:
    rewards, num_turns = [reward for reward, _ in drawn], [turns for _, turns in drawn]
    found = group_advantages(rewards, num_turns)
    assert found.mean() == pytest.approx(0, abs=1e-9)
    assert found.std(ddof=1) == pytest.approx(1 if varies(rewards) else 0, abs=1e-4)


@given(REWARDS)
def test_over_turns_the_mean_is_0_and_the_deviation_1_or_0(drawn: list[tuple[float, int]]) -> None:
    rewards, num_turns = [reward for reward, _ in drawn], [turns for _, turns in drawn]
    of_turns = np.repeat(group_advantages(rewards, num_turns, baseline="turn"), num_turns)
    assert of_turns.mean() == pytest.approx(0, abs=1e-9)
    assert of_turns.std(ddof=1) == pytest.approx(1 if varies(rewards) else 0, abs=1e-4)


@given(REWARDS)
def test_the_number_of_turns_does_not_move_the_papers_baseline(
    drawn: list[tuple[float, int]],
) -> None:
    rewards, num_turns = [reward for reward, _ in drawn], [turns for _, turns in drawn]
    assert (group_advantages(rewards, num_turns) == group_advantages(rewards, [1] * len(rewards))).all()


@given(REWARDS)
def test_with_one_turn_each_both_baselines_are_the_same(drawn: list[tuple[float, int]]) -> None:
    rewards, ones = [reward for reward, _ in drawn], [1] * len(drawn)
    assert group_advantages(rewards, ones, baseline="turn") == pytest.approx(group_advantages(rewards, ones))


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(advantages).failed == 0
