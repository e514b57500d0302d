"""Planner turns as samples: what is in their arrays, and that their weights are the means of Eq. 5."""

import doctest
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.train import samples as module
from agentflow.train.advantages import group_advantages
from agentflow.train.samples import (
    Aggregate,
    PlannerTurn,
    Sample,
    ScoredTrajectory,
    flow_grpo_samples,
    make_sample,
)

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)  # tokens of the turns of a trajectory
GROUPS = st.lists(st.lists(LENGTHS, min_size=2, max_size=5), min_size=1, max_size=3)
AGGREGATES: tuple[Aggregate, ...] = ("turn-mean", "token-mean", "sequence-sum")


def planner_turn(num_tokens: int, prompt_ids: tuple[int, ...] = (1, 2)) -> PlannerTurn:
    """A turn whose n-th token was drawn with log-probability -n."""
    return PlannerTurn(prompt_ids, tuple(range(10, 10 + num_tokens)), tuple(-float(n) for n in range(num_tokens)))


def groups_of(lengths: Sequence[Sequence[Sequence[int]]]) -> list[list[ScoredTrajectory]]:
    """Groups by the lengths of actions. Every second trajectory has a reward."""
    return [
        [
            ScoredTrajectory(tuple(map(planner_turn, turns)), float(number % 2), f"{place}#{number}")
            for number, turns in enumerate(group)
        ]
        for place, group in enumerate(lengths)
    ]


def weights(found: Sequence[Sample]) -> list[list[float]]:
    """Those of the action tokens."""
    return [sample.weight[sample.mask].astype(np.float64).round(6).tolist() for sample in found]


def total(found: Sequence[Sample]) -> float:
    return float(sum(sample.weight.astype(np.float64).sum() for sample in found))


def test_a_sample_is_the_prompt_and_then_the_action() -> None:
    sample = make_sample(PlannerTurn((7, 8, 9), (4, 5), (-0.25, -0.5)), advantage=-2.0, weight=0.125, name="task#3/1")
    assert sample.token_ids.tolist() == [7, 8, 9, 4, 5]
    assert sample.mask.tolist() == [False, False, False, True, True]
    assert sample.rollout_logprobs.tolist() == [0, 0, 0, -0.25, -0.5]
    assert sample.advantage.tolist() == [0, 0, 0, -2, -2]
    assert sample.weight.tolist() == [0, 0, 0, 0.125, 0.125]
    assert (sample.num_actions, sample.name) == (2, "task#3/1")
    assert [array.dtype for array in (sample.token_ids, sample.mask)] == [np.int64, np.bool_]
    assert {array.dtype for array in (sample.rollout_logprobs, sample.advantage, sample.weight)} == {np.dtype("f4")}


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (PlannerTurn((), (1,), (0.0,)), "needs a prompt and at least one sampled token"),
        (PlannerTurn((1,), (), ()), "needs a prompt and at least one sampled token"),
        (PlannerTurn((1,), (2, 3), (0.0,)), "2 tokens, but 1 log-probabilities"),
    ],
)
def test_a_turn_that_can_not_be_trained_on_is_refused_by_name(turn: PlannerTurn, said: str) -> None:
    with pytest.raises(ValueError, match=f"task#3/1: .*{said}"):
        make_sample(turn, 1.0, 1.0, "task#3/1")


def test_every_turn_of_a_trajectory_has_its_one_advantage() -> None:
    found = flow_grpo_samples(groups_of([[[2], [1, 3, 2]], [[1, 1], [4]]]))
    assert [sample.name for sample in found] == ["0#0/1", "0#1/1", "0#1/2", "0#1/3", "1#0/1", "1#0/2", "1#1/1"]
    low, high = group_advantages([0, 1], [1, 1]).astype(np.float32)
    assert [set(sample.advantage[sample.mask]) for sample in found] == [
        {low},
        {high},
        {high},
        {high},
        {low},
        {low},
        {high},
    ]


