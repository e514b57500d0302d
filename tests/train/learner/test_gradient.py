"""The gradient of the loss: the same however samples are cut, and the one that finite differences give."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from agentflow.train.learner import LocalLearner
from agentflow.train.objective import ObjectiveConfig
from agentflow.train.samples import Floats, Sample

from .tiny import KINDS, open_learner, random_samples, shake, write_model

OBJECTIVE = ObjectiveConfig(kl_coefficient=0.1, entropy_bonus=0.05)
TRUNCATED = ObjectiveConfig(importance="truncated", kl="advantage", kl_coefficient=0.1)


def noise(samples: list[Sample], seed: int) -> list[Floats]:
    """Log-probabilities near those that were recorded."""
    random = np.random.default_rng(seed)
    return [
        (sample.rollout_logprobs[sample.mask] + 0.1 * random.standard_normal(sample.num_actions)).astype(np.float32)
        for sample in samples
    ]


def gradient(learner: LocalLearner, samples: list[Sample], objective: ObjectiveConfig = OBJECTIVE) -> dict[str, Tensor]:
    learner.discard_gradient()
    learner.forward_backward(samples, objective, old_logprobs=noise(samples, 1), reference_logprobs=noise(samples, 2))
    return {name: weight.grad.clone() for name, weight in learner.trained.items()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor], close: float = 1e-6) -> None:
    assert one.keys() == other.keys()
    assert any(rows.abs().max() > 1e-3 for rows in one.values())
    for name, rows in one.items():
        assert (rows - other[name]).abs().max() < close, name


def on_policy(learner: LocalLearner, samples: list[Sample]) -> list[Sample]:
    """The samples as if this learner had drawn them a moment ago: ratios near 1, on both sides of the clip range."""
    drawn = []
    for sample, values, off in zip(samples, learner.logprobs(samples), noise(samples, 3), strict=True):
        recorded = np.zeros_like(sample.rollout_logprobs)
        recorded[sample.mask] = values + 3 * (off - sample.rollout_logprobs[sample.mask])
        drawn.append(replace(sample, rollout_logprobs=recorded))
    return drawn


def in_its_own_precision(self: Any, states: Tensor) -> Tensor:
    """The norm as transformers has it, but for its cast to 32 bits, which hides small differences."""
    return self.weight * states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


@pytest.mark.parametrize("objective", [OBJECTIVE, TRUNCATED], ids=["rollout", "truncated"])
@pytest.mark.parametrize(
    "settings",
    [{"token_budget": 1}, {"token_budget": 25}, {"share_prefixes": False}, {"gradient_checkpointing": False}],
    ids=str,
)
def test_no_way_to_compute_it_changes_the_gradient(
    llama: Path, settings: dict[str, Any], objective: ObjectiveConfig
) -> None:
    usual, other = open_learner(llama), open_learner(llama, **settings)
    for learner in (usual, other):
        shake(learner)
    samples = on_policy(usual, random_samples(0))
    assert_same(gradient(usual, samples, objective), gradient(other, samples, objective))


def test_what_cuts_change_is_rounding_alone(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LlamaRMSNorm, "forward", in_its_own_precision)
    packed, separate = (open_learner(llama, dtype="float64", token_budget=budget) for budget in (2048, 1))
    for learner in (packed, separate):
        shake(learner)
    samples = on_policy(packed, random_samples(0))
    assert_same(gradient(packed, samples), gradient(separate, samples), 1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_all_weights_get_the_gradient_of_separate_samples(tmp_path: Path, kind: str) -> None:
    folder = write_model(tmp_path, kind)
    packed, separate = (open_learner(folder, lora_rank=0, token_budget=budget) for budget in (2048, 1))
    samples = on_policy(packed, random_samples(1))
    assert_same(gradient(packed, samples), gradient(separate, samples), 1e-5)


def test_calls_add_up(llama: Path) -> None:
    learner = open_learner(llama)
    shake(learner)
    samples = on_policy(learner, random_samples(2))
    whole = gradient(learner, samples)
    learner.discard_gradient()
    for part, old, reference in zip(samples, noise(samples, 1), noise(samples, 2), strict=True):
        learner.forward_backward([part], OBJECTIVE, old_logprobs=[old], reference_logprobs=[reference])
    assert_same(whole, {name: weight.grad for name, weight in learner.trained.items()})


def test_few_logits_at_a_time_are_as_good_as_all(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = open_learner(llama)
    shake(learner)
    samples = on_policy(learner, random_samples(3))
    whole = gradient(learner, samples)
    monkeypatch.setattr("agentflow.train.learner.learner.LOGIT_ROWS", 2)
    assert_same(whole, gradient(learner, samples))


@pytest.mark.parametrize("objective", [OBJECTIVE, TRUNCATED], ids=["rollout", "truncated"])
@pytest.mark.parametrize("lora_rank", [4, 0])
def test_finite_differences_give_the_same_gradient(
    llama: Path, monkeypatch: pytest.MonkeyPatch, objective: ObjectiveConfig, lora_rank: int
) -> None:
    monkeypatch.setattr(LlamaRMSNorm, "forward", in_its_own_precision)
    learner = open_learner(llama, dtype="float64", lora_rank=lora_rank)
    shake(learner, 0.05)
    samples = on_policy(learner, random_samples(4))
    exact = gradient(learner, samples, objective)
    old, reference = noise(samples, 1), noise(samples, 2)

    def loss() -> float:
        return learner.forward_backward(samples, objective, old_logprobs=old, reference_logprobs=reference)["loss"]

    for name, weight in list(learner.trained.items())[::5]:
        direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        slope = difference(loss, weight, direction, 1e-6)
        assert math.isclose(slope, float((exact[name] * direction).sum()), rel_tol=1e-5, abs_tol=1e-8), name


def difference(loss: Callable[[], float], weight: Tensor, direction: Tensor, size: float) -> float:
    """How fast the loss rises in a direction, from both sides."""
    values = []
    for sign in (1, -2, 1):
        with torch.no_grad():
            weight += sign * size * direction
        values.append(loss())
    return (values[0] - values[1]) / (2 * size)


def test_metrics_add_up_over_any_cut(llama: Path) -> None:
    packed, separate = open_learner(llama), open_learner(llama, token_budget=1)
    samples = on_policy(packed, random_samples(5))
    one, other = (
        learner.forward_backward(samples, OBJECTIVE, reference_logprobs=noise(samples, 2))
        for learner in (packed, separate)
    )
    assert one.keys() == other.keys()
    for name in one:
        assert math.isclose(one[name], other[name], rel_tol=1e-5, abs_tol=1e-5), name
    assert one["tokens"] == sum(sample.num_actions for sample in samples)
    assert math.isclose(one["weight"], sum(float(sample.weight.sum()) for sample in samples), rel_tol=1e-5)
    assert 0 < one["clip_fraction"] < one["weight"]
    assert one["gap_max"] > one["gap"] / one["tokens"] > 0


def test_the_loss_is_the_objective_of_the_logprobs(llama: Path) -> None:
    learner = open_learner(llama)
    samples = on_policy(learner, random_samples(6))
    terms = [
        sample.weight[sample.mask] * np.exp(new - sample.rollout_logprobs[sample.mask]) * sample.advantage[sample.mask]
        for sample, new in zip(samples, learner.logprobs(samples), strict=True)
    ]
    free = ObjectiveConfig(kl="off", clip_low=0.999, clip_high=1e9)
    loss = learner.forward_backward(samples, free)["loss"]
    assert math.isclose(loss, -float(sum(row.sum() for row in terms)), rel_tol=1e-5)


def test_what_an_objective_needs_has_to_be_there(llama: Path) -> None:
    learner, samples = open_learner(llama), random_samples(0)
    with pytest.raises(ValueError, match="wanted reference_logprobs"):
        learner.forward_backward(samples, OBJECTIVE)
    with pytest.raises(ValueError, match="needs old_logprobs"):
        learner.forward_backward(samples, ObjectiveConfig(importance="truncated", kl="off"))
    with pytest.raises(ValueError, match="for each action token"):
        learner.forward_backward(samples, OBJECTIVE, reference_logprobs=[row[:-1] for row in noise(samples, 2)])
