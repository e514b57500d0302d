"""Tasks out of tables: rows of a file or a data set, their columns renamed, parted into splits."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field

from agentflow.errors import ConfigError
from agentflow.tasks.columns import NEED_NO_ANSWER, only_final_answer, renamed
from agentflow.tasks.files import refuse_repeated_ids, task_from_row
from agentflow.tasks.rows import Row
from agentflow.tasks.source import Source
from agentflow.tasks.splits import Split, Tasks, cut
from agentflow.types import Task


class Table(Source):
    """A source whose tasks are rows. They have the fields of `agentflow.tasks.read_tasks`.

    - `columns`: for each field of a task, the column that holds it: `{question = "problem", answer = "gold.value"}`.
      Then only those columns are read.
    - `answer_after`: the answer is what follows the last of these marks: "####" for GSM8K.
    - `scorer`: the rule for tasks that name none, or "judge" for the engine `train.judge`.
    - `train`, `validation`, `test`: how many tasks. The default for `train` is all that are left; for the others all
      of the rows of their own, where there are such, else none.
    """

    columns: dict[str, str] = Field(default_factory=dict)
    answer_after: str = ""
    scorer: str = "exact_match"
    train: int | None = Field(default=None, ge=0)
    validation: int | None = Field(default=None, ge=0)
    test: int | None = Field(default=None, ge=0)

    @property
    def label(self) -> str:
        return self.name

    def rows(self, split: Split) -> Iterable[Row] | None:
        """The rows of a split; `None` where it has none of its own and is cut from those of "train"."""
        raise NotImplementedError

    def load(self) -> Tasks:
        """Read, check and part the rows. `ConfigError` names the row that is wrong."""
        test = self._own("test", self.test, held_out=())
        validation = self._own("validation", self.validation, held_out=test)
        wanted: dict[Split, int | None] = {
            "train": self.train,
            "validation": 0 if validation else self.validation,
            "test": 0 if test else self.test,
        }
        rest = cut(self.label, _without(self._tasks("train"), (*validation, *test)), wanted, self.seed)
        return Tasks(rest.train, validation or rest.validation, test or rest.test)

    def _own(self, split: Split, count: int | None, held_out: Sequence[Task]) -> tuple[Task, ...]:
        """The tasks out of the rows of a split's own, if it has any."""
        tasks = _without(self._tasks(split), held_out)
        return cut(f"{self.label}, {split}", tasks, {"train": count}, self.seed).train if tasks else ()

    def _tasks(self, split: Split) -> Iterator[Task]:
        rows = self.rows(split)
        if rows is None:
            return
        place = self.label if split == "train" else f"{self.label}/{split}"
        tasks = [self._task(row, str(number)) for number, row in enumerate(rows, start=1)]
        if not tasks:
            raise ConfigError(f"{place}: holds no rows")
        refuse_repeated_ids(place, tasks)
        yield from (task.model_copy(update={"id": f"{place}/{task.id}", "source": self.label}) for task in tasks)

    def _task(self, row: Row, number: str) -> Task:
        row = only_final_answer(renamed(row, self.columns), self.answer_after)
        task = task_from_row(row, default_id=number, source=self.label, scorer=self.scorer)
        if not task.answers and task.metadata["scorer"] not in NEED_NO_ANSWER:
            there = ", ".join(row.fields)
            raise ConfigError(
                f"{row.place}: has no answer: wanted a field 'answer' or 'answers', there are: {there}. "
                "Another column can be named in the table `columns`"
            )
        return task


def _without(tasks: Iterable[Task], held_out: Sequence[Task]) -> list[Task]:
    """The tasks whose question is not held out: a question that is tested is not trained on."""
    questions = {task.question for task in held_out}
    return [task for task in tasks if task.question not in questions]
