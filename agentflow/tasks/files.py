"""Tasks from files: one object a task, checked field by field, and a sample of them that stays the same everywhere."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentflow.errors import ConfigError
from agentflow.tasks.rows import Row, read_rows
from agentflow.types import Task

_FIELDS = ("id", "question", "answers", "answer", "aliases", "source", "metadata")


def read_tasks(path: str | Path, *, source: str = "", scorer: str | None = None) -> list[Task]:
    """The tasks of a `.jsonl`, `.jsonl.gz`, `.json` or `.json.gz` file, in the file's order.

    Fields of an object: `question` (the only one it must have), `id` (text or a whole number; by default the file's
    name and the task's number, as `dev.jsonl#1`), `answers` (a list) or `answer` (one, or a list), `aliases` (more
    right answers), `source`, `metadata` (an object). Answers may be numbers. Every other field is kept in the metadata.

    `source` and `scorer` are for those tasks that do not name their own. A bad line, a repeated id or an unreadable
    file is a `ConfigError` with the file and the line.
    """
    name = Path(path).name
    tasks = [
        task_from_row(row, default_id=f"{name}#{number}", source=source, scorer=scorer)
        for number, row in enumerate(read_rows(path), start=1)
    ]
    refuse_repeated_ids(path, tasks)
    return tasks


def task_from_row(row: Row, *, default_id: str, source: str = "", scorer: str | None = None) -> Task:
    """One object of a file as a task, by the rules of `read_tasks`.

    >>> row = Row("tasks.jsonl:1", {"question": "2 + 2?", "answer": 4, "level": "easy"})
    >>> task_from_row(row, default_id="1", scorer="number")
    Task(question='2 + 2?', answers=('4',), id='1', source='', metadata={'level': 'easy', 'scorer': 'number'})
    """
    metadata = _metadata(row)
    if scorer is not None:
        metadata.setdefault("scorer", scorer)
    return Task(
        id=_id(row, default_id),
        question=row.text("question"),
        answers=_answers(row),
        source=row.text("source") if row.fields.get("source") else source,
        metadata=metadata,
    )


def refuse_repeated_ids(path: str | Path, tasks: Sequence[Task]) -> None:
    """Raise `ConfigError` if two tasks of a file have one id: results are kept by id, and one would hide the other."""
    first: dict[str, int] = {}
    for number, task in enumerate(tasks, start=1):
        earlier = first.setdefault(task.id, number)
        if earlier != number:
            raise ConfigError(f"{path}: tasks {earlier} and {number} both have the id {task.id!r}")


def sample(tasks: Sequence[Task], num_tasks: int, seed: int) -> list[Task]:
    """`num_tasks` of the tasks, drawn without replacement, in an order that only their ids and the seed decide.

    The same tasks give the same sample on every machine and Python, however the file was ordered, and a larger
    sample begins with the smaller one. Asking for more tasks than there are is a `ConfigError`.

    >>> tasks = [Task(id=name, question="?") for name in "abcdef"]
    >>> [task.id for task in sample(tasks, 3, seed=0)] == [task.id for task in sample(tasks[::-1], 6, seed=0)][:3]
    True
    """
    if not 0 <= num_tasks <= len(tasks):
        raise ConfigError(f"can not sample {num_tasks} of {len(tasks)} tasks")
    return sorted(tasks, key=lambda task: _draw(task, seed))[:num_tasks]


def _draw(task: Task, seed: int) -> str:
    return hashlib.sha256(f"{seed}\n{task.id or task.question}".encode(errors="surrogatepass")).hexdigest()


def _id(row: Row, default: str) -> str:
    value = row.fields.get("id", default)
    if type(value) is int:
        return str(value)
    return row.text("id") if "id" in row.fields else default


def _metadata(row: Row) -> dict[str, Any]:
    """The row's own `metadata`, and every field that is not a field of a task."""
    others = {name: value for name, value in row.fields.items() if name not in _FIELDS}
    own = row.fields.get("metadata", {})
    if not isinstance(own, dict):
        raise ConfigError(f"{row.place}: field 'metadata' must be an object, not {own!r}")
    for name in own.keys() & others.keys():
        raise ConfigError(f"{row.place}: {name!r} is both a field and in the metadata")
    return others | own


def _answers(row: Row) -> tuple[str, ...]:
    if "answers" in row.fields and "answer" in row.fields:
        raise ConfigError(f"{row.place}: has both 'answers' and 'answer': leave one out")
    values = [value for name in ("answers", "answer", "aliases") for value in _listed(row, name)]
    return tuple(dict.fromkeys(values))


def _listed(row: Row, name: str) -> list[str]:
    value = row.fields.get(name, [])
    return [_answer(row, name, item) for item in (value if isinstance(value, list) else [value])]


def _answer(row: Row, name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"{row.place}: field {name!r} must hold texts or numbers, not {value!r}")
    if not str(value).strip():
        raise ConfigError(f"{row.place}: field {name!r} holds an empty answer")
    return str(value)
