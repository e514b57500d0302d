"""Eq. 5, token by token: values by hand, gradients by finite differences, and what can not depend on a split."""

import doctest
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

pytest.importorskip("torch", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train import objective as module
from agentflow.train.objective import ObjectiveConfig, Tokens, flow_grpo_loss, k3, log_ratio
from agentflow.train.samples import Aggregate, PlannerTurn, Sample, ScoredTrajectory, flow_grpo_samples

OFF = ObjectiveConfig(kl="off")
VARIANTS = [
    ObjectiveConfig(kl="off"),
    ObjectiveConfig(kl="loss", kl_coefficient=0.3),
    ObjectiveConfig(kl="advantage", kl_coefficient=0.3),
    ObjectiveConfig(kl="off", entropy_bonus=0.2),
    ObjectiveConfig(kl="off", importance="truncated", importance_cap=1.1),
    ObjectiveConfig(kl="loss", kl_coefficient=0.3, importance="truncated", entropy_bonus=0.2, clip_high=0.28),
]
VARIANT = pytest.mark.parametrize("objective", VARIANTS, ids=lambda objective: objective.model_dump_json()[:90])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """For a handful of numbers a second thread costs more than it gives."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def doubles(*values: float) -> Any:
    return torch.tensor(values, dtype=torch.float64)


def tokens(ratio: float, advantage: float, **others: Any) -> Tokens:
    """One token of weight 1 whose probability is now `ratio` times what it was."""
    one = doubles(1.0)
    given = {"policy_logprobs": doubles(ratio).log() - 2, "entropy": one, "rollout_logprobs": -2 * one}
    return Tokens(**{**given, "advantage": advantage * one, "weight": one, **others})


def loss_of(ratio: float, advantage: float, objective: ObjectiveConfig = OFF, **others: Any) -> float:
    return float(flow_grpo_loss(tokens(ratio, advantage, **others), objective))


def gradient_of(ratio: float, advantage: float, objective: ObjectiveConfig = OFF, **others: Any) -> float:
    """The derivative of the loss by the log-probability of the token."""
    logprobs = (doubles(ratio).log() - 2).requires_grad_()
    flow_grpo_loss(tokens(ratio, advantage, policy_logprobs=logprobs, **others), objective).backward()
    return float(logprobs.grad)


def of_logits(logits: Any, seed: int = 0) -> Tokens:
    """A token drawn at each row of logits; samplers, learner before the update and reference are a little off."""
    random = np.random.default_rng(seed)
    num_tokens, num_ids = logits.shape
    drawn = torch.from_numpy(random.integers(num_ids, size=num_tokens))
    scores = logits.log_softmax(-1)
    chosen = scores.gather(-1, drawn[:, None])[:, 0]

    def noisy(scale: float) -> Any:
        return chosen.detach() + torch.from_numpy(random.normal(0, scale, num_tokens))

    return Tokens(
        policy_logprobs=chosen,
        entropy=-(scores.exp() * scores).sum(-1),
        rollout_logprobs=noisy(0.4),
        advantage=torch.from_numpy(random.normal(size=num_tokens)),
        weight=torch.from_numpy(random.uniform(0.1, 1, num_tokens)),
        old_logprobs=noisy(0.4),
        reference_logprobs=noisy(0.4),
    )


@pytest.mark.parametrize(
    ("ratio", "advantage", "counts"),
    [
        (0.5, 1.0, 0.5),
        (1.0, 1.0, 1.0),
        (1.15, 1.0, 1.15),
        (1.5, 1.0, 1.2),  # held back: it is likely enough already
        (0.5, -1.0, -0.8),  # held back: it is unlikely enough already
        (0.85, -1.0, -0.85),
        (1.0, -1.0, -1.0),
        (1.5, -1.0, -1.5),  # not held back: wrong, and more likely than before
    ],
)
def test_the_ratio_is_clipped_where_that_makes_the_objective_smaller(
    ratio: float, advantage: float, counts: float
) -> None:
    assert loss_of(ratio, advantage) == pytest.approx(-counts)


def test_the_two_sides_of_the_clip_are_separate() -> None:
    wide_above = ObjectiveConfig(kl="off", clip_low=0.1, clip_high=0.3)
    assert loss_of(1.5, 2.0, wide_above) == pytest.approx(-2.6)
    assert loss_of(0.5, -2.0, wide_above) == pytest.approx(1.8)


@pytest.mark.parametrize(("ratio", "advantage"), [(1.5, 1.0), (0.5, -1.0)])
def test_a_token_that_is_held_back_has_no_gradient(ratio: float, advantage: float) -> None:
    assert gradient_of(ratio, advantage) == 0


@pytest.mark.parametrize(("ratio", "advantage"), [(0.5, 2.0), (1.1, 2.0), (1.5, -2.0), (0.9, -2.0)])
def test_any_other_token_has_the_gradient_of_the_ratio_times_the_advantage(ratio: float, advantage: float) -> None:
    assert gradient_of(ratio, advantage) == pytest.approx(-ratio * advantage)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_update_follows_the_advantage_times_the_log_probability(seed: int) -> None:
    logits = torch.randn(12, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    found = of_logits(logits, seed)
    fresh = Tokens(
        policy_logprobs=found.policy_logprobs,
        entropy=found.entropy,
        rollout_logprobs=found.policy_logprobs.detach(),
        advantage=found.advantage,
        weight=found.weight,
    )
    loss = flow_grpo_loss(fresh, OFF)
    assert loss.item() == pytest.approx(-(found.weight * found.advantage).sum().item())
    policy_gradient = -(found.weight * found.advantage * found.policy_logprobs).sum()
    [expected] = torch.autograd.grad(policy_gradient, logits, retain_graph=True)
    [gradient] = torch.autograd.grad(loss, logits)
    assert torch.allclose(gradient, expected, rtol=0, atol=1e-12)


def test_no_advantage_and_no_kl_is_no_loss_and_no_gradient() -> None:
    assert loss_of(1.5, 0.0) == 0
    assert gradient_of(1.5, 0.0) == 0


@VARIANT
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_by_the_logits_is_the_central_finite_difference(objective: ObjectiveConfig, seed: int) -> None:
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    fixed = of_logits(logits, seed)

    def loss(at: Any) -> Any:
        moved = of_logits(at, seed)
        constants = {name: getattr(fixed, name) for name in ("rollout_logprobs", "old_logprobs", "reference_logprobs")}
        return flow_grpo_loss(
            Tokens(moved.policy_logprobs, moved.entropy, advantage=fixed.advantage, weight=fixed.weight, **constants),
            objective,
        )

    asked = logits.clone().requires_grad_()
    loss(asked).backward()
    step = 1e-6
    for row, column in itertools.product(*map(range, logits.shape)):
        nudge = torch.zeros_like(logits)
        nudge[row, column] = step
        difference = (loss(logits + nudge) - loss(logits - nudge)) / (2 * step)
        assert float(asked.grad[row, column]) == pytest.approx(float(difference), abs=1e-8)


@given(st.lists(st.tuples(st.floats(-8, 0), st.floats(-8, 0)), min_size=1))
def test_k3_is_never_negative_and_0_only_where_both_agree(pairs: list[tuple[float, float]]) -> None:
    policy, reference = doubles(*(pair[0] for pair in pairs)), doubles(*(pair[1] for pair in pairs))
    assert (k3(policy, reference) >= -1e-12).all()
    assert (k3(policy, policy) == 0).all()
    apart = (policy - reference).abs() > 1e-3
    assert (k3(policy, reference)[apart] > 0).all()


def test_over_the_draws_of_the_policy_k3_is_the_kl_and_pulls_towards_the_reference() -> None:
    logits = doubles(0.3, -0.7, 1.1, 0.0).requires_grad_()
    reference = doubles(1.0, 0.2, -0.4, 0.1).log_softmax(-1)
    policy = logits.log_softmax(-1)
    probabilities = policy.exp().detach()
    estimate = (probabilities * k3(policy, reference)).sum()
    assert estimate.item() == pytest.approx((probabilities * (policy - reference)).sum().item())
    [gradient] = torch.autograd.grad(estimate, logits, retain_graph=True)
    # Its gradient is that of the KL the other way round: each probability moves towards the reference's.
    assert torch.allclose(gradient, probabilities - reference.exp())


def test_over_the_draws_of_the_policy_kl_in_the_advantage_has_the_gradient_of_the_kl() -> None:
    logits = doubles(0.3, -0.7, 1.1, 0.0).requires_grad_()
    reference = doubles(1.0, 0.2, -0.4, 0.1).log_softmax(-1)
    policy = logits.log_softmax(-1)
    drawn = Tokens(
        policy_logprobs=policy,
        entropy=torch.zeros_like(policy),
        rollout_logprobs=policy.detach(),
        advantage=torch.zeros_like(policy),
        weight=policy.exp().detach(),
        reference_logprobs=reference,
    )
    loss = flow_grpo_loss(drawn, ObjectiveConfig(kl="advantage", kl_coefficient=0.5))
    [gradient] = torch.autograd.grad(loss, logits, retain_graph=True)
    [expected] = torch.autograd.grad(0.5 * (policy.exp() * (policy - reference)).sum(), logits)
    assert torch.allclose(gradient, expected)


def test_kl_in_the_loss_adds_the_k3_estimate() -> None:
    objective = ObjectiveConfig(kl="loss", kl_coefficient=0.1)
    reference = doubles(-3.0)  # the policy is at -2: k3 = 1 / e + 1 - 1
    assert loss_of(1.0, 1.0, objective, reference_logprobs=reference) == pytest.approx(-1 + 0.1 * np.exp(-1))
    held_back = gradient_of(1.5, 1.0, objective, reference_logprobs=reference)
    assert held_back == pytest.approx(0.1 * (1 - np.exp(-3 - np.log(1.5) + 2))), "clipping does not hold the KL back"


def test_kl_in_the_advantage_is_subtracted_from_it() -> None:
    objective = ObjectiveConfig(kl="advantage", kl_coefficient=0.1)
    assert loss_of(1.0, 1.0, objective, reference_logprobs=doubles(-3.0)) == pytest.approx(-(1 - 0.1))


@pytest.mark.parametrize(
    "objective", [OFF, ObjectiveConfig(kl="loss", kl_coefficient=0), ObjectiveConfig(kl="advantage", kl_coefficient=0)]
)
def test_without_kl_no_reference_is_needed(objective: ObjectiveConfig) -> None:
    assert not objective.needs_reference
    assert loss_of(1.0, 1.0, objective) == -1


@pytest.mark.parametrize("kl", ["loss", "advantage"])
def test_with_kl_a_reference_is_needed(kl: Any) -> None:
    assert ObjectiveConfig(kl=kl).needs_reference


def test_truncated_importance_weighs_a_token_by_what_the_sampler_got_wrong() -> None:
    objective = ObjectiveConfig(kl="off", importance="truncated", importance_cap=2.0)
    learner = {"policy_logprobs": doubles(-1.0), "old_logprobs": doubles(-1.0)}
    assert loss_of(1.0, 1.0, objective, **learner, rollout_logprobs=doubles(-1.2)) == pytest.approx(-np.exp(0.2))
    assert loss_of(1.0, 1.0, objective, **learner, rollout_logprobs=doubles(-0.8)) == pytest.approx(-np.exp(-0.2))
    assert loss_of(1.0, 1.0, objective, **learner, rollout_logprobs=doubles(-5.0)) == pytest.approx(-2), "the cap"


def test_truncated_importance_clips_against_the_learner_and_not_against_the_sampler() -> None:
    objective = ObjectiveConfig(kl="off", importance="truncated")
    moved = tokens(1.0, 1.0, policy_logprobs=doubles(-1.0), old_logprobs=doubles(-2.0), rollout_logprobs=doubles(-2.1))
    assert log_ratio(moved, objective).tolist() == [1.0]
    assert log_ratio(moved, OFF).tolist() == pytest.approx([1.1])
    assert float(flow_grpo_loss(moved, objective)) == pytest.approx(-1.2 * np.exp(0.1))


def test_where_sampler_and_learner_agree_truncated_importance_changes_nothing() -> None:
    found = of_logits(torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    same = Tokens(**{**vars(found), "old_logprobs": found.rollout_logprobs})
    objective = ObjectiveConfig(kl="off", importance="truncated")
    assert float(flow_grpo_loss(same, objective)) == pytest.approx(float(flow_grpo_loss(same, OFF)))


def test_a_nat_of_entropy_is_worth_the_bonus() -> None:
    with_bonus = ObjectiveConfig(kl="off", entropy_bonus=0.01)
    assert loss_of(1.0, 1.0, with_bonus, entropy=doubles(3.0)) == pytest.approx(-1 - 0.03)
    assert loss_of(1.0, 1.0, OFF, entropy=doubles(3.0)) == -1


@pytest.mark.parametrize(
    ("name", "value"),
    [("clip_low", 1.0), ("clip_low", 0.0), ("clip_high", 0.0), ("importance_cap", 0.0), ("kl_coefficient", -0.1)],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        ObjectiveConfig(**{name: value})


def tokens_of(samples: Sequence[Sample]) -> Tokens:
    """The action tokens of samples under a policy of which nothing is known but that a token's name fixes it."""
    policy: list[Any] = []
    reference: list[Any] = []
    old: list[Any] = []
    for sample in samples:
        random = np.random.default_rng([*sample.name.encode()])
        rollout = sample.rollout_logprobs[sample.mask].astype(np.float64)
        for logprobs in (policy, reference, old):
            logprobs.append(rollout + random.normal(0, 0.3, len(rollout)))

    def flat(rows: Sequence[Any]) -> Any:
        return torch.from_numpy(np.concatenate(rows).astype(np.float64))

    return Tokens(
        policy_logprobs=flat(policy),
        entropy=flat([row**2 for row in policy]),
        rollout_logprobs=flat([sample.rollout_logprobs[sample.mask] for sample in samples]),
        advantage=flat([sample.advantage[sample.mask] for sample in samples]),
        weight=flat([sample.weight[sample.mask] for sample in samples]),
        old_logprobs=flat(old),
        reference_logprobs=flat(reference),
    )


@given(
    lengths=st.lists(
        st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=2, max_size=3), min_size=1, max_size=2
    ),
    objective=st.sampled_from(VARIANTS),
    aggregate=st.sampled_from(["turn-mean", "token-mean", "sequence-sum"]),
    order=st.randoms(use_true_random=False),
)
def test_the_losses_of_the_parts_of_any_split_sum_to_the_loss(
    lengths: list[list[list[int]]], objective: ObjectiveConfig, aggregate: Aggregate, order: Any
) -> None:
    samples = flow_grpo_samples(
        [
            [
                ScoredTrajectory(
                    tuple(PlannerTurn((1,), (2,) * num, (-1.5,) * num) for num in turns),
                    number % 2,
                    f"{place}#{number}",
                )
                for number, turns in enumerate(group)
            ]
            for place, group in enumerate(lengths)
        ],
        aggregate=aggregate,
    )
    whole = float(flow_grpo_loss(tokens_of(samples), objective))
    order.shuffle(samples)
    parts: list[list[Sample]] = [[]]
    for sample in samples:
        parts[-1].append(sample)
        if order.random() < 0.4:
            parts.append([])
    losses = [float(flow_grpo_loss(tokens_of(part), objective)) for part in parts if part]
    assert sum(losses) == pytest.approx(whole, abs=1e-12)


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(module).failed == 0
