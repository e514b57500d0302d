"""Logits of a batch -> one token a row, and the probability it was drawn with. On the model's own device."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agentflow.types import Sampling

COLDEST = 1e-30  # float32 can not divide by much less


def draw(
    logits: Tensor,
    samplings: Sequence[Sampling],
    points: Sequence[float],
    allowed: Sequence[npt.NDArray[np.bool_] | None],
) -> tuple[list[int], list[float]]:
    """Draw one token for each row of `logits`, shape (rows, tokens): (tokens, log-probabilities).

    `points` are drawn evenly from [0, 1), one a row. The log-probability is that of the distribution that is really
    drawn from: after temperature, constraint and cuts, renormalised. At temperature 0 the most likely token is certain.

    >>> warm, greedy = Sampling(temperature=1), Sampling(temperature=0)
    >>> draw(torch.tensor([[0.0, 0.0], [0.0, 9.0]]), [warm, greedy], [0.7, 0.0], [None, None])
    ([1, 1], [-0.6931471805599453, 0.0])
    """
    scores = _constrained(logits.float(), allowed)
    temperatures = [1.0 if s.temperature is None else s.temperature for s in samplings]
    divisor = torch.tensor(temperatures, device=scores.device).clamp(min=COLDEST)[:, None]
    best = scores.max(dim=-1)
    weights = torch.exp((scores - best.values[:, None]) / divisor).double()
    order = None
    if any(s.top_k or s.top_p or s.min_p for s in samplings):
        weights, order = weights.sort(dim=-1, descending=True, stable=True)
        weights = _cut(weights, samplings)
    upto = weights.cumsum(dim=-1)
    total = upto[:, -1:]
    point = torch.tensor(points, dtype=torch.float64, device=scores.device)[:, None] * total
    point = torch.minimum(point, torch.nextafter(total, torch.zeros_like(total)))  # a product can be rounded up
    chosen = torch.searchsorted(upto, point, right=True)
    logprobs = (weights.gather(1, chosen) / total).log()[:, 0]
    drawn = (chosen if order is None else order.gather(1, chosen))[:, 0]
    greedy = torch.tensor([t == 0 for t in temperatures], device=scores.device)
    tokens = torch.where(greedy, best.indices, drawn).tolist()
    return tokens, torch.where(greedy, torch.zeros_like(logprobs), logprobs).tolist()


def _constrained(scores: Tensor, allowed: Sequence[npt.NDArray[np.bool_] | None]) -> Tensor:
    if all(mask is None for mask in allowed):
        return scores
    everything = np.ones(scores.shape[1], dtype=np.bool_)
    masks = np.stack([everything if mask is None else mask for mask in allowed])
    return scores.masked_fill(~torch.from_numpy(masks).to(scores.device), -torch.inf)


def _cut(ranked: Tensor, samplings: Sequence[Sampling]) -> Tensor:
    """Weights in falling order, with 0 for those that top-k, top-p and min-p rule out, in this order.

    >>> _cut(torch.tensor([[1.0, 0.8, 0.2]]), [Sampling(top_p=0.8)])
    tensor([[1.0000, 0.8000, 0.0000]])
    """

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=ranked.dtype, device=ranked.device)[:, None]

    width = ranked.shape[1]
    place = torch.arange(width, device=ranked.device)[None, :]
    ranked = ranked * (place < column([float(s.top_k or width) for s in samplings]))
    before = ranked.cumsum(dim=-1) - ranked  # what the more likely ones have: the first is always kept
    share = column([2.0 if s.top_p is None or s.top_p >= 1 else s.top_p for s in samplings])
    ranked = ranked * (before < share * ranked.sum(dim=-1, keepdim=True))
    return ranked * (ranked >= column([s.min_p or 0.0 for s in samplings]) * ranked[:, :1])
