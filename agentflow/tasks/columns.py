"""A table's own columns -> the fields of a task."""

from collections.abc import Mapping
from typing import Any

from agentflow.errors import ConfigError
from agentflow.tasks.rows import Row

# Of these scorers the puzzle itself is the gold: a task of theirs needs no answer.
NEED_NO_ANSWER = ("game24", "countdown", "reasoning_gym")


def renamed(row: Row, columns: Mapping[str, str]) -> Row:
    """The fields that `columns` names, by their new names, and no others; the whole row if it names none.

    A dot leads into a column that holds objects.

    >>> row = Row("qa: row 1", {"problem": "2 + 2?", "gold": {"value": 4}})
    >>> renamed(row, {"question": "problem", "answer": "gold.value"}).fields
    {'question': '2 + 2?', 'answer': 4}
    >>> renamed(row, {"question": "prompt"})
    Traceback (most recent call last):
    agentflow.errors.ConfigError: qa: row 1: there is no column 'prompt' (for 'question'); there are: problem, gold
    """
    fields = {field: _value(row, field, column) for field, column in columns.items()} if columns else row.fields
    return Row(row.place, {name: _plain(row, name, value) for name, value in fields.items()})


def only_final_answer(row: Row, mark: str) -> Row:
    """The row with its `answer` cut down to what follows the last `mark` in it; as it is where the mark is empty.

    >>> only_final_answer(Row("qa: row 1", {"answer": "1 + 1 = 2 #### 2"}), "####").fields
    {'answer': '2'}
    """
    if not mark:
        return row
    _, found, answer = row.text("answer").rpartition(mark)
    if not found or not answer.strip():
        raise ConfigError(f"{row.place}: the answer must end in {mark!r} (answer_after) and the final answer")
    return Row(row.place, {**row.fields, "answer": answer.strip()})


def _value(row: Row, field: str, column: str) -> Any:
    value: Any = row.fields
    for part in [column] if column in row.fields else column.split("."):
        if not isinstance(value, dict) or part not in value:
            there = ", ".join(row.fields) or "none"
            raise ConfigError(f"{row.place}: there is no column {column!r} (for {field!r}); there are: {there}")
        value = value[part]
    return value


def _plain(row: Row, name: str, value: Any) -> Any:
    """A value as JSON has it: a date or a decimal number becomes its text."""
    if isinstance(value, dict):
        return {str(key): _plain(row, name, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(row, name, inner) for inner in value]
    if isinstance(value, bytes):
        raise ConfigError(f"{row.place}: {name!r} holds bytes: name the columns that are wanted in the table `columns`")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
