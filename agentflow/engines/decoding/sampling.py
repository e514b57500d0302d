"""Logits -> one token and the probability it was drawn with. Pure numpy, one row at a time."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agentflow.types import Sampling

Logits = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]

FIRST_LOOK = 1024  # how many of the most likely tokens are ranked first: the rest of a vocabulary seldom matters
COLDEST = 1e-30  # float32 can not divide by much less


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
        temperature = 1.0 if sampling.temperature is None else sampling.temperature
        kept, weights = _cut(_weights(scores, temperature), sampling)
        total = np.cumsum(weights)
        chosen = int(np.searchsorted(total, random.random() * total[-1], side="right"))
        chosen = min(chosen, len(weights) - 1)  # a product can be rounded up to the whole
        logprob = float(np.log(weights[chosen] / total[-1]))
        index = chosen if kept is None else int(kept[chosen])
    return Draw(index if candidates is None else int(candidates[index]), logprob)


def _weights(scores: Logits, temperature: float) -> Weights:
    """Unnormalised probabilities; the most likely token weighs 1.

    The sum over a vocabulary needs double precision, the exponentials do not.
    """
    with np.errstate(over="ignore"):  # to minus infinity, which weighs 0
        scaled = (scores - scores.max()) / np.float32(max(temperature, COLDEST))
    weights: Weights = np.exp(scaled, dtype=np.float32).astype(np.float64)
    return weights


def _cut(weights: Weights, sampling: Sampling) -> tuple[Indices | None, Weights]:
    """Apply top-k, top-p and min-p in this order: (indices that are kept, their weights). None keeps all.

    >>> _cut(np.array([0.2, 1.0, 0.8]), Sampling(top_p=0.8))
    (array([1, 2]), array([1. , 0.8]))
    """
    kept: Indices | None = None
    if sampling.top_k is not None and sampling.top_k < len(weights):
        kept = _most_likely(weights, sampling.top_k)
        weights = weights[kept]
    if sampling.top_p is not None and sampling.top_p < 1:
        nucleus = _nucleus(weights, sampling.top_p)
        kept = nucleus if kept is None else kept[nucleus]
        weights = weights[nucleus]
    if sampling.min_p is not None and sampling.min_p > 0:
        likely = np.flatnonzero(weights >= sampling.min_p * weights.max())
        kept = likely if kept is None else kept[likely]
        weights = weights[likely]
    return kept, weights


def _nucleus(weights: Weights, top_p: float) -> Indices:
    """The fewest most likely tokens that together have at least the share `top_p`, the most likely first."""
    wanted = top_p * weights.sum()
    look = FIRST_LOOK
    while weights[ranked := _most_likely(weights, look)].sum() < wanted and look < len(weights):
        look *= 16
    before = np.cumsum(weights[ranked]) - weights[ranked]  # what the more likely ones have: the first is always kept
    return ranked[: np.count_nonzero(before < wanted)]


def _most_likely(weights: Weights, count: int) -> Indices:
    """The indices of the `count` largest weights, the largest first; among equals the lower index wins."""
    candidates: Indices = np.arange(len(weights))
    if count < len(weights):
        candidates = np.flatnonzero(weights >= np.partition(weights, -count)[-count])
    order = np.argsort(-weights[candidates], kind="stable")[:count]
    ranked: Indices = candidates[order]
    return ranked
