import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train.learner.scoring import score


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    return hidden, weight, torch.tensor([0, 6, 3, 3, 1])


def test_logprobs_and_entropy_are_those_of_the_softmax_at_the_temperature() -> None:
    hidden, weight, targets = inputs()
    logprobs, entropy = score(hidden, weight, targets, 0.7)
    plain = torch.log_softmax(hidden @ weight.T / 0.7, dim=-1)
    torch.testing.assert_close(logprobs, plain[torch.arange(5), targets])
    torch.testing.assert_close(entropy, -(plain.exp() * plain).sum(-1))


def test_gradients_are_those_of_autograd() -> None:
    hidden, weight, targets = inputs()
    for factors in ((1.0, 0.0), (0.0, 1.0), (0.5, 2.0)):
        logprobs, entropy = score(hidden, weight, targets, 0.7)
        plain = torch.log_softmax(hidden @ weight.T / 0.7, dim=-1)
        plain_entropy = -(plain.exp() * plain).sum(-1)
        terms = torch.arange(1.0, 6.0, dtype=torch.float64)
        mine, wanted = (
            sum(factor * (terms * part).sum() for factor, part in zip(factors, parts, strict=True) if factor)
            for parts in ((logprobs, entropy), (plain[torch.arange(5), targets], plain_entropy))
        )
        for got, want in zip(
            torch.autograd.grad(mine, (hidden, weight)), torch.autograd.grad(wanted, (hidden, weight)), strict=True
        ):
            torch.testing.assert_close(got, want)


def test_an_output_that_is_frozen_gets_no_gradient() -> None:
    hidden, weight, targets = inputs()
    frozen = weight.detach()
    score(hidden, frozen, targets, 1.0)[0].sum().backward()
    assert hidden.grad is not None
    assert frozen.grad is None
