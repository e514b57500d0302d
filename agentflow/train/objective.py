"""The Flow-GRPO loss (Eq. 5) of action tokens, term by term. Pure functions of torch tensors, one entry a token."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from agentflow.config import Section


class ObjectiveConfig(Section):
    """What is maximised. The defaults are the paper's; where it gives none, those of the first PPO paper.

    - `clip_low`, `clip_high`: the ratio of new to old probability counts only inside [1 - low, 1 + high].
      [0.5, 1.0, 1.5] with advantage 1 -> [0.5, 1.0, 1.2]; with advantage -1 -> [-0.8, -1.0, -1.5].
    - `importance`: what "old" is. "rollout": the log-probabilities recorded at sampling. "truncated": those of the
      learner just before the update, and a token counts min(p_learner / p_sampler, `importance_cap`) times: for a
      sampler whose numerics differ. Learner -1.0, sampler -1.2, cap 2 -> the token counts 1.22 times.
    - `kl`: the pull towards the reference, with coefficient `kl_coefficient`. "loss" adds the k3 estimate to the
      loss (Eq. 5); "advantage" subtracts the plain log-ratio of the sampled token from its advantage; "off" needs no
      reference at all.
    - `entropy_bonus`: what a nat of entropy of the policy is worth. 0 computes it only as a metric.
    """

    clip_low: float = Field(default=0.2, gt=0, lt=1)
    clip_high: float = Field(default=0.2, gt=0)
    importance: Literal["rollout", "truncated"] = "rollout"
    importance_cap: float = Field(default=2.0, gt=0)
    kl: Literal["loss", "advantage", "off"] = "loss"
    kl_coefficient: float = Field(default=0.001, ge=0)
    entropy_bonus: float = Field(default=0.0, ge=0)

    @property
    def needs_reference(self) -> bool:
        """Whether log-probabilities of the reference have to be computed."""
        return self.kl != "off" and self.kl_coefficient > 0


@dataclass(frozen=True)
class Tokens:
    """The action tokens of some samples, flat: one entry a token in every tensor, float32.

    `policy_logprobs` and `entropy` carry the gradient, the others none. `old_logprobs` are the learner's own before
    the update and `reference_logprobs` those of the reference; None where the objective does not need them.
    """

    policy_logprobs: Tensor
    entropy: Tensor
    rollout_logprobs: Tensor
    advantage: Tensor
    weight: Tensor
    old_logprobs: Tensor | None = None
    reference_logprobs: Tensor | None = None


def flow_grpo_loss(tokens: Tokens, objective: ObjectiveConfig) -> Tensor:
    """The negative of Eq. 5 over these tokens: a sum, because the means are in their weights. A scalar.

    >>> one = torch.ones(1)
    >>> tokens = Tokens(policy_logprobs=-one, entropy=one, rollout_logprobs=-one, advantage=2 * one, weight=one)
    >>> flow_grpo_loss(tokens, ObjectiveConfig(kl="off"))
    tensor(-2.)
    """
    per_token = -_clipped(tokens, objective)
    if objective.kl == "loss" and objective.needs_reference:
        assert tokens.reference_logprobs is not None
        per_token = per_token + objective.kl_coefficient * k3(tokens.policy_logprobs, tokens.reference_logprobs)
    if objective.entropy_bonus:
        per_token = per_token - objective.entropy_bonus * tokens.entropy
    return (tokens.weight * per_token).sum()


def k3(policy_logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """The k3 estimate of KL(policy || reference) a token: r - log r - 1, never negative, r = p_reference / p_policy.

    >>> k3(torch.tensor([-1.0, -1.0]), torch.tensor([-1.0, -2.0])).round(decimals=3)
    tensor([0.0000, 0.3680])
    """
    log_ratio = reference_logprobs - policy_logprobs
    return torch.exp(log_ratio) - log_ratio - 1


def log_ratio(tokens: Tokens, objective: ObjectiveConfig) -> Tensor:
    """log(p_policy / p_old) a token."""
    if objective.importance == "truncated":
        assert tokens.old_logprobs is not None
        return tokens.policy_logprobs - tokens.old_logprobs
    return tokens.policy_logprobs - tokens.rollout_logprobs


def _clipped(tokens: Tokens, objective: ObjectiveConfig) -> Tensor:
    advantage = _advantage(tokens, objective)
    ratio = torch.exp(log_ratio(tokens, objective))
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    surrogate = torch.minimum(ratio * advantage, clipped * advantage)
    if objective.importance == "truncated":
        assert tokens.old_logprobs is not None
        gap = torch.exp(tokens.old_logprobs - tokens.rollout_logprobs)
        surrogate = surrogate * gap.clamp(max=objective.importance_cap)
    return surrogate


def _advantage(tokens: Tokens, objective: ObjectiveConfig) -> Tensor:
    if objective.kl != "advantage" or not objective.needs_reference:
        return tokens.advantage
    assert tokens.reference_logprobs is not None
    return tokens.advantage - objective.kl_coefficient * (tokens.rollout_logprobs - tokens.reference_logprobs)
