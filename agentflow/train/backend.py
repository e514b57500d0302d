"""What the trainer asks of whatever holds the weights: a few verbs, so that engines can be exchanged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from agentflow.train.objective import ObjectiveConfig
from agentflow.train.samples import Floats, Sample

Metrics = Mapping[str, float]


class Backend(Protocol):
    """Holds the policy and its optimizer. All verbs block; the trainer runs them in a thread.

    Log-probabilities are taken at the sampling temperature the backend was opened with.
    """

    def logprobs(self, samples: Sequence[Sample], *, reference: bool = False) -> list[Floats]:
        """Log-probabilities of the action tokens of each sample, shape (num_actions,), without a gradient.

        Of the policy as it is, or of the reference (the frozen base).
        """
        ...

    def forward_backward(
        self,
        samples: Sequence[Sample],
        objective: ObjectiveConfig,
        *,
        old_logprobs: Sequence[Floats] | None = None,
        reference_logprobs: Sequence[Floats] | None = None,
    ) -> Metrics:
        """Add the gradient of the loss over these samples to what is there.

        The metrics are sums over the loss's weights or plain maxima; `learner/metrics.py` names them. They hold
        `loss`, which may be non-finite: the caller decides what then.
        """
        ...

    def optim_step(self, lr: float, *, max_grad_norm: float) -> float:
        """Clip the gradient, step, clear it. Returns the norm before clipping. With a non-finite norm nothing is
        changed, the gradient is cleared, and the norm is returned as it is."""
        ...

    def discard_gradient(self) -> None:
        """Clear the gradient without a step."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything that a bit-equal continuation needs into a new folder."""
        ...

    def load(self, folder: Path) -> None:
        """Continue from what `save` wrote."""
        ...
