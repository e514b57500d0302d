"""Attention over a packed tree, with no work for pairs of tokens that do not see each other.

Every token sees its ancestors and itself. A segment's keys are seen by the segment (causally) and by all that follows
on it, and in depth-first order these queries are one run of tokens: so each segment is one call of torch's causal flash
attention, on views, without a mask. What a token got from its ancestors' segments is put together by the logarithms of
their normalisers, and the gradient of each call is exact when it is given the sums over all (FlashAttention-2,
arXiv 2307.08691, 2.3.2).

That kernel is the one for CPUs. Elsewhere a dense mask goes to torch's own choice of kernel.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from agentflow.train.learner.tree import Segment, Tree

NAME = "agentflow_tree"  # under which transformers knows it
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: tuple[Segment, ...] | None = None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in each layer: query (1, heads, tokens, size), key and value with as many or fewer heads.

    With `segments` the tokens are a packed tree; without, this is transformers' own attention, as sampling needs it.
    """
    if segments is None:
        result, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
        return result, None
    heads = key.shape[1]
    grouped = query[0].unflatten(0, (heads, -1))  # heads that share a key are a batch: no key is copied
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    output = _TreeAttention.apply(grouped, key[0].unsqueeze(1), value[0].unsqueeze(1), segments, scale)
    return output.flatten(0, 1).transpose(0, 1)[None], None


def arguments(tree: Tree, device: torch.device) -> dict[str, Any]:
    """What a model's `forward` has to be given so that it attends along the tree."""
    if device.type == "cpu":
        return {"attention_mask": torch.empty(1, 1, 1, 1), "segments": tree.segments}  # never looked at
    return {"attention_mask": dense_mask(tree).to(device)[None, None]}


def dense_mask(tree: Tree) -> Tensor:
    """Who sees whom, shape (tokens, tokens): true in a token's row at its ancestors and itself."""
    mask = torch.zeros(len(tree), len(tree), dtype=torch.bool)
    for segment in tree.segments:
        seen_by, own = segment.subtree_end - segment.start, segment.end - segment.start
        sees = torch.ones(seen_by, own, dtype=torch.bool).tril()
        mask[segment.start : segment.subtree_end, segment.start : segment.end] = sees
    return mask


class _TreeAttention(torch.autograd.Function):  # type: ignore[misc]  # torch is not looked into by the type check
    """query (key heads, queries a key, tokens, size); key and value (key heads, 1, tokens, size)."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, segments: Any, scale: float) -> Tensor:
        output = torch.empty(query.shape, dtype=query.dtype)
        normaliser = torch.full(query.shape[:-1], -torch.inf, dtype=query.dtype)
        filled = 0  # up to where something is in `output`
        for segment in segments:
            q, k, v = _views(segment, query, key, value)
            part, part_normaliser = _flash(q, k, v, 0.0, True, scale=scale)
            _merge(output, normaliser, part, part_normaliser, segment, filled)
            filled = max(filled, segment.subtree_end)
        ctx.save_for_backward(query, key, value, output, normaliser)
        ctx.segments, ctx.scale = segments, scale
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, output, normaliser = ctx.saved_tensors
        query_gradient = torch.zeros(query.shape, dtype=query.dtype)
        key_gradient = torch.empty(key.shape, dtype=key.dtype)
        value_gradient = torch.empty(value.shape, dtype=value.dtype)
        for segment in ctx.segments:
            seen_by = slice(segment.start, segment.subtree_end)
            own = slice(segment.start, segment.end)
            q, k, v = _views(segment, query, key, value)
            parts = (gradient[:, :, seen_by], q, k, v, output[:, :, seen_by], normaliser[:, :, seen_by])
            q_part, k_part, v_part = _flash_backward(*parts, 0.0, True, scale=ctx.scale)
            query_gradient[:, :, seen_by] += q_part
            key_gradient[:, :, own] = k_part.sum(1, keepdim=True)
            value_gradient[:, :, own] = v_part.sum(1, keepdim=True)
        return query_gradient, key_gradient, value_gradient, None, None


def _views(segment: Segment, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The queries that see a segment, and its keys and values once for each query of theirs, without a copy."""
    own = slice(segment.start, segment.end)
    shape = (-1, query.shape[1], -1, -1)
    return (
        query[:, :, segment.start : segment.subtree_end],
        key[:, :, own].expand(shape),
        value[:, :, own].expand(shape),
    )


def _merge(
    output: Tensor, normaliser: Tensor, part: Tensor, part_normaliser: Tensor, segment: Segment, filled: int
) -> None:
    """Add what a segment gives to its queries: the first time as it is, then by the shares of the normalisers."""
    rows = slice(segment.start, segment.subtree_end)
    if segment.start >= filled:
        output[:, :, rows], normaliser[:, :, rows] = part, part_normaliser
        return
    both = torch.logaddexp(normaliser[:, :, rows], part_normaliser)
    before = torch.exp(normaliser[:, :, rows] - both)[..., None]
    output[:, :, rows] = output[:, :, rows] * before + part * torch.exp(part_normaliser - both)[..., None]
    normaliser[:, :, rows] = both


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
