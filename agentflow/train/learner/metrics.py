"""What a pass over samples tells, in a form in which any split of the samples adds up to the same.

Sums over action tokens, each token times its weight in the loss:
- `loss`: the loss itself;
- `weight`: of the weights, to divide the others by;
- `entropy`: of the policy, in nats;
- `clip_fraction`: of tokens whose ratio lies outside the clip range on the side where clipping holds it back;
- `kl`: the k3 estimate to the reference; only where a reference was given.

Plain sums over action tokens: `tokens`, and `gap`: |learner - sampler| of their log-probabilities, with those of the
learner before the update (`old_logprobs`) where they were given, else those of this pass.

Maxima: `ratio_max` of p_policy / p_old, and `gap_max`.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from agentflow.train.backend import Metrics
from agentflow.train.objective import ObjectiveConfig, Tokens, k3, log_ratio

MAXIMA = frozenset({"ratio_max", "gap_max"})
WEIGHTED = frozenset({"entropy", "clip_fraction", "kl"})


def measure(tokens: Tokens, objective: ObjectiveConfig, loss: Tensor) -> dict[str, float]:
    """The metrics of some action tokens."""
    with torch.no_grad():
        weight = tokens.weight
        ratio = torch.exp(log_ratio(tokens, objective))
        learner = tokens.policy_logprobs if tokens.old_logprobs is None else tokens.old_logprobs
        gap = (learner - tokens.rollout_logprobs).abs()
        measured = {
            "loss": loss,
            "weight": weight.sum(),
            "tokens": torch.tensor(float(len(weight))),
            "entropy": (weight * tokens.entropy).sum(),
            "clip_fraction": (weight * _held_back(ratio, tokens.advantage, objective)).sum(),
            "ratio_max": ratio.max(),
            "gap": gap.sum(),
            "gap_max": gap.max(),
        }
        if tokens.reference_logprobs is not None:
            measured["kl"] = (weight * k3(tokens.policy_logprobs, tokens.reference_logprobs)).sum()
    return {name: float(value) for name, value in measured.items()}


def combine(measured: Iterable[Metrics]) -> dict[str, float]:
    """Of several passes as if they had been one.

    >>> combine([{"loss": 1.0, "gap_max": 0.1}, {"loss": 2.0, "gap_max": 0.3}])
    {'loss': 3.0, 'gap_max': 0.3}
    """
    total: dict[str, float] = {}
    for metrics in measured:
        for name, value in metrics.items():
            total[name] = value if name not in total else _both(name, total[name], value)
    return total


def means(metrics: Metrics) -> dict[str, float]:
    """For a reader: `entropy`, `clip_fraction` and `kl` a unit of weight, `gap` a token; the others as they are.

    >>> means({"loss": 0.5, "weight": 2.0, "entropy": 3.0, "tokens": 10.0, "gap": 0.1})
    {'loss': 0.5, 'weight': 2.0, 'entropy': 1.5, 'tokens': 10.0, 'gap': 0.01}
    """
    divisors = {"gap": metrics.get("tokens", 0.0)} | dict.fromkeys(WEIGHTED, metrics.get("weight", 0.0))
    return {name: value / (divisors.get(name, 1.0) or 1.0) for name, value in metrics.items()}


def _both(name: str, one: float, other: float) -> float:
    """A maximum that is no number stays none."""
    if name not in MAXIMA:
        return one + other
    return one if one != one or one > other else other


def _held_back(ratio: Tensor, advantage: Tensor, objective: ObjectiveConfig) -> Tensor:
    too_high = (ratio > 1 + objective.clip_high) & (advantage > 0)
    too_low = (ratio < 1 - objective.clip_low) & (advantage < 0)
    return (too_high | too_low).to(ratio)
