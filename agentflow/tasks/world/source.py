"""The world as a source of tasks."""

from itertools import islice
from typing import Literal

from pydantic import Field, field_validator

from agentflow.errors import ConfigError
from agentflow.tasks.source import Generator
from agentflow.tasks.splits import SPLITS, Split, Tasks
from agentflow.tasks.world.questions import questions
from agentflow.tasks.world.world import SMALLEST, World, build_world
from agentflow.types import Task


class WorldSource(Generator):
    """`source = "world"`: questions on a fictional world, of which nothing can have been memorised.

    `seed` and `size` (the number of articles) make the world. `hops` are the numbers of steps that a question takes,
    in turn; of those with two and more the share `compute` ends in a computation, which counts as a step. Its articles
    must be the corpus of the search tool: `write_corpus` writes them.
    """

    source: Literal["world"]
    size: int = Field(default=500, ge=SMALLEST)
    hops: tuple[Literal[1, 2, 3, 4], ...] = Field(default=(1, 2, 3, 4), min_length=1)
    compute: float = Field(default=0.25, ge=0, le=1)

    @field_validator("hops")
    @classmethod
    def _sorted(cls, hops: tuple[Literal[1, 2, 3, 4], ...]) -> tuple[Literal[1, 2, 3, 4], ...]:
        return tuple(sorted(set(hops)))

    @property
    def label(self) -> str:
        return self.name or "world"

    def load(self) -> Tasks:
        """`ConfigError` with the numbers if the world has too few questions."""
        world = build_world(self.seed, self.size)
        return Tasks(*(self._split(world, split) for split in SPLITS))

    def _split(self, world: World, split: Split) -> tuple[Task, ...]:
        wanted = self.wanted[split]
        found = tuple(islice(questions(world, split, self.hops, self.compute), wanted))
        if len(found) < wanted:
            raise ConfigError(
                f"{world.name}: wanted {wanted} questions of {self.hops} hops for {split}, found {len(found)}: "
                f"set {split} lower or size higher"
            )
        place = f"{self.label}/{world.name.removeprefix('world-')}"
        return tuple(task.model_copy(update={"id": f"{place}/{task.id}", "source": self.label}) for task in found)
