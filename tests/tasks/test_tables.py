"""Files and data sets: the same rows, from JSONL, parquet and a folder in the hub's layout."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import ConfigError
from agentflow.tasks import read_source
from agentflow.tasks.splits import Tasks
from agentflow.types import Task

ROWS = [{"problem": f"What is {number} + 1?", "gold": f"so ... #### {number + 1}", "level": 1} for number in range(20)]
COLUMNS = {"question": "problem", "answer": "gold"}


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def loaded(**settings: object) -> Tasks:
    return read_source({"source": "file", **settings}).load()


def hub(folder: Path, **settings: object) -> Tasks:
    pytest.importorskip("datasets")
    return read_source({"source": "hub", "dataset": str(folder), **settings}).load()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set as the hub lays it out: two configurations, each with files by split."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    root = tmp_path / "sums"
    for config in ("easy", "hard"):
        (root / config).mkdir(parents=True)
        parquet(root / config / "train-00000-of-00001.parquet", ROWS[:15])
        parquet(root / config / "test-00000-of-00001.parquet", ROWS[13:])
    listed = "".join(
        f"- config_name: {config}\n  data_files:\n"
        f"  - split: train\n    path: {config}/train-*\n  - split: test\n    path: {config}/test-*\n"
        for config in ("easy", "hard")
    )
    (root / "README.md").write_text(f"---\nconfigs:\n{listed}---\n# Sums\n")
    return root


@pytest.mark.parametrize(("write", "name"), [(jsonl, "sums.jsonl"), (parquet, "sums.parquet")])
def test_a_file_is_parted_by_lot(tmp_path: Path, write: Any, name: str) -> None:
    path = write(tmp_path / name, ROWS)
    parts = loaded(path=path, columns=COLUMNS, answer_after="####", scorer="number", validation=4, test=5)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (11, 4, 5)
    everything = sorted((*parts.train, *parts.validation, *parts.test), key=lambda task: int(task.id[5:]))
    assert everything[2] == Task(
        id="sums/3", question="What is 2 + 1?", answers=("3",), source="sums", metadata={"scorer": "number"}
    )
    assert len(everything) == 20
    again = loaded(path=path, columns=COLUMNS, answer_after="####", scorer="number", train=3, test=5)
    assert again.test == parts.test
    assert loaded(path=path, columns=COLUMNS, test=5, seed=1).test != loaded(path=path, columns=COLUMNS, test=5).test


def test_files_of_their_own(tmp_path: Path) -> None:
    train, test = jsonl(tmp_path / "train.jsonl", ROWS[:10]), jsonl(tmp_path / "test.jsonl", ROWS[8:12])
    parts = loaded(path=train, test_path=test, validation=2, columns=COLUMNS, name="sums")
    assert {task.id for task in parts.test} == {f"sums/test/{number}" for number in (1, 2, 3, 4)}
    questions = [task.question for task in (*parts.train, *parts.validation, *parts.test)]
    assert len(questions) == len(set(questions))  # two rows of the test file stand in the training file, too


def test_a_question_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    parts = loaded(path=jsonl(tmp_path / "a.jsonl", ROWS + ROWS), columns=COLUMNS, validation=5)
    assert (len(parts.train), len(parts.validation)) == (15, 5)


def test_values_that_json_has_no_word_for(tmp_path: Path) -> None:
    row = {"question": "When?", "answer": Decimal("1.5"), "day": date(2020, 1, 2), "more": {"a": [1]}, "nothing": None}
    [task] = loaded(path=parquet(tmp_path / "a.parquet", [row])).train
    assert task.answers == ("1.5",)
    assert task.metadata == {"scorer": "exact_match", "day": "2020-01-02", "more": {"a": [1]}, "nothing": None}


def test_a_column_of_objects(tmp_path: Path) -> None:
    row = {"q": "Who?", "answer": {"value": "Ann", "aliases": ["A."]}, "id": 4}
    columns = {"question": "q", "answer": "answer.value", "aliases": "answer.aliases", "id": "id"}
    [task] = loaded(path=jsonl(tmp_path / "a.jsonl", [row]), columns=columns).train
    assert (task.id, task.answers) == ("a/4", ("Ann", "A."))


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([{"question": "?"}], {}, r"row 1: has no answer: wanted a field 'answer' or 'answers', there are: question"),
        ([{"question": "?", "answer": "x"}, {"question": "?", "answer": None}], {}, "row 2: field 'answer' must hold"),
        ([{"question": None, "answer": "x"}], {}, "row 1: field 'question' must be a text"),
        ([{"q": "?", "answer": "x"}], {}, "row 1: field 'question' is missing; there are: q, answer"),
        ([{"q": "?"}], {"columns": {"question": "p"}}, r"row 1: there is no column 'p' \(for 'question'\)"),
        ([{"question": "?", "answer": b"x"}], {}, "row 1: 'answer' holds bytes"),
        ([{"question": "?", "answer": "4"}], {"answer_after": "####"}, "row 1: the answer must end in '####'"),
        ([{"question": "?", "answer": "4"}], {"validation": 2}, r"a: wanted 2 \(validation\) tasks, and there are 1"),
        ([{"question": "?", "answer": "4", "id": 1}] * 2, {}, "tasks 1 and 2 both have the id '1'"),
    ],
)
def test_bad_rows(tmp_path: Path, rows: list[dict[str, Any]], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loaded(path=parquet(tmp_path / "a.parquet", rows), **settings)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", r"ends in one of \.jsonl.*\.parquet"),
        ("a.parquet", b"no parquet", "can not be read as parquet"),
        ("a.jsonl", b"", "holds no tasks"),
        ("a.jsonl", b'{"question": "Who?"}\n', r"a\.jsonl:1: has no answer"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        loaded(path=tmp_path / name)


def test_a_file_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        loaded(path=tmp_path / "a.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"question": pyarrow.array([], pyarrow.string())}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="a: holds no rows"):
        loaded(path=tmp_path / "a.parquet")


def test_a_data_set_of_the_hub(folder: Path) -> None:
    parts = hub(folder, config="hard", columns=COLUMNS, answer_after="####", validation=3, test_split="test", name="s")
    # Two of the 15 rows for training stand in the test split, too.
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (10, 3, 7)
    held_out = {task.question for task in (*parts.validation, *parts.test)}
    assert not held_out & {task.question for task in parts.train}
    assert parts.test[0].source == "s"
    assert parts.test[0].id.startswith("s/test/")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"config": "hrd"}, r"hrd"),
        ({"config": "hard", "split": "tain"}, r"tain"),
        ({}, r"[Cc]onfig name is missing"),
        ({"config": "hard"}, "train: row 1: field 'question' is missing; there are: problem, gold, level"),
    ],
)
def test_a_data_set_that_can_not_be_read(folder: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hub(folder, **settings)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        hub(tmp_path / "nowhere" / "at" / "all")
