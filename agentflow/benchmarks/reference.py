"""Rows of the reference implementation's `data.json` files as tasks.

Fields: `query` (or only `question`), `answer` (a text, a number or a list of them), `pid`. The pid is kept in the
metadata. It is no id, since one of the files repeats a hundred of them: ids are the benchmark's name and the row's
number, counted from 0 as the reference implementation counts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.tasks.files import task_from_row
from agentflow.tasks.rows import Row
from agentflow.types import Task

# Behind each question of some files, for the reference implementation's own answer format. It is taken off: a flow asks
# for a short answer by itself.
ANSWER_TAGS = (
    "When ready, output the final answer enclosed in <answer> and </answer> tags. "
    "Do not generate any content after the </answer> tag."
)
REFERENCE_FILE = "data.json of the reference implementation"


def open_question(name: str, scorer: str, suffix: str = "") -> Callable[[Row, int], Task]:
    """A function that makes tasks of rows with a question and its answers.

    >>> to_task = open_question("sums", "number", suffix=" Be brief.")
    >>> to_task(Row("data.json: item 1", {"query": "2 + 2? Be brief.", "answer": 4, "pid": "7"}), 0)
    Task(question='2 + 2?', answers=('4',), id='sums:0', source='sums', metadata={'pid': '7', 'scorer': 'number'})
    """
    return lambda row, number: task_of(row, number, name, scorer, suffix=suffix)


def task_of(
    row: Row,
    number: int,
    name: str,
    scorer: str,
    *,
    question: str | None = None,
    answer: object = None,
    suffix: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Task:
    """A row as a task, with another question, answer and metadata where the row's own are not what is asked.

    Raises `ConfigError` with the row's place for a field that is missing or holds something else.
    """
    if question is None:
        question = row.text("query" if "query" in row.fields else "question")
    known = {"pid": row.fields["pid"]} if "pid" in row.fields else {}
    fields = {
        "question": question.removesuffix(suffix).strip(),
        "answer": _answers(row.fields.get("answer") if answer is None else answer),
        "metadata": {**known, **(metadata or {})},
    }
    return task_from_row(Row(row.place, fields), default_id=f"{name}:{number}", source=name, scorer=scorer)


def _answers(value: object) -> list[object]:
    """The answers without the blanks around them. None and empty texts are no answers.

    >>> _answers("George VI\\n"), _answers([4, ""]), _answers(None)
    (['George VI'], [4], [])
    """
    values = value if isinstance(value, list) else [value]
    stripped = [item.strip() if isinstance(item, str) else item for item in values]
    return [item for item in stripped if item is not None and item != ""]
