"""Samples made ready for one forward: their tree, and which of its places predict which action tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agentflow.train.learner.tree import Ids, Tree, build_tree
from agentflow.train.objective import Tokens
from agentflow.train.samples import Floats, Sample


@dataclass(frozen=True)
class MicroBatch:
    """Some samples as a tree. An action token is predicted at the place of the token before it.

    `places` and `targets` are the predictions to make, each pair once however many samples hold it, in the order of
    the places. `uses` has an entry for each action token of the samples, one sample after the other: its prediction.
    """

    tree: Tree
    places: Tensor
    targets: Tensor
    uses: Ids
    num_actions: tuple[int, ...]

    def by_sample(self, values: Tensor) -> list[Floats]:
        """Values of the predictions, dealt out to the action tokens of each sample."""
        flat = values.float().cpu().numpy()[self.uses]
        return np.split(flat, np.cumsum(self.num_actions)[:-1])


def make_micro_batch(samples: Sequence[Sample], *, share: bool = True) -> MicroBatch:
    """Pack samples. What comes after the last token that predicts is left out. `share` false keeps prompts apart."""
    actions = [action_places(sample) for sample in samples]
    tree = build_tree([inputs(sample) for sample in samples], share=share)
    places = np.concatenate([path[where - 1] for path, where in zip(tree.paths, actions, strict=True)])
    targets = np.concatenate([sample.token_ids[where] for sample, where in zip(samples, actions, strict=True)])
    pairs, uses = np.unique(np.stack([places, targets]), axis=1, return_inverse=True)
    return MicroBatch(
        tree=tree,
        places=torch.from_numpy(pairs[0]),
        targets=torch.from_numpy(pairs[1]),
        uses=uses.reshape(-1),
        num_actions=tuple(len(where) for where in actions),
    )


def inputs(sample: Sample) -> Ids:
    """The tokens that have to be computed: up to the one that predicts the last action token.

    >>> inputs(Sample(*(np.array(row) for row in ([7, 8, 9], [False, True, True], *[[0, 0, 0]] * 3)))).tolist()
    [7, 8]
    """
    return sample.token_ids[: action_places(sample)[-1]]


def action_places(sample: Sample) -> Ids:
    """Where the action tokens are. `ValueError` where there are none, or where the first token is one."""
    places = np.flatnonzero(sample.mask)
    if not len(places) or places[0] == 0:
        raise ValueError(f"sample {sample.name!r}: wanted action tokens after a prompt, the mask has none or begins so")
    return places


@dataclass(frozen=True)
class Part:
    """Predictions `rows` of a micro-batch, and `tokens`: for which of its action tokens, in the order of `uses`."""

    rows: slice
    tokens: Ids
    uses: Tensor  # the prediction of each of these tokens, counted from the first of the part


def parts(batch: MicroBatch, num_rows: int) -> Iterator[Part]:
    """Cut the predictions into runs of `num_rows`, each with the action tokens that use them."""
    order = np.argsort(batch.uses, kind="stable")
    for start in range(0, len(batch.places), num_rows):
        end = min(start + num_rows, len(batch.places))
        first, last = np.searchsorted(batch.uses[order], [start, end])
        tokens = order[first:last]
        yield Part(slice(start, end), tokens, torch.from_numpy(batch.uses[tokens] - start))


@dataclass(frozen=True)
class Recorded:
    """What is known of each action token before the forward, in the order of `MicroBatch.uses`."""

    rollout_logprobs: Tensor
    advantage: Tensor
    weight: Tensor
    old_logprobs: Tensor | None
    reference_logprobs: Tensor | None

    def tokens(self, part: Part, logprobs: Tensor, entropy: Tensor) -> Tokens:
        """The terms of the loss for the action tokens of a part, from its predictions."""
        chosen, uses = torch.from_numpy(part.tokens), part.uses.to(logprobs.device)

        def of(values: Tensor) -> Tensor:
            return values[chosen].to(logprobs)

        return Tokens(
            policy_logprobs=logprobs[uses],
            entropy=entropy[uses],
            rollout_logprobs=of(self.rollout_logprobs),
            advantage=of(self.advantage),
            weight=of(self.weight),
            old_logprobs=None if self.old_logprobs is None else of(self.old_logprobs),
            reference_logprobs=None if self.reference_logprobs is None else of(self.reference_logprobs),
        )


def recorded(
    samples: Sequence[Sample], old_logprobs: Sequence[Floats] | None, reference_logprobs: Sequence[Floats] | None
) -> Recorded:
    """Gather what the samples and the passes before hold, action tokens only."""

    def of_actions(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(sample, name)[sample.mask] for sample in samples]))

    def flat(values: Sequence[Floats] | None) -> Tensor | None:
        if values is None:
            return None
        if [len(row) for row in values] != [sample.num_actions for sample in samples]:
            raise ValueError("wanted a log-probability for each action token of each sample, in their order")
        return torch.from_numpy(np.concatenate(list(values)))

    return Recorded(
        rollout_logprobs=of_actions("rollout_logprobs"),
        advantage=of_actions("advantage"),
        weight=of_actions("weight"),
        old_logprobs=flat(old_logprobs),
        reference_logprobs=flat(reference_logprobs),
    )
