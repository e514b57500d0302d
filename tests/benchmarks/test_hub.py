"""The hub's columns become rows of the reference's format. Run on folders in the hub's layout, never on the hub."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from agentflow.benchmarks import find_benchmark
from agentflow.scoring import score

QA = {"id": "dev_0", "question": "Who?", "golden_answers": ["Ann", "Anna"], "metadata": {"type": "bridge"}}
ROWS: dict[str, dict[str, Any]] = {
    "bamboogle": QA,
    "2wiki": QA,
    "musique": QA,
    "hotpotqa": {"id": "5a", "question": "Who?", "answer": "Ann", "level": "hard"},
    "gaia": {
        "task_id": "c6",
        "Question": "Who?",
        "Level": "1",
        "Final answer": "Ann",
        "file_name": "",
        "Annotator Metadata": {"Steps": "1"},
    },
    "aime24": {"id": 60, "problem": "How many?", "solution": "So 33.", "answer": "33", "year": "2024"},
    "amc23": {"id": 0, "question": "How many?", "answer": 33.0, "url": "https://example.org"},
    "medqa": {
        "question": "Which?",
        "answer": "Ann",
        "options": {"A": "Bob", "B": "Ann", "C": "Cy", "D": "Dee"},
        "answer_idx": "B",
        "meta_info": "step1",
    },
    "gpqa": {
        "Question": "Which?",
        "Correct Answer": "Ann\n",
        "Incorrect Answer 1": "Bob",
        "Incorrect Answer 2": "Cy",
        "Incorrect Answer 3": "Dee",
        "Record ID": "rec1",
    },
}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def folder(path: Path, rows: list[dict[str, Any]], config: str | None, split: str) -> str:
    """A data set in the hub's layout with one configuration and split."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path.mkdir()
    parquet.write_table(pyarrow.Table.from_pylist(rows), path / "rows.parquet")
    name = config or "default"
    listed = f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: rows.parquet\n"
    (path / "README.md").write_text(f"---\nconfigs:\n{listed}---\n")
    return str(path)


@pytest.mark.parametrize("name", ROWS)
def test_the_columns_of_a_data_set_become_items(name: str, tmp_path: Path, no_network: None) -> None:
    pytest.importorskip("math_verify")
    benchmark = find_benchmark(name)
    assert benchmark.hub is not None
    root = folder(tmp_path / "set", [ROWS[name]], benchmark.hub.config, benchmark.hub.split)
    here = dataclasses.replace(benchmark, hub=dataclasses.replace(benchmark.hub, dataset=root))
    data = here.open()
    [task] = data.tasks
    right = "33" if name in ("aime24", "amc23") else "Ann"
    assert (score(task, right), score(task, "Bob")) == (1.0, 0.0)
    assert task.id == f"{name}:0"
    assert data.origin.startswith("hub:")
    assert benchmark.hub.revision[:12] in data.origin


def test_the_origin_says_where_items_differ_from_the_known_ones() -> None:
    hub = find_benchmark("hotpotqa").hub
    assert hub is not None
    assert hub.origin == (
        "hub:hotpotqa/hotpot_qa@1908d6afbbea, distractor, validation "
        "(the whole dev set; the reference drew its items from it)"
    )


def test_rows_of_gaia_with_a_file_are_left_out(tmp_path: Path, no_network: None) -> None:
    gaia = find_benchmark("gaia")
    assert gaia.hub is not None
    rows = [{**ROWS["gaia"], "file_name": "a.xlsx"}, ROWS["gaia"]]
    root = folder(tmp_path / "set", rows, gaia.hub.config, gaia.hub.split)
    found = dataclasses.replace(gaia.hub, dataset=root).rows()
    assert [row.fields["file_name"] for row in found] == [""]


def test_an_option_of_medqa_may_be_a_letter(tmp_path: Path, no_network: None) -> None:
    medqa = find_benchmark("medqa")
    assert medqa.hub is not None
    row = {**ROWS["medqa"], "options": {"A": "B", "B": "A", "C": "AB", "D": "O"}, "answer": "A", "answer_idx": "B"}
    root = folder(tmp_path / "set", [row], medqa.hub.config, medqa.hub.split)
    [task] = dataclasses.replace(medqa, hub=dataclasses.replace(medqa.hub, dataset=root)).open().tasks
    assert [score(task, answer) for answer in ("B. A", "A. B", "D")] == [1.0, 0.0, 0.0]


def test_the_options_of_gpqa_stand_in_an_order_that_the_question_decides(tmp_path: Path, no_network: None) -> None:
    gpqa = find_benchmark("gpqa")
    assert gpqa.hub is not None
    rows = [{**ROWS["gpqa"], "Question": f"Which {number}?"} for number in range(60)]
    root = folder(tmp_path / "set", rows, gpqa.hub.config, gpqa.hub.split)
    hub = dataclasses.replace(gpqa.hub, dataset=root)
    places = [row.fields["answer_idx"] for row in hub.rows()]
    assert places == [row.fields["answer_idx"] for row in hub.rows()]
    assert {places.count(index) > 5 for index in range(4)} == {True}
