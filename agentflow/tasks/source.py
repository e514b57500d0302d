"""What every source of tasks has in common."""

from typing import Protocol, runtime_checkable

from pydantic import Field

from agentflow.config import Section
from agentflow.tasks.splits import Split, Tasks


@runtime_checkable
class TaskSource(Protocol):
    """Where tasks come from. `load` gives the same tasks every time; its seed is a setting of the source.

    `label` is the `source` of its tasks and what metrics call it; `weight` its share of the training tasks.
    """

    @property
    def label(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def load(self) -> Tasks: ...


class Source(Section):
    """The settings that every source has. `name` is its label; each source has a default of its own."""

    name: str = ""
    weight: float = Field(default=1.0, gt=0)
    seed: int = 0


class Generator(Source):
    """A source that makes its tasks: how many for each split."""

    train: int = Field(default=1000, ge=0)
    validation: int = Field(default=0, ge=0)
    test: int = Field(default=0, ge=0)

    @property
    def wanted(self) -> dict[Split, int]:
        """Tasks by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
