"""Attention along a tree is attention under a dense mask of ancestors, and so is its gradient."""

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train.learner.attention import attend, dense_mask
from agentflow.train.learner.tree import Tree, build_tree

HEADS, KEY_HEADS, SIZE = 4, 2, 8


def random_tree(seed: int) -> Tree:
    random = np.random.default_rng(seed)
    return build_tree([random.integers(0, 2, random.integers(1, 40)) for _ in range(6)])


def random_inputs(tree: Tree, dtype: torch.dtype) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [
        torch.randn(1, heads, len(tree), SIZE, dtype=dtype, requires_grad=True)
        for heads in (HEADS, KEY_HEADS, KEY_HEADS)
    ]


def dense(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, tree: Tree) -> torch.Tensor:
    keys, values = (rows.repeat_interleave(HEADS // KEY_HEADS, dim=1) for rows in (key, value))
    scores = (query @ keys.mT * SIZE**-0.5).masked_fill(~dense_mask(tree), -torch.inf)
    return (scores.softmax(-1) @ values).transpose(1, 2)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_a_tree_is_a_mask_of_ancestors(seed: int, dtype: torch.dtype, close: float) -> None:
    tree = random_tree(seed)
    inputs = random_inputs(tree, dtype)
    query, key, value = inputs
    output, _ = attend(None, query, key, value, None, segments=tree.segments)
    wanted = dense(query, key, value, tree)
    torch.testing.assert_close(output, wanted, atol=close, rtol=0)
    upstream = torch.randn_like(output)
    for got, want in zip(
        torch.autograd.grad(output, inputs, upstream), torch.autograd.grad(wanted, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(got, want, atol=10 * close, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_the_dense_mask_holds_the_ancestors(seed: int) -> None:
    tree = random_tree(seed)
    mask = dense_mask(tree)
    for path in tree.paths:
        for depth, place in enumerate(path):
            assert mask[place].nonzero()[:, 0].tolist() == sorted(path[: depth + 1].tolist())
