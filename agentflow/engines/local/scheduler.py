"""Continuous batching over one KV cache.

Every round evaluates one batch: the newest token of each generation that runs, and as much of the waiting prompts as
fits beside them. A prompt takes over the longest prefix that any sequence, running or finished, has in the cache; when
two prompts that start alike arrive together, the second waits until the first has evaluated what they share.

A generation is admitted if all that run would still fit at their longest, with what they share counted once. Where that
proves too hopeful, because two evaluated the same tokens apart, the youngest gives way and goes on later.

Not here: threads, asyncio, chat templates (`engine.py`), and the C calls (`llama.py`).
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Protocol

from agentflow.engines.decoding.generation import Generation
from agentflow.engines.decoding.sampling import Logits
from agentflow.engines.local.llama import BATCH_TOKENS, CacheFull, Row
from agentflow.errors import EngineError

WORTH_WAITING_FOR = 32  # tokens; evaluating fewer again costs less than the round that waiting for them takes


class Cache(Protocol):
    """What evaluates tokens and remembers them by sequence: `llama.Context`."""

    cells: int

    def evaluate(self, rows: list[Row]) -> None: ...

    def logits(self, row: int) -> Logits: ...

    def copy_prefix(self, source: int, target: int, length: int) -> None: ...

    def truncate(self, sequence: int, length: int) -> None: ...

    def clear(self) -> None: ...


@dataclass(eq=False)
class Sequence:
    """A place in the KV cache: what was evaluated there, and the generation that uses it, if any."""

    number: int
    evaluated: list[int] = field(default_factory=list)
    generation: Generation | None = None
    last_used: int = 0

    @property
    def planned(self) -> list[int]:
        """The tokens this sequence holds or will hold soon."""
        return self.generation.target if self.generation else self.evaluated

    @property
    def missing(self) -> int:
        """Tokens of its generation that still have to be evaluated."""
        return len(self.generation.target) - len(self.evaluated) if self.generation else 0


@dataclass
class Statistics:
    """Counted since the start. `reused` prompt tokens were in the cache, `evaluated` ones were computed."""

    evaluated: int = 0
    reused: int = 0
    rounds: int = 0


class Scheduler:
    """Runs many generations at once on one cache. Not thread-safe: one thread owns it.

    `max_running` generations share a batch. There are more sequences than that, so that finished ones can keep their
    cache for the next turn of the same conversation.
    """

    def __init__(self, cache: Cache, *, max_running: int, num_sequences: int) -> None:
        assert num_sequences >= max_running
        self.statistics = Statistics()
        self._cache = cache
        self._max_running = max_running
        self._most_now = max_running  # fewer for a while after one had to give way
        self._sequences = [Sequence(number) for number in range(num_sequences)]
        self._waiting: deque[Generation] = deque()
        self._between: deque[Callable[[], None]] = deque()
        self._clock = count(1)

    def submit(self, generation: Generation) -> None:
        """Queue a generation; it is finished from within a later `step`, or at once if its schema left no choice."""
        assert generation.most_tokens <= self._cache.cells, "it would wait for ever"
        if generation.ended:
            generation.on_finish(generation)
        else:
            self._waiting.append(generation)

    def between_generations(self, action: Callable[[], None]) -> None:
        """Run `action` at a moment when nothing runs; what still waits then runs after it. Forgets the cache."""
        self._between.append(action)

    def fail_all(self, error: Exception) -> None:
        """Finish all that runs or waits with an error, and forget the cache: its state is not known any more."""
        failed = [generation for _, generation in self._running()] + list(self._waiting)
        self._waiting.clear()
        for sequence in self._sequences:
            sequence.generation = None
        self._forget()
        for generation in failed:
            generation.error = error
            generation.on_finish(generation)

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._between or any(self._running()))

    def step(self) -> None:
        """One round: admit, evaluate one batch, draw a token wherever a prompt or a last token was evaluated."""
        self._drop_cancelled()
        while self._between and not any(self._running()):
            self._forget()
            self._between.popleft()()
        if not self._between:
            self._admit()
        try:
            batch = self._evaluate_batch()
        except EngineError as error:
            self.fail_all(error)
            return
        if not batch:
            return
        self.statistics.rounds += 1
        self.statistics.evaluated += sum(len(rows) for _, rows in batch)
        self._advance(batch)

    def _running(self) -> Iterator[tuple[Sequence, Generation]]:
        return ((sequence, sequence.generation) for sequence in self._sequences if sequence.generation)

    def _drop_cancelled(self) -> None:
        for sequence, generation in self._running():
            if generation.is_cancelled():
                self._release(sequence)
        self._waiting = deque(g for g in self._waiting if not g.is_cancelled())

    def _forget(self) -> None:
        self._cache.clear()
        for sequence in self._sequences:
            sequence.evaluated = []

    def _admit(self) -> None:
        """Start the waiting generations that there is room for, in their order but for those that wait for a prefix."""
        running = [generation for _, generation in self._running()]
        skipped: list[Generation] = []
        while self._waiting and len(running) < self._most_now and len(skipped) < self._max_running:
            generation = self._waiting.popleft()
            if _most_cells([*running, generation]) > self._cache.cells:
                skipped.append(generation)
                break
            if self._start(generation):
                running.append(generation)
            else:
                skipped.append(generation)
        self._waiting.extendleft(reversed(skipped))

    def _start(self, generation: Generation) -> bool:
        """Give a generation a sequence with all of its tokens that the cache has; False: better wait for a prefix."""
        most = len(generation.target) - 1  # the last token is evaluated in any case: its logits are needed
        donor, shared, coming = None, 0, 0
        for sequence in self._sequences:
            common = min(_common(sequence.planned, generation.target), most)
            coming = max(coming, common)
            if min(common, len(sequence.evaluated)) > shared:
                donor, shared = sequence, min(common, len(sequence.evaluated))
        if coming >= shared + WORTH_WAITING_FOR:
            return False
        target = self._vacant(donor, shared)
        if donor is target:
            self._cache.truncate(target.number, shared)
        else:
            self._cache.truncate(target.number, 0)
            if donor:
                self._cache.copy_prefix(donor.number, target.number, shared)
        if donor and not donor.generation:
            donor.last_used = next(self._clock)
        target.evaluated = generation.target[:shared]
        target.generation = generation
        target.last_used = next(self._clock)
        if not generation.started:
            generation.started = True
            generation.cached_tokens = min(shared, len(generation.prompt) - 1)
        self.statistics.reused += shared
        return True

    def _vacant(self, donor: Sequence | None, shared: int) -> Sequence:
        """The sequence to use: the donor itself where nothing of it is lost, else an empty one, else the oldest."""
        if donor and not donor.generation and len(donor.evaluated) == shared:
            return donor
        idle = [s for s in self._sequences if not s.generation]
        return min(idle, key=lambda s: (bool(s.evaluated), s is donor, s.last_used))

    def _fill_batch(self) -> list[tuple[Sequence, list[Row]]]:
        """Rows of the next batch, by sequence: first those that are nearly there (they decode), then in their order."""
        batch = []
        room = BATCH_TOKENS
        for sequence, generation in sorted(
            self._running(), key=lambda pair: (pair[0].missing > WORTH_WAITING_FOR, pair[0].last_used)
        ):
            start, target = len(sequence.evaluated), generation.target
            end = min(len(target), start + room)
            if end > start:
                rows = [Row(target[p], p, sequence.number, p == len(target) - 1) for p in range(start, end)]
                batch.append((sequence, rows))
                room -= len(rows)
        return batch

    def _evaluate_batch(self) -> list[tuple[Sequence, list[Row]]]:
        """The next batch, when it is evaluated; empty where there is nothing to do."""
        while batch := self._fill_batch():
            try:
                self._cache.evaluate([row for _, rows in batch for row in rows])
                break
            except CacheFull:
                self._make_room()
        return batch

    def _make_room(self) -> None:
        """Forget the idle sequence that was used least lately; without one, let the youngest generation wait again."""
        idle = [s for s in self._sequences if not s.generation and s.evaluated]
        if idle:
            given_up = min(idle, key=lambda s: s.last_used)
        else:
            running = [sequence for sequence, _ in self._running()]
            if len(running) < 2:
                raise EngineError("the KV cache is too small for one generation")
            given_up = max(running, key=lambda s: s.last_used)
            assert given_up.generation
            self._waiting.appendleft(given_up.generation)
            given_up.generation = None
            self._most_now = len(running) - 1
        self._cache.truncate(given_up.number, 0)
        given_up.evaluated = []

    def _advance(self, batch: list[tuple[Sequence, list[Row]]]) -> None:
        row = -1
        for sequence, rows in batch:
            row += len(rows)
            sequence.evaluated += [r.token for r in rows]
            generation = sequence.generation
            assert generation
            if rows[-1].wants_logits:
                generation.draw(self._cache.logits(row))
                if generation.ended:
                    self._release(sequence)

    def _release(self, sequence: Sequence) -> None:
        generation = sequence.generation
        assert generation
        self._most_now = self._max_running
        sequence.generation = None
        sequence.last_used = next(self._clock)
        generation.on_finish(generation)


def _most_cells(generations: list[Generation]) -> int:
    """The cells that generations can come to fill together. In the order of a dictionary, neighbours share the most."""
    ordered = sorted(generations, key=lambda generation: generation.target)
    shared = sum(_common(one.target, other.target) for one, other in pairwise(ordered))
    return sum(generation.most_tokens for generation in generations) - shared


def _common(first: list[int], second: list[int]) -> int:
    """Length of the common prefix, by halving: slices are compared in C.

    >>> _common([1, 2, 3], [1, 2, 4, 5])
    2
    """
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
