import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train.learner.batches import plan_batches
from agentflow.train.learner.tree import build_tree, in_order

SEQUENCES = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), min_size=1, max_size=6)


def num_tokens(sequences: list[list[int]], indices: list[int]) -> int:
    return len(build_tree([np.array(sequences[index]) for index in indices]))


@given(SEQUENCES, st.integers(1, 20))
def test_each_sequence_is_in_one_batch_within_the_budget(sequences: list[list[int]], budget: int) -> None:
    batches = plan_batches([np.array(ids) for ids in sequences], budget)
    assert sorted(itertools.chain(*batches)) == list(range(len(sequences)))
    assert all(len(batch) == 1 or num_tokens(sequences, batch) <= budget for batch in batches)


@given(SEQUENCES, st.integers(1, 20))
def test_no_other_cut_computes_fewer_tokens(sequences: list[list[int]], budget: int) -> None:
    order = in_order([np.array(ids) for ids in sequences])
    possible = []
    for cuts in itertools.product([False, True], repeat=len(order) - 1):
        places = [0, *(index + 1 for index, cut in enumerate(cuts) if cut), len(order)]
        batches = [order[a:b] for a, b in itertools.pairwise(places)]
        sizes = [num_tokens(sequences, batch) for batch in batches]
        if all(len(batch) == 1 or size <= budget for batch, size in zip(batches, sizes, strict=True)):
            possible.append((sum(sizes), len(batches)))
    planned = plan_batches([np.array(ids) for ids in sequences], budget)
    assert (sum(num_tokens(sequences, batch) for batch in planned), len(planned)) == min(possible)


def test_without_sharing_every_token_counts() -> None:
    sequences = [np.array([1, 2, 3])] * 3
    assert plan_batches(sequences, 6, share=False) == [[0], [1, 2]]
    assert plan_batches(sequences, 6) == [[0, 1, 2]]


def test_nothing_makes_no_batch() -> None:
    assert plan_batches([], 8) == []
