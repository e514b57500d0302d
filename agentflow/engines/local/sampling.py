"""Logits -> one token and the probability it was drawn with. Pure numpy, one row at a time."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agentflow.types import Sampling

Logits = npt.NDArray[np.float32]


class Draw(NamedTuple):
    """A token and its log-probability under the settings it was drawn with."""

    token: int
    logprob: float


def draw(
    logits: Logits,
    sampling: Sampling,
    random: np.random.Generator,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> Draw:
    """Draw one token from `softmax(logits / temperature)` after the cuts of `sampling`.

    `allowed`, shape (num_tokens,), rules tokens out before anything else. The log-probability is that of the
    distribution that is really drawn from: after temperature, constraint and cuts, renormalised. At temperature 0 the
    most likely token is certain, and its log-probability 0.

    >>> draw(np.array([0.0, 9.0], dtype=np.float32), Sampling(temperature=0), np.random.default_rng(0))
    Draw(token=1, logprob=0.0)
    """
    candidates = None if allowed is None else np.flatnonzero(allowed)
    scores = logits if candidates is None else logits[candidates]
    if sampling.temperature == 0:
        index, logprob = int(scores.argmax()), 0.0
    else:
        kept, weights = _cut(_weights(scores, sampling.temperature or 1.0), sampling)
        total = np.cumsum(weights, dtype=np.float64)
        chosen = int(np.searchsorted(total, random.random() * total[-1], side="right"))
        chosen = min(chosen, len(weights) - 1)
        logprob = float(np.log(weights[chosen] / total[-1]))
        index = chosen if kept is None else int(kept[chosen])
    return Draw(index if candidates is None else int(candidates[index]), logprob)


def _weights(scores: Logits, temperature: float) -> npt.NDArray[np.float64]:
    """Unnormalised probabilities; the most likely token weighs 1.

    The sum over a vocabulary needs double precision, the exponentials do not.
    """
    scaled = (scores - scores.max()) / np.float32(temperature)
    return np.exp(scaled, dtype=np.float32).astype(np.float64)


def _cut(
    weights: npt.NDArray[np.float64], sampling: Sampling
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.float64]]:
    """Apply top-k, top-p and min-p in this order: (indices that are kept, their weights). None keeps all."""
    if sampling.top_k is None and sampling.top_p is None and sampling.min_p is None:
        return None, weights
    order = np.argsort(-weights, kind="stable")
    if sampling.top_k is not None:
        order = order[: sampling.top_k]
    ranked = weights[order]
    if sampling.top_p is not None:
        before = np.cumsum(ranked) - ranked  # the mass of the more likely ones: the first is always kept
        keep = before < sampling.top_p * ranked.sum()
        order, ranked = order[keep], ranked[keep]
    if sampling.min_p is not None:
        keep = ranked >= sampling.min_p * ranked[0]
        order, ranked = order[keep], ranked[keep]
    return order, ranked
