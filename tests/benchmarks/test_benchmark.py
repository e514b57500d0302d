"""Opening a benchmark: its items, its hash, and what is wrong with a file, all of it at once."""

import dataclasses
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agentflow.benchmarks import Benchmark, Protocol, find_benchmark
from agentflow.benchmarks.content import canonical_hash
from agentflow.benchmarks.reference import ANSWER_TAGS, open_question
from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.tasks.rows import Row
from agentflow.types import Task

from .conftest import Write

ROWS: list[dict[str, Any]] = [
    {"pid": 0, "query": f"Who? {ANSWER_TAGS}", "answer": "Ann"},
    {"pid": 1, "query": "Where?", "answer": ["Rome", " Roma\n"]},
    {"pid": 2, "query": "How many?", "answer": 4, "image": None},
]
QUIZ = Benchmark(
    name="quiz",
    title="Quiz",
    about="three questions",
    scorer="exact_match",
    to_task=open_question("quiz", "exact_match", ANSWER_TAGS),
    protocol=Protocol(first=2),
)
KNOWN = dataclasses.replace(QUIZ, known={canonical_hash(ROWS): "the known file"})


def test_items(write: Write) -> None:
    data = QUIZ.open(write(ROWS))
    assert [task.question for task in data.all_tasks] == ["Who?", "Where?", "How many?"]
    assert [task.answers for task in data.all_tasks] == [("Ann",), ("Rome", "Roma"), ("4",)]
    assert [task.id for task in data.all_tasks] == ["quiz:0", "quiz:1", "quiz:2"]
    assert data.tasks == data.all_tasks[:2]
    assert data.all_tasks[2].metadata == {"pid": 2, "scorer": "exact_match"}
    assert (data.audit, data.origin) == ((), "data.json")


def test_the_hash_is_that_of_the_content_and_not_of_the_layout(write: Write, tmp_path: Path) -> None:
    shuffled = [dict(reversed(row.items())) for row in ROWS]
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    paths = [write(ROWS), write(shuffled, "lines.jsonl"), packed]
    assert {QUIZ.open(path).data_hash for path in paths} == {canonical_hash(ROWS)}
    assert QUIZ.open(write(ROWS[:2], "less.json")).data_hash != canonical_hash(ROWS)


def test_the_known_file(write: Write) -> None:
    assert KNOWN.open(write(ROWS)).origin == "data.json (the known file)"


def test_another_file_is_refused_until_it_is_accepted(write: Write) -> None:
    other = write([*ROWS, {"query": "More?", "answer": "yes"}], "other.jsonl")
    with pytest.raises(ConfigError) as refused:
        KNOWN.open(other)
    accepted = QUIZ.open(other).data_hash
    message = str(refused.value)
    assert "other.jsonl is not the known data of 'quiz'" in message
    assert accepted in message
    assert f"{canonical_hash(ROWS)[:12]}... (the known file)" in message
    assert message.endswith(f"--accept-data {accepted[:12]}")
    for spelling in (accepted, accepted[:12], accepted[:20].upper()):
        assert len(KNOWN.open(other, spelling).all_tasks) == 4


@pytest.mark.parametrize("accept", ["0" * 64, "0" * 12])
def test_another_hash_than_the_accepted_one(write: Write, accept: str) -> None:
    other = write([*ROWS, {"query": "More?", "answer": "yes"}])
    with pytest.raises(ConfigError, match="is not the known data"):
        KNOWN.open(other, accept)


@pytest.mark.parametrize("num", [0, 1, 11])
def test_too_little_of_a_hash(num: int, write: Write) -> None:
    other = write([*ROWS, {"query": "More?", "answer": "yes"}])
    accept = QUIZ.open(other).data_hash[:num]
    with pytest.raises(ConfigError, match=f"--accept-data wants 12 characters of a hash, or more: '{accept}' is too"):
        KNOWN.open(other, accept)


def test_a_known_file_needs_no_acceptance(write: Write) -> None:
    """Of several benchmarks in one command, one has a file that is accepted, and the others have known ones."""
    assert KNOWN.open(write(ROWS), "f" * 64).tasks


def test_a_benchmark_without_a_known_file_can_be_pinned(write: Write) -> None:
    assert QUIZ.open(write(ROWS), canonical_hash(ROWS)).tasks
    with pytest.raises(ConfigError, match="which was to be accepted"):
        QUIZ.open(write(ROWS), "f" * 64)


