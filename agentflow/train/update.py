"""From the groups of a step to updates of the policy: minibatches, epochs, reference, guard."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentflow.rollout import Group
from agentflow.train.backend import Backend
from agentflow.train.batch import scored_trajectories
from agentflow.train.config import TrainSection
from agentflow.train.learner.metrics import means
from agentflow.train.metrics import Numbers
from agentflow.train.samples import Floats, Sample, flow_grpo_samples
from agentflow.train.schedule import learning_rate

Save = Callable[[dict[str, Any]], object]


@dataclass
class Minibatch:
    """Samples of one update, with what does not change while the step's updates are made."""

    samples: list[Sample]
    old_logprobs: list[Floats] | None = None
    reference_logprobs: list[Floats] | None = None


@dataclass
class Learned:
    """What the updates of a step came to."""

    updates: int = 0
    skipped: int = 0
    metrics: Numbers = field(default_factory=dict)


class Updater:
    """Makes the updates of a step. `update` blocks."""

    def __init__(self, settings: TrainSection, backend: Backend) -> None:
        self._settings, self._backend = settings, backend

    def update(self, groups: Sequence[Group], step: int, save: Save | None = None) -> Learned:
        """Learn from the groups that teach something; without any, do nothing. `save` is given the samples."""
        learned = Learned()
        if not groups:
            return learned
        minibatches = [self._prepare(part) for part in split_evenly(groups, self._settings.minibatches)]
        if save:
            save(self._arrays(minibatches))
        lr = learning_rate(step, self._settings.steps, self._settings.lr, self._settings.schedule)
        seen: list[Numbers] = []
        for _ in range(self._settings.epochs):
            for minibatch in minibatches:
                seen.append(self._one(minibatch, lr, learned))
        learned.metrics = _combine(seen) | {"lr": lr, "updates": learned.updates, "updates/skipped": learned.skipped}
        return learned

    def _prepare(self, groups: Sequence[Group]) -> Minibatch:
        advantage, objective = self._settings.advantage, self._settings.objective
        samples = flow_grpo_samples(
            [scored_trajectories(group) for group in groups],
            baseline=advantage.baseline,
            divide_by_std=advantage.divide_by_std,
            ddof=advantage.ddof,
            aggregate=advantage.aggregate,
        )
        minibatch = Minibatch(samples)
        if objective.importance == "truncated":
            minibatch.old_logprobs = self._backend.logprobs(samples)
        if objective.needs_reference:
            minibatch.reference_logprobs = self._backend.logprobs(samples, reference=True)
        return minibatch

    def _one(self, minibatch: Minibatch, lr: float, learned: Learned) -> Numbers:
        """One update. A loss or gradient that is not finite changes nothing and is counted."""
        measured = self._backend.forward_backward(
            minibatch.samples,
            self._settings.objective,
            old_logprobs=minibatch.old_logprobs,
            reference_logprobs=minibatch.reference_logprobs,
        )
        metrics = means(measured)
        if np.isfinite(metrics["loss"]):
            norm = self._backend.optim_step(lr, max_grad_norm=self._settings.max_grad_norm)
        else:
            self._backend.discard_gradient()
            norm = float("nan")
        made = bool(np.isfinite(norm))
        learned.updates += made
        learned.skipped += not made
        advantages = [sample.advantage[sample.mask][0] for sample in minibatch.samples]
        return metrics | {"grad_norm": norm, "advantage/std": float(np.std(advantages))}

    def _arrays(self, minibatches: Sequence[Minibatch]) -> dict[str, Any]:
        """All that the loss is computed from, so that somebody else can compute it again: see docs/training.md."""
        samples = [sample for minibatch in minibatches for sample in minibatch.samples]
        fields = ("token_ids", "mask", "rollout_logprobs", "advantage", "weight")
        arrays: dict[str, Any] = {name: np.concatenate([getattr(s, name) for s in samples]) for name in fields}
        policy = [row for part in minibatches for row in part.old_logprobs or self._backend.logprobs(part.samples)]
        arrays["policy_logprobs"] = _spread(samples, policy)
        if self._settings.objective.needs_reference:
            reference = [row for minibatch in minibatches for row in minibatch.reference_logprobs or ()]
            arrays["reference_logprobs"] = _spread(samples, reference)
        lengths = np.array([len(sample.token_ids) for sample in samples])
        return {"lengths": lengths, "names": np.array([sample.name for sample in samples]), **arrays}


def split_evenly(groups: Sequence[Group], num_parts: int) -> list[Sequence[Group]]:
    """Parts of (almost) equal size, none of them empty.

    >>> split_evenly([1, 2, 3, 4, 5], 2), split_evenly([1], 2)
    ([[1, 2, 3], [4, 5]], [[1]])
    """
    num_parts = min(num_parts, len(groups))
    bounds = [(len(groups) * part + num_parts - 1) // num_parts for part in range(num_parts + 1)]
    return [groups[start:end] for start, end in itertools.pairwise(bounds)]


def _spread(samples: Sequence[Sample], rows: Sequence[Floats]) -> Floats:
    """Log-probabilities of action tokens at their places among all tokens, 0 elsewhere."""
    spread = [np.zeros(len(sample.token_ids), dtype=np.float32) for sample in samples]
    for place, sample, row in zip(spread, samples, rows, strict=True):
        place[sample.mask] = row
    return np.concatenate(spread)


def _combine(seen: Sequence[Numbers]) -> Numbers:
    """Means over the updates of a step, and maxima of what is one. The gap is the first one: later ones have moved."""
    combined = {
        name: float((max if name.endswith("max") else np.mean)([metrics[name] for metrics in seen])) for name in seen[0]
    }
    return combined | {name: seen[0][name] for name in ("gap", "gap_max") if name in seen[0]}
