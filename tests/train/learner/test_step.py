"""One step of AdamW: clipped, guarded, at the learning rate that is given."""

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train.learner import LocalLearner
from agentflow.train.objective import ObjectiveConfig

from .tiny import open_learner, random_samples

OBJECTIVE = ObjectiveConfig(kl="off")


def trained(learner: LocalLearner) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in learner.trained.items()}


def test_a_step_is_torchs_adamw_on_the_clipped_gradient(llama: Path) -> None:
    learner, samples = open_learner(llama, lora_rank=0, weight_decay=0.1), random_samples(0)
    copies = {name: weight.clone().requires_grad_() for name, weight in trained(learner).items()}
    plain = torch.optim.AdamW(copies.values(), lr=0.01, weight_decay=0.1)
    for _ in range(2):
        learner.forward_backward(samples, OBJECTIVE)
        for name, weight in learner.trained.items():
            copies[name].grad = weight.grad.clone()
        wanted = float(torch.nn.utils.clip_grad_norm_(copies.values(), 0.01))
        plain.step()
        assert learner.optim_step(0.01, max_grad_norm=0.01) == wanted > 0.01
    for name, weight in learner.trained.items():
        torch.testing.assert_close(weight, copies[name], atol=1e-6, rtol=0)
        assert weight.grad is None


def test_steps_lower_the_loss(llama: Path) -> None:
    learner, samples = open_learner(llama), random_samples(0)
    for sample, values in zip(samples, learner.logprobs(samples), strict=True):
        sample.rollout_logprobs[sample.mask] = values
    losses = []
    for _ in range(3):
        losses.append(learner.forward_backward(samples, OBJECTIVE)["loss"])
        learner.optim_step(1e-3, max_grad_norm=1.0)
    assert losses[0] > losses[1] > losses[2]


def test_a_gradient_that_is_no_number_changes_nothing(llama: Path) -> None:
    learner, samples = open_learner(llama), random_samples(0)
    learner.forward_backward(samples, OBJECTIVE)
    learner.optim_step(1e-3, max_grad_norm=1.0)
    before = trained(learner)
    samples[0].advantage[samples[0].mask] = np.nan
    assert math.isnan(learner.forward_backward(samples, OBJECTIVE)["loss"])
    assert not math.isfinite(learner.optim_step(1e-3, max_grad_norm=1.0))
    assert all(torch.equal(before[name], weight) for name, weight in learner.trained.items())
    assert all(weight.grad is None for weight in learner.trained.values())


def test_a_discarded_gradient_is_gone(llama: Path) -> None:
    learner = open_learner(llama, weight_decay=0.0)
    before = trained(learner)
    learner.forward_backward(random_samples(0), OBJECTIVE)
    learner.discard_gradient()
    assert learner.optim_step(1e-3, max_grad_norm=1.0) == 0
    assert all(torch.equal(before[name], weight) for name, weight in learner.trained.items())
