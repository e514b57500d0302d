import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import ConfigError
from agentflow.tasks import read_tasks, sample
from agentflow.types import Task


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_fields(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"id": "a", "question": "2 + 2?", "answer": 4, "level": "easy"},
        {"id": 7, "question": "Who?", "answers": ["Ann", "Bo"], "aliases": ["A.", "Ann"], "source": "own"},
        {"question": "How long?", "answer": ["1.5", 1.25], "metadata": {"scorer": "f1"}},
        {"question": "Why?"},
    )
    assert read_tasks(path, source="made", scorer="number") == [
        Task(id="a", question="2 + 2?", answers=("4",), source="made", metadata={"scorer": "number", "level": "easy"}),
        Task(id="7", question="Who?", answers=("Ann", "Bo", "A."), source="own", metadata={"scorer": "number"}),
        Task(
            id="tasks.jsonl#3", question="How long?", answers=("1.5", "1.25"), source="made", metadata={"scorer": "f1"}
        ),
        Task(id="tasks.jsonl#4", question="Why?", source="made", metadata={"scorer": "number"}),
    ]


def test_a_task_that_was_written_is_read_back(tmp_path: Path) -> None:
    task = Task(id="a", question="Who?", answers=("Ann",), metadata={"scorer": "f1", "level": [1, None]})
    assert read_tasks(written(tmp_path, task.model_dump())) == [task]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "field 'question' is missing; there are: none"),
        ({"problem": "?"}, "field 'question' is missing; there are: problem"),
        ({"question": " "}, "'question' must be a text that is not empty"),
        ({"question": ["?"]}, "'question' must be a text"),
        ({"question": "?", "id": ""}, "'id' must be a text"),
        ({"question": "?", "id": None}, "'id' must be a text"),
        ({"question": "?", "id": True}, "'id' must be a text"),
        ({"question": "?", "answer": ""}, "'answer' holds an empty answer"),
        ({"question": "?", "answers": ["a", " "]}, "'answers' holds an empty answer"),
        ({"question": "?", "answer": None}, "'answer' must hold texts or numbers"),
        ({"question": "?", "answer": True}, "'answer' must hold texts or numbers"),
        ({"question": "?", "answers": [["a"]]}, "'answers' must hold texts or numbers"),
        ({"question": "?", "answers": ["a"], "answer": "a"}, "both 'answers' and 'answer'"),
        ({"question": "?", "metadata": [1]}, "'metadata' must be an object"),
        ({"question": "?", "metadata": {"level": 1}, "level": 2}, "'level' is both a field and in the metadata"),
        ({"question": "?", "source": 3}, "'source' must be a text"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"tasks.jsonl:2: .*{message}"):
        read_tasks(written(tmp_path, {"question": "first"}, row))


def test_a_repeated_id_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"id": 1, "question": "a"}, {"id": 2, "question": "b"}, {"id": "1", "question": "c"})
    with pytest.raises(ConfigError, match="tasks 1 and 3 both have the id '1'"):
        read_tasks(path)


TASKS = [Task(id=str(number), question="?") for number in range(50)]


def test_a_sample_is_decided_by_ids_and_seed() -> None:
    assert [task.id for task in sample(TASKS, 5, seed=0)] == ["41", "9", "49", "8", "15"]
    assert sample(TASKS[::-1], 5, seed=0) == sample(TASKS, 20, seed=0)[:5]
    assert sample(TASKS, 5, seed=1) != sample(TASKS, 5, seed=0)
    assert sorted(sample(TASKS, 50, seed=3), key=TASKS.index) == TASKS
    assert sample(TASKS, 0, seed=0) == []


@pytest.mark.parametrize("num_tasks", [-1, 51])
def test_a_sample_is_never_larger_than_its_tasks(num_tasks: int) -> None:
    with pytest.raises(ConfigError, match="of 50 tasks"):
        sample(TASKS, num_tasks, seed=0)


def test_tasks_without_ids_are_drawn_by_their_questions() -> None:
    nameless = [Task(question=f"{number} + 1?") for number in range(20)]
    assert sample(nameless, 4, seed=0) == sample(nameless[::-1], 4, seed=0)
