"""The three parts of a source, and the two ways to part it: by what a question is, and by lot.

A split is made of the tasks alone and the source's own seed, so another run's seed never moves a task from one split to
another.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentflow.errors import ConfigError
from agentflow.tasks.files import sample
from agentflow.types import Task

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_FIFTHS: tuple[Split, ...] = ("train", "train", "train", "validation", "test")


@dataclass(frozen=True)
class Tasks:
    """The tasks of one source. No question stands in two splits."""

    train: tuple[Task, ...] = ()
    validation: tuple[Task, ...] = ()
    test: tuple[Task, ...] = ()


def split_of(text: str) -> Split:
    """Which split a generated question belongs to, whatever the seed: three fifths train, a fifth each for the others.

    >>> [split_of(f"What is {number} + 1?") for number in range(4)]
    ['validation', 'validation', 'train', 'train']
    """
    return _FIFTHS[int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % len(_FIFTHS)]


def fill(name: str, drawn: Iterable[Task], wanted: Mapping[Split, int]) -> Tasks:
    """Take tasks from a stream into the split that their question belongs to, until each has as many as wanted.

    A question that comes again is passed over. `ConfigError` with the counts if the stream ends too early.
    """
    found: dict[Split, dict[str, Task]] = {split: {} for split in SPLITS}
    missing = {split for split in SPLITS if wanted[split]}
    stream: Iterator[Task] = iter(drawn)
    while missing and (task := next(stream, None)) is not None:
        split = split_of(task.question)
        if split in missing:
            found[split].setdefault(task.question, task)
            missing -= {split} if len(found[split]) == wanted[split] else set()
    for split in sorted(missing):
        raise ConfigError(
            f"{name}: wanted {wanted[split]} different questions for {split}, found {len(found[split])}: "
            f"set {split} lower, or its settings so that there are more"
        )
    return Tasks(*(tuple(found[split].values()) for split in SPLITS))


def cut(name: str, tasks: Sequence[Task], wanted: Mapping[Split, int | None], seed: int) -> Tasks:
    """Part the tasks of one file by lot: test first, then validation, then train (`None` is all that is left).

    A question that stands there more than once is taken once. `ConfigError` if there are too few.

    >>> rows = [Task(id=name, question=name) for name in "abcdef"]
    >>> parts = cut("rows", rows, {"train": None, "validation": 2, "test": 1}, seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (3, 2, 1)
    """
    once = list({task.question: task for task in reversed(tasks)}.values())
    asked = sum(count or 0 for count in wanted.values())
    if asked > len(once):
        raise ConfigError(f"{name}: wanted {_sum(wanted)} tasks, and there are {len(once)} different questions")
    order = sample(once, len(once), seed)
    test, validation, most = wanted.get("test") or 0, wanted.get("validation") or 0, wanted.get("train")
    train = order[test + validation :][:most]
    return Tasks(tuple(train), tuple(order[test : test + validation]), tuple(order[:test]))


def _sum(wanted: Mapping[Split, int | None]) -> str:
    """
    >>> _sum({"train": None, "validation": 2, "test": 0})
    '2 (validation)'
    """
    return " + ".join(f"{count} ({split})" for split, count in wanted.items() if count)
