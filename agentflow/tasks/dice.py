"""Chance that falls the same way on every machine and every Python version."""

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """Draws that a seed decides. Of `random.Random` it uses only what Python promises never to change: `random()`.

    >>> dice = Dice("example", 1)
    >>> [dice.whole(1, 6) for _ in range(5)], dice.pick("abc"), dice.shuffled("abc")
    ([5, 4, 5, 1, 6], 'b', ['c', 'b', 'a'])
    """

    def __init__(self, *seed: object) -> None:
        text = "\n".join(map(str, seed))
        self._random = random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))  # noqa: S311

    def share(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.share() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely as the others."""
        return items[self.whole(0, len(items) - 1)]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """All of them in another order."""
        keys = [self.share() for _ in items]
        return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]
