"""Which samples are computed together: those that share prefixes, up to a budget of tokens."""

import itertools
from collections.abc import Sequence

from agentflow.train.learner.tree import Ids, in_order, shared_length


def plan_batches(sequences: Sequence[Ids], token_budget: int, *, share: bool = True) -> list[list[int]]:
    """Cut the sequences, in the order of a dictionary, into micro-batches of at most `token_budget` tokens each.

    With `share`, prefixes that are shared count once in a micro-batch. Of all cuts, those that compute the fewest
    tokens, and of these the fewest micro-batches. A sequence that is longer than the budget gets its own micro-batch.

    >>> import numpy as np
    >>> sequences = [np.array(ids) for ids in ([1, 1, 1, 2], [3, 3, 3, 4], [1, 1, 1, 5], [3, 3, 3, 6])]
    >>> plan_batches(sequences, token_budget=8)
    [[0, 2], [1, 3]]
    >>> plan_batches(sequences, token_budget=2)
    [[0], [2], [1], [3]]
    """
    order = in_order(sequences)
    lengths = [len(sequences[index]) for index in order]
    shared = [0] * len(order)
    if share:
        shared[1:] = [shared_length(sequences[a], sequences[b]) for a, b in itertools.pairwise(order)]
    best: list[tuple[int, int, int]] = [(0, 0, 0)]  # of the first n: tokens, micro-batches, where the last one starts
    for end in range(1, len(order) + 1):
        choices = []
        tokens = 0
        for start in range(end - 1, -1, -1):
            tokens += lengths[start] - (shared[start + 1] if start + 1 < end else 0)
            if tokens > token_budget and start < end - 1:
                break
            choices.append((best[start][0] + tokens, best[start][1] + 1, start))
        best.append(min(choices))
    return _cut(order, [start for _, _, start in best])


def _cut(order: list[int], starts: list[int]) -> list[list[int]]:
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[starts[end] : end])
        end = starts[end]
    return batches[::-1]