def test_all_bad_rows_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"query": "Who?", "answer": "Ann"}\n{"query": \n[1]\n')
    with pytest.raises(ConfigError) as refused:
        QUIZ.open(path)
    message = str(refused.value)
    assert message.startswith("bad.jsonl can not be scored:\nrows that are no items: 2")
    assert "bad.jsonl:2: is not JSON" in message
    assert "bad.jsonl:3: wanted an object" in message


def test_all_rows_that_can_not_be_scored_are_told_at_once(write: Write) -> None:
    rows = [{"query": "Who?"}, {"query": "Where?", "answer": ""}, {"answer": "4"}, {"query": "?", "answer": {}}]
    with pytest.raises(ConfigError) as refused:
        QUIZ.open(write(rows))
    message = str(refused.value)
    assert "rows that are no items: 2" in message
    assert "data.json: item 3: field 'question' is missing" in message
    assert "items without an answer: 2\n  quiz:0: has no answer\n  quiz:1: has no answer" in message


def test_rows_that_the_function_of_a_user_stumbles_over_are_told_with_their_places(write: Write) -> None:
    def to_task(row: Row, number: int) -> Task:
        return Task(id=f"sums:{number}", question=row.text("sum"), answers=(row.fields["is"],))

    sums = dataclasses.replace(QUIZ, to_task=to_task)
    with pytest.raises(ConfigError) as refused:
        sums.open(write([{"sum": "2 + 2", "is": "4"}, {"sum": "2 + 3"}, {"sum": "2 + 4", "is": 6}]))
    message = str(refused.value)
    assert "rows that are no items: 2\n  " in message
    assert "data.json: item 2: to_task fails: KeyError: 'is'" in message
    assert "data.json: item 3: to_task fails: ValidationError" in message


def test_without_a_file_and_without_a_hub() -> None:
    with pytest.raises(ConfigError, match=r"benchmark 'quiz' needs its items: name their file with --data"):
        QUIZ.open()


def test_without_the_library_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match=r"name their file with --data, or load them from the hub: .*pip install"):
        find_benchmark("bamboogle").open()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        QUIZ.open(tmp_path / "absent.json")


MEDQA_ROW = {"pid": "0", "query": "Which?\nA. x\nB. y", "options": ["A. x", "B. y"], "answer": "y"}


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("medqa", {**MEDQA_ROW, "answer": "z"}, "do not name one option of A. x, B. y"),
        ("medqa", {**MEDQA_ROW, "options": "x"}, "field 'options' must be a list of texts"),
        ("gameof24", {"question": [1, 2, 3], "query": "?", "answer": ["1"]}, "must be four integers"),
        ("gpqa", {"question": "?", "choices": ["a"], "answer_idx": 0, "answer": "A. a"}, "must be four texts"),
        ("gpqa", {"question": "?", "choices": list("wxyz"), "answer_idx": 4, "answer": "A. w"}, "must be 0 to 3"),
        ("gpqa", {"question": "?", "choices": list("wxyz"), "answer_idx": 1, "answer": "A. w"}, "names option 0"),
        (
            "gpqa",
            {"question": "?", "choices": list("BACD"), "answer_idx": 0, "answer": "B"},
            r"data.json: item 1: .*golds",
        ),
    ],
)
def test_rows_that_contradict_themselves(name: str, row: dict[str, Any], message: str, write: Write) -> None:
    path = write([row])
    with pytest.raises(ConfigError, match=message):
        find_benchmark(name).open(path, canonical_hash([row]))


def test_rows_of_medqa_that_share_a_pid_keep_their_own_answers(write: Write) -> None:
    rows = [MEDQA_ROW, {**MEDQA_ROW, "query": "Which now?\nA. x\nB. y", "answer": "x"}]
    data = find_benchmark("medqa").open(write(rows), canonical_hash(rows))
    assert [(task.id, task.answers) for task in data.all_tasks] == [("medqa:0", ("y",)), ("medqa:1", ("x",))]
    assert [finding.kind for finding in data.audit] == ["repeated_id"]
    assert not data.audit[0].fatal


@pytest.mark.parametrize("index", range(4))
def test_options_of_gpqa_that_are_letters(index: int, write: Write) -> None:
    choices = ["B", "A", "D", "C"]
    row = {
        "question": "Which?",
        "choices": choices,
        "answer_idx": index,
        "answer": f"{'ABCD'[index]}. {choices[index]}",
    }
    [task] = find_benchmark("gpqa").open(write([row])).tasks
    assert [score(task, letter) for letter in "ABCD"] == [float(letter == "ABCD"[index]) for letter in "ABCD"]


def test_gpqa_without_a_query_lists_the_options(write: Write) -> None:
    row = {"question": "Which?", "choices": ["w", "x", "y", "z"], "answer_idx": 2, "answer": "C. y"}
    [task] = find_benchmark("gpqa").open(write([row])).tasks
    assert task.question == "Which?\nA. w\nB. x\nC. y\nD. z\nChoose the correct option."
    assert task.answers == ("y",)
