"""Whether a benchmark's scorer can be trusted: every item's gold scores 1, and the gold of another item 0.

A gold is tried in the spellings that a flow may answer with. An item of multiple choice is also tried with its own
wrong options. Items whose answers really coincide (both golds are "yes", or 33) are no fault, and are listed. Nor is
half a mark for half of the words, by a scorer that gives such marks.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.benchmarks.benchmark import Benchmark
from agentflow.benchmarks.trials import coincide, foreign_answers, spellings
from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE
from agentflow.types import Task

_SHOWN = 10
_GRADED = ("f1",)  # scorers with marks in between: for a foreign gold, only full marks are wrong


@dataclass(frozen=True)
class Miss:
    """An answer that did not get the score it should. `of` is the item whose gold it is."""

    task: str
    answer: str
    of: str
    score: float

    def __str__(self) -> str:
        whose = "its own gold" if self.of == self.task else f"of {self.of}"
        return f"{self.task}: {self.answer!r} ({whose}) scores {self.score:g}"


@dataclass(frozen=True)
class ScorerCheck:
    """What came of a check. Each item was tried with the golds of `num_others` others.

    `coinciding` are groups of items with one answer; `without_gold` could not be tried.
    """

    benchmark: str
    scorer: str
    num_items: int
    num_gold: int
    num_foreign: int
    num_coinciding: int
    num_others: int
    gold_misses: tuple[Miss, ...]
    foreign_misses: tuple[Miss, ...]
    coinciding: tuple[tuple[str, ...], ...]
    without_gold: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every gold scored 1 and every foreign gold 0 (less than 1, if graded), coinciding ones aside."""
        return not (self.gold_misses or self.foreign_misses)

    def text(self) -> str:
        """The check for a reader, a few lines."""
        right = self.num_gold - len(self.gold_misses)
        lines = [
            f"{self.benchmark}: {self.num_items} items, scorer {self.scorer}",
            f"  own gold: {right:,} of {self.num_gold:,} spellings score 1",
            f"  foreign answers: {self._foreign_text()}",
            f"  groups of items with one answer: {len(self.coinciding)} ({self.num_coinciding:,} pairs left aside)",
        ]
        groups = [f"    {', '.join(group[:8])}{', ...' if len(group) > 8 else ''}" for group in self.coinciding]
        lines += groups[:_SHOWN] + ([f"    and {len(groups) - _SHOWN} more groups"] if len(groups) > _SHOWN else [])
        if self.without_gold:
            lines.append(f"  without a gold to try: {len(self.without_gold)} items")
        misses = [f"  WRONG: {miss}" for miss in (*self.gold_misses, *self.foreign_misses)]
        lines += misses[:_SHOWN] + ([f"  and {len(misses) - _SHOWN} more"] if len(misses) > _SHOWN else [])
        return "\n".join(lines)

    def _foreign_text(self) -> str:
        if not self.num_foreign:
            return "none to try: there is no other item with another answer"
        wanted = "less than 1" if any(name in _GRADED for name in self.scorer.split(", ")) else "0"
        zero = self.num_foreign - len(self.foreign_misses)
        return f"{zero:,} of {self.num_foreign:,} score {wanted} (pairs of items: {self._pairs_text()})"

    def _pairs_text(self) -> str:
        tried, of = self.num_items * self.num_others, self.num_items * (self.num_items - 1)
        return f"all {of:,}" if tried == of else f"{tried:,} of {of:,}"


def check_scorer(benchmark: Benchmark, tasks: Sequence[Task], others: int | None = None) -> ScorerCheck:
    """Score each item's own golds, and the golds of `others` items that follow it (of all others if None).

    Raises `ConfigError` if the items are scored by a judge, which no rule can check.
    """
    if any(task.metadata.get("scorer") == JUDGE for task in tasks):
        raise ConfigError(f"{benchmark.name}: a judge scores these items, and only rules can be checked")
    gold = [(task, spelling, score(task, spelling)) for task in tasks for spelling in spellings(task)]
    gold_misses = [Miss(task.id, spelling, task.id, got) for task, spelling, got in gold if got != 1.0]
    misses, pairs, num_foreign = [], [], 0
    for task, answer, origin in foreign_answers(tasks, others):
        if coincide(task, answer, origin):
            pairs.append((task.id, origin.id))
            continue
        num_foreign += 1
        got = score(task, answer)
        if got >= 1.0 if task.metadata.get("scorer") in _GRADED else got > 0.0:
            misses.append(Miss(task.id, answer, origin.id, got))
    scorers = Counter(str(task.metadata.get("scorer")) for task in tasks)
    return ScorerCheck(
        benchmark=benchmark.name,
        scorer=", ".join(sorted(scorers)),
        num_items=len(tasks),
        num_gold=len(gold),
        num_foreign=num_foreign,
        num_coinciding=len(pairs),
        num_others=max(0, min(len(tasks) - 1, len(tasks) if others is None else others)),
        gold_misses=tuple(gold_misses),
        foreign_misses=tuple(misses),
        coinciding=_groups(pairs),
        without_gold=tuple(task.id for task in tasks if not task.answers),
    )


def _groups(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """
    >>> _groups([("a", "b"), ("b", "a"), ("b", "c"), ("x", "y")])
    (('a', 'b', 'c'), ('x', 'y'))
    """
    group_of: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        joined = (group_of[one] or {one}) | (group_of[other] or {other})
        for member in joined:
            group_of[member] = joined
    unique = {id(group): tuple(sorted(group, key=lambda name: (len(name), name))) for group in group_of.values()}
    return tuple(unique.values())
