"""Log-probability and entropy of tokens, from hidden states and the output weights."""

from typing import Any

import torch
from torch import Tensor


def score(hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and entropy of its distribution, in nats, each of shape (tokens,).

    `hidden` is (tokens, size), `weight` (vocabulary, size). Two tensors (tokens, vocabulary) are alive until the
    gradient is taken, so give it few tokens at a time.

    >>> logprobs, entropy = score(torch.zeros(1, 2), torch.zeros(4, 2), torch.tensor([3]), temperature=1.0)
    >>> logprobs.round(decimals=3), entropy.round(decimals=3)
    (tensor([-1.3860]), tensor([1.3860]))
    """
    logprobs, entropy = _Score.apply(hidden, weight, targets, temperature)
    return logprobs, entropy


class _Score(torch.autograd.Function):  # type: ignore[misc]  # torch is not looked into by the type check
    """As log_softmax, gather and a sum, but in two buffers: the gradient is made in that of the probabilities.

    With z the logits, p the probabilities and H the entropy:
    d log p(target) / dz = onehot(target) - p, and dH / dz = -p (log p + H).
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        logits = hidden.to(weight.dtype) @ weight.T
        wide = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
        all_logprobs = torch.log_softmax(wide.div_(temperature), dim=-1)
        probabilities = torch.exp(all_logprobs, out=wide)
        entropy = -_row_sums(probabilities, all_logprobs)
        ctx.save_for_backward(hidden, weight, targets, entropy)
        ctx.all_logprobs, ctx.probabilities, ctx.temperature = all_logprobs, probabilities, temperature
        return all_logprobs.gather(1, targets[:, None])[:, 0], entropy

    @staticmethod
    def backward(
        ctx: Any, logprob_gradient: Tensor | None, entropy_gradient: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, entropy = ctx.saved_tensors
        logits_gradient = _logits_gradient(ctx, targets, entropy, logprob_gradient, entropy_gradient)
        logits_gradient = logits_gradient.div_(ctx.temperature).to(weight.dtype)
        of_hidden = (logits_gradient @ weight).to(hidden.dtype) if ctx.needs_input_grad[0] else None
        of_weight = logits_gradient.T @ hidden.to(weight.dtype) if ctx.needs_input_grad[1] else None
        return of_hidden, of_weight, None, None


def _row_sums(one: Tensor, other: Tensor) -> Tensor:
    """The sum of the products in each row, a few rows at a time: what fits a cache is four times as fast."""
    products = zip(one.split(8), other.split(8), strict=True)
    return torch.cat([(a * b).sum(-1) for a, b in products])


def _logits_gradient(
    ctx: Any, targets: Tensor, entropy: Tensor, logprob_gradient: Tensor | None, entropy_gradient: Tensor | None
) -> Tensor:
    probabilities: Tensor = ctx.probabilities
    factor = torch.zeros_like(entropy)[:, None] if logprob_gradient is None else -logprob_gradient[:, None]
    if entropy_gradient is not None:
        factor = factor - entropy_gradient[:, None] * ctx.all_logprobs.add_(entropy[:, None])
    gradient = probabilities.mul_(factor)
    if logprob_gradient is not None:
        gradient[torch.arange(len(targets)), targets] += logprob_gradient
    return gradient
