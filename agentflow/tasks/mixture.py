"""Training tasks of several sources in one endless order, of which a checkpoint needs only the position."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agentflow.errors import ConfigError
from agentflow.tasks.dice import Dice
from agentflow.types import Task

_CYCLE = 1000  # tasks after which the shares of the sources are exact, to one in a thousand


@dataclass(frozen=True)
class Part:
    """The training tasks of one source and its weight."""

    name: str
    weight: float
    tasks: Sequence[Task]


class Mixture:
    """An endless order of tasks: each source by its weight, evenly spread, and in each epoch of a source all its tasks.

    What stands at a position depends on the parts, the seed and the position alone.

    >>> tasks = [Task(id=name, question=name) for name in "abc"]
    >>> mixture = Mixture([Part("letters", 1.0, tasks)], seed=0)
    >>> first, second = mixture.batch(0, 3), mixture.batch(3, 3)
    >>> sorted(task.id for task in first) == sorted(task.id for task in second) == ["a", "b", "c"]
    True
    >>> mixture.batch(2, 2) == [first[2], second[0]]
    True
    """

    def __init__(self, parts: Sequence[Part], seed: int) -> None:
        self._parts = [part for part in parts if part.tasks]
        if not self._parts:
            raise ConfigError("no source gives a task to train on: set `train` of one of them above 0")
        if len(self._parts) > _CYCLE:
            raise ConfigError(f"a mixture has at most {_CYCLE} sources, not {len(self._parts)}")
        self._seed = seed
        self._counts = _shares([part.weight for part in self._parts])
        self._cycle = lru_cache(maxsize=4)(self._spread)
        self._order = lru_cache(maxsize=2 * len(self._parts))(self._shuffled)

    @property
    def tasks(self) -> list[Task]:
        """Every task once."""
        return [task for part in self._parts for task in part.tasks]

    def batch(self, position: int, num_tasks: int) -> list[Task]:
        """The tasks from a position on. `position` counts the tasks that came before."""
        if position < 0 or num_tasks < 0:
            raise ValueError(f"position and num_tasks must be at least 0, not {position} and {num_tasks}")
        return [self._at(place) for place in range(position, position + num_tasks)]

    def _at(self, position: int) -> Task:
        cycle, slot = divmod(position, sum(self._counts))
        index, earlier = self._cycle(cycle)[slot]
        tasks = self._parts[index].tasks
        epoch, place = divmod(cycle * self._counts[index] + earlier, len(tasks))
        return tasks[self._order(index, epoch)[place]]

    def _spread(self, cycle: int) -> list[tuple[int, int]]:
        """For each slot of a cycle, the source whose turn it is and how many turns it had in this cycle before.

        A source with n turns gets one at a chance place in each n-th of the cycle.
        """
        dice = Dice(self._seed, "cycle", cycle)
        turns = [
            ((turn + dice.share()) / count, index, turn)
            for index, count in enumerate(self._counts)
            for turn in range(count)
        ]
        return [(index, turn) for _, index, turn in sorted(turns)]

    def _shuffled(self, index: int, epoch: int) -> list[int]:
        part = self._parts[index]
        return Dice(self._seed, "epoch", part.name, epoch).shuffled(range(len(part.tasks)))


def _shares(weights: Sequence[float]) -> list[int]:
    """Turns in a cycle, at least one each, near a thousand in all.

    >>> _shares([1.0]), _shares([2.0, 1.0, 1.0])
    ([1000], [500, 250, 250])
    """
    return [max(1, round(_CYCLE * weight / sum(weights))) for weight in weights]
