"""The sources that a config can name, and the tasks that a list of them gives together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from agentflow.errors import ConfigError, UnknownName
from agentflow.tasks.arithmetic import ArithmeticSource
from agentflow.tasks.file_source import FileSource
from agentflow.tasks.hub_source import HubSource
from agentflow.tasks.mixture import Mixture, Part
from agentflow.tasks.reasoning_gym_source import ReasoningGymSource
from agentflow.tasks.source import TaskSource
from agentflow.tasks.splits import SPLITS, Split, Tasks
from agentflow.tasks.world import WorldSource, write_worlds
from agentflow.types import Task

AnySource = FileSource | HubSource | ReasoningGymSource | WorldSource | ArithmeticSource
SourceConfig = Annotated[AnySource, Field(discriminator="source")]
SOURCES: dict[str, type[AnySource]] = {
    "file": FileSource,
    "hub": HubSource,
    "reasoning-gym": ReasoningGymSource,
    "world": WorldSource,
    "arithmetic": ArithmeticSource,
}


@dataclass(frozen=True)
class TaskSplits:
    """What `open_tasks` opened. `train` has no end; `validation` and `test` are lists, in the order of the sources."""

    train: Mixture
    validation: list[Task]
    test: list[Task]

    def batch(self, position: int, num_tasks: int) -> list[Task]:
        """The training tasks from a position on: the same ones for the same position, sources and seed."""
        return self.train.batch(position, num_tasks)


def read_source(table: Mapping[str, Any]) -> AnySource:
    """A table of a config as a source.

    Raises `ConfigError` with the setting that is wrong, `UnknownName` for a source or setting that there is not.

    >>> read_source({"source": "arithmetic", "digits": 3}).seed
    0
    >>> read_source({"source": "wrld"})
    Traceback (most recent call last):
    agentflow.errors.UnknownName: unknown source of tasks 'wrld': did you mean 'world'? Known: arithmetic, file, hub, \
reasoning-gym, world
    """
    name = table.get("source")
    if not isinstance(name, str):
        raise ConfigError(f"a source of tasks must name its `source`: one of {', '.join(sorted(SOURCES))}")
    if name not in SOURCES:
        raise UnknownName("source of tasks", name, SOURCES)
    model = SOURCES[name]
    for setting in table.keys() - set(model.model_fields):
        raise UnknownName(f"setting of the source {name!r}", setting, model.model_fields)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"source {name!r}: {place}: {first['msg']} (came: {first['input']!r})") from None


def open_tasks(sources: Sequence[TaskSource], seed: int = 0, needs: Iterable[Split] = ("train",)) -> TaskSplits:
    """Load all sources and join them, split by split.

    `seed` decides the order of training and nothing else: which task is in which split is a matter of the source's own
    seed. The splits in `needs` must not be empty.

    Raises `ConfigError` for an empty split, an id that two tasks have, and whatever is wrong with a source.

    >>> source = read_source({"source": "arithmetic", "train": 30, "validation": 5})
    >>> tasks = open_tasks([source], seed=1, needs=("train", "validation"))
    >>> len(tasks.validation), tasks.batch(0, 4) == tasks.batch(0, 2) + tasks.batch(2, 2)
    (5, True)
    """
    if not sources:
        raise ConfigError("there is no source of tasks: a config wants at least one table `tasks` with a `source`")
    loaded = [(source, source.load()) for source in sources]
    _refuse_repeated([(source.label, tasks) for source, tasks in loaded])
    for split in needs:
        if not any(getattr(tasks, split) for _, tasks in loaded):
            labels = ", ".join(source.label for source in sources)
            raise ConfigError(f"no source gives a task for {split} ({labels}): set `{split}` of one of them above 0")
    return TaskSplits(
        Mixture([Part(source.label, source.weight, tasks.train) for source, tasks in loaded], seed),
        [task for _, tasks in loaded for task in tasks.validation],
        [task for _, tasks in loaded for task in tasks.test],
    )


def write_corpus(sources: Iterable[TaskSource], folder: str | Path) -> Path | None:
    """Write the articles of all worlds among the sources into one file and return it; `None` if there is no world.

    The file is a corpus for `tools.wikipedia_search.corpus`.
    """
    worlds = [(source.seed, source.size) for source in sources if isinstance(source, WorldSource)]
    return write_worlds(worlds, folder) if worlds else None


def _refuse_repeated(loaded: Iterable[tuple[str, Tasks]]) -> None:
    """Two tasks with one id, and a question in two splits, which would test what was trained."""
    homes: dict[str, str] = {}
    splits: dict[str, Split] = {}
    for label, split, task in _all(loaded):
        here = f"{label} ({split})"
        if task.id in homes:
            raise ConfigError(
                f"the id {task.id!r} stands in {homes[task.id]} and in {here}: "
                "give one of the two sources a `name` or a `seed` of its own"
            )
        if splits.setdefault(task.question, split) != split:
            raise ConfigError(f"a question of {here} is in {splits[task.question]}, too: {task.question[:200]!r}")
        homes[task.id] = here


def _all(loaded: Iterable[tuple[str, Tasks]]) -> Iterator[tuple[str, Split, Task]]:
    for label, tasks in loaded:
        for split in SPLITS:
            for task in getattr(tasks, split):
                yield label, split, task