def test_advantages_are_relative_to_the_own_group() -> None:
    turn = planner_turn(1)
    easy = [ScoredTrajectory((turn,), reward) for reward in (1.0, 1.0, 1.0, 0.0)]
    hard = [ScoredTrajectory((turn,), reward) for reward in (0.0, 0.0, 0.0, 1.0)]
    found = [float(sample.advantage[-1]) for sample in flow_grpo_samples([easy, hard])]
    assert found == pytest.approx([0.5, 0.5, 0.5, -1.5, -0.5, -0.5, -0.5, 1.5], abs=1e-5)


def test_the_reference_implementations_baseline_counts_a_trajectory_as_often_as_it_has_turns() -> None:
    right = [ScoredTrajectory((planner_turn(1),), 1.0)] * 4
    wrong = [ScoredTrajectory((planner_turn(1),) * 3, 0.0)] * 4
    found = flow_grpo_samples([[*right, *wrong]], baseline="turn")
    assert len(found) == 4 + 12
    assert [round(float(found[place].advantage[-1]), 3) for place in (0, -1)] == [1.677, -0.559]


def test_turn_mean_is_a_mean_of_means_of_means() -> None:
    found = flow_grpo_samples(groups_of([[[2], [1, 3]]]))
    assert weights(found) == [[0.25, 0.25], [0.25], [0.083333] * 3]


def test_groups_of_unequal_size_weigh_the_same() -> None:
    found = flow_grpo_samples(groups_of([[[1], [1]], [[1], [1], [1], [1]]]))
    assert weights(found) == [[0.25]] * 2 + [[0.125]] * 4


def test_token_mean_weighs_every_token_of_the_minibatch_the_same() -> None:
    found = flow_grpo_samples(groups_of([[[2], [1, 3]], [[1], [1]]]), aggregate="token-mean")
    assert weights(found) == [[0.125] * 2, [0.125], [0.125] * 3, [0.125], [0.125]]


def test_sequence_sum_is_a_mean_over_turns_of_sums_over_tokens() -> None:
    found = flow_grpo_samples(groups_of([[[2], [1, 3]], [[1], [1]]]), aggregate="sequence-sum")
    assert weights(found) == [[0.2] * 2, [0.2], [0.2] * 3, [0.2], [0.2]]


@given(GROUPS)
def test_the_weights_of_a_mean_sum_to_1(lengths: list[list[list[int]]]) -> None:
    groups = groups_of(lengths)
    assert total(flow_grpo_samples(groups)) == pytest.approx(1, abs=1e-6)
    assert total(flow_grpo_samples(groups, aggregate="token-mean")) == pytest.approx(1, abs=1e-6)
    tokens_a_turn = np.mean([num for group in lengths for turns in group for num in turns])
    assert total(flow_grpo_samples(groups, aggregate="sequence-sum")) == pytest.approx(tokens_a_turn, rel=1e-6)


@given(GROUPS)
def test_turn_mean_gives_every_trajectory_of_a_group_and_every_turn_of_a_trajectory_the_same(
    lengths: list[list[list[int]]],
) -> None:
    found = iter(flow_grpo_samples(groups_of(lengths)))
    for group in lengths:
        for turns in group:
            of_turns = [total([sample]) for sample in itertools.islice(found, len(turns))]
            assert of_turns == pytest.approx([1 / (len(lengths) * len(group) * len(turns))] * len(turns), rel=1e-5)


@given(GROUPS, st.sampled_from(AGGREGATES))
def test_the_order_of_groups_changes_no_sample(lengths: list[list[list[int]]], aggregate: Aggregate) -> None:
    groups = groups_of(lengths)
    found = {sample.name: sample for sample in flow_grpo_samples(groups, aggregate=aggregate)}
    turned = {sample.name: sample for sample in flow_grpo_samples(groups[::-1], aggregate=aggregate)}
    assert found.keys() == turned.keys()
    for name, sample in found.items():
        assert (sample.weight == turned[name].weight).all()
        assert (sample.advantage == turned[name].advantage).all()


def test_a_group_of_one_trajectory_gives_no_samples() -> None:
    with pytest.raises(ValueError, match="at least two scored trajectories"):
        flow_grpo_samples(groups_of([[[1]]]))


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(module).failed == 0
