"""The generations that run together, and the KV cache that holds their past."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from agentflow.engines.decoding.generation import Generation


class Batch:
    """Rows of one KV cache, padded on the left; `mask` says which cells of a row are its own, shape (rows, cells).

    Rows come and go between two evaluations. What is evaluated of a row is the end of its `target` that the cache does
    not hold yet: its last token, or several where a schema forced some.
    """

    def __init__(self, model: Any) -> None:
        self.rows: list[Generation] = []
        self._model = model
        self._cache = DynamicCache()
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=model.device)

    @property
    def num_cells(self) -> int:
        """How long the rows are, padding included."""
        return int(self._mask.shape[1])

    def start(self, rows: Sequence[Generation]) -> Tensor:
        """Evaluate the prompts of an empty batch, each distinct one once; the logits that follow, a row each."""
        assert not self.rows, "others come in by `join`"
        distinct = {tuple(row.target): row for row in rows}
        self.rows = list(distinct.values())
        self._mask = self._mask.new_zeros(len(self.rows), 0)
        logits = self.evaluate()
        place = {prompt: index for index, prompt in enumerate(distinct)}
        self.rows = list(rows)
        if len(distinct) < len(rows):
            index = torch.tensor([place[tuple(row.target)] for row in rows], device=logits.device)
            self._select(index)
            logits = logits[index]
        return logits

    def evaluate(self) -> Tensor:
        """Bring the cache up to date: the logits after each row's last token, shape (rows, tokens)."""
        held = self._mask.sum(dim=1).tolist()
        pending = [row.target[count:] for row, count in zip(self.rows, held, strict=True)]
        width = max(map(len, pending))
        device = self._mask.device
        tokens = torch.tensor([[0] * (width - len(new)) + new for new in pending], device=device)
        fresh = torch.tensor([[0] * (width - len(new)) + [1] * len(new) for new in pending], device=device)
        positions = (self._mask.sum(dim=1, keepdim=True) + fresh.cumsum(dim=1) - 1).clamp(min=0)
        self._mask = torch.cat([self._mask, fresh], dim=1)
        output = self._model(
            input_ids=tokens,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def drop_ended(self) -> None:
        """Let go of the rows that are finished or cancelled, and of the cells that nobody uses any more."""
        kept = [i for i, row in enumerate(self.rows) if not (row.ended or row.is_cancelled())]
        if len(kept) < len(self.rows):
            self.rows = [self.rows[i] for i in kept]
            self._select(torch.tensor(kept, dtype=torch.long, device=self._mask.device))

    def join(self, other: "Batch") -> None:
        """Take over the rows of another batch."""
        if not other.rows:
            return
        if not self.rows:
            self.rows, self._cache, self._mask = other.rows, other._cache, other._mask
            return
        longest = max(self.num_cells, other.num_cells)
        self._lengthen(longest)
        other._lengthen(longest)
        for mine, theirs in zip(self._cache.layers, other._cache.layers, strict=True):
            mine.keys = torch.cat([mine.keys, theirs.keys])
            mine.values = torch.cat([mine.values, theirs.values])
        self._mask = torch.cat([self._mask, other._mask])
        self.rows += other.rows

    def _select(self, index: Tensor) -> None:
        if not len(index):
            self._cache = DynamicCache()
            self._mask = self._mask.new_zeros(0, 0)
            return
        self._mask = self._mask[index]
        unused = int(self._mask.any(dim=0).long().argmax())  # the padding that all rows share
        self._mask = self._mask[:, unused:]
        for layer in self._cache.layers:
            layer.keys = layer.keys[index, :, unused:]
            layer.values = layer.values[index, :, unused:]

    def _lengthen(self, num_cells: int) -> None:
        """Pad all rows on the left."""
        missing = num_cells - self.num_cells
        self._mask = torch.nn.functional.pad(self._mask, (missing, 0))
        for layer in self._cache.layers:
            layer.keys = torch.nn.functional.pad(layer.keys, (0, 0, missing, 0))
            layer.values = torch.nn.functional.pad(layer.values, (0, 0, missing, 0))
