"""A key-value cache without a model, for the scheduler's tests: it checks all that llama.cpp takes on trust."""

from dataclasses import dataclass, field

import numpy as np

from agentflow.engines.decoding.sampling import Logits
from agentflow.engines.local.llama import BATCH_TOKENS, CacheFull, Row
from agentflow.errors import EngineError

NUM_TOKENS = 50
END = 0  # the token that ends a generation


def next_token(tokens: tuple[int, ...]) -> int:
    """What this "model" says after a text: it depends on every token and on its place, and is never `END`."""
    return hash(tokens) % (NUM_TOKENS - 1) + 1


class Letters:
    """A vocabulary of one letter per token; control tokens have none."""

    def piece(self, token: int) -> bytes:
        return b"" if token == END else bytes([ord("0") + token])

    def is_end(self, token: int) -> bool:
        return token == END


@dataclass
class FakeCache:
    """Sequences are lists of cells, which they can share. A cell holds a token and its position."""

    cells: int = 1000
    fail_at: int | None = None  # the number of the batch that llama.cpp can not evaluate
    batches: list[list[Row]] = field(default_factory=list)
    sequences: dict[int, list[object]] = field(default_factory=dict)
    tokens: dict[object, tuple[int, int]] = field(default_factory=dict)  # cell -> token and position
    num_evictions: int = 0
    num_clears: int = 0

    def used(self) -> int:
        return len({cell for cells in self.sequences.values() for cell in cells})

    def text(self, sequence: int) -> tuple[int, ...]:
        return tuple(self.tokens[cell][0] for cell in self.sequences.get(sequence, []))

    def evaluate(self, rows: list[Row]) -> None:
        assert 0 < len(rows) <= BATCH_TOKENS
        if self.fail_at == len(self.batches):
            self.fail_at = None
            raise EngineError("llama.cpp could not evaluate a batch")
        if self.used() + len(rows) > self.cells:
            self.num_evictions += 1
            raise CacheFull
        self._logits: list[Logits | None] = []
        for row in rows:
            cells = self.sequences.setdefault(row.sequence, [])
            assert row.position == len(cells), "positions of a sequence follow each other"
            cell = object()
            self.tokens[cell] = (row.token, row.position)
            cells.append(cell)
            self._logits.append(self._says(self.text(row.sequence)) if row.wants_logits else None)
        self.batches.append(rows)

    def logits(self, row: int) -> Logits:
        logits = self._logits[row]
        assert logits is not None, "asked for logits that were not wanted"
        return logits

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        assert not self.sequences.get(target), "what the target held would stay beside the copy"
        assert length <= len(self.sequences[source])
        self.sequences[target] = self.sequences[source][:length]

    def truncate(self, sequence: int, length: int) -> None:
        self.sequences[sequence] = self.sequences.get(sequence, [])[:length]

    def clear(self) -> None:
        self.num_clears += 1
        self.sequences.clear()

    def _says(self, text: tuple[int, ...]) -> Logits:
        logits = np.zeros(NUM_TOKENS, dtype=np.float32)
        logits[next_token(text)] = 9.0
        return logits
