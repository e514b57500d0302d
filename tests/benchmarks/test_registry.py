"""Benchmarks by name, by alias, out of packages, and one's own by path."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agentflow.benchmarks import Benchmark, find_benchmark, known_benchmarks, registry
from agentflow.benchmarks.registry import OURS, THE_TEN
from agentflow.errors import ConfigError, UnknownName
from agentflow.scoring import score

from .conftest import Write


def test_the_ten_are_there_in_the_order_of_the_paper() -> None:
    columns = ["Bamboogle", "2Wiki", "HotpotQA", "Musique", "GAIA", "AIME24", "AMC23", "GameOf24", "GPQA", "MedQA"]
    assert [benchmark.column for benchmark in THE_TEN] == columns
    assert list(known_benchmarks())[:10] == [benchmark.name for benchmark in THE_TEN]


def test_every_name_and_alias_leads_to_one_benchmark() -> None:
    names = [name for benchmark in OURS.values() for name in (benchmark.name, *benchmark.aliases)]
    assert len(set(names)) == len(names)
    for benchmark in OURS.values():
        for name in (benchmark.name, *benchmark.aliases, benchmark.name.upper()):
            assert find_benchmark(name) is benchmark


@pytest.mark.parametrize(("wrong", "near"), [("bambogle", "bamboogle"), ("gpqaa", "gpqa"), ("Musiqe", "musique")])
def test_a_name_nobody_knows_comes_with_a_near_one(wrong: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown benchmark '{wrong}': did you mean '{near}'\\?"):
        find_benchmark(wrong)


def test_a_file_of_tasks_is_a_benchmark(write: Write) -> None:
    rows = [
        {"id": "a", "question": "2 + 2?", "answer": 4, "metadata": {"scorer": "number"}},
        {"question": "Capital of Italy?", "answers": ["Rome"], "aliases": ["Roma"], "level": 1},
    ]
    benchmark = find_benchmark(write(rows, "quiz.jsonl"))
    data = benchmark.open()
    assert (benchmark.name, [task.id for task in data.tasks]) == ("quiz", ["a", "quiz:1"])
    assert {task.source for task in data.tasks} == {"quiz"}
    assert [score(task, answer) for task, answer in zip(data.tasks, ["It is 4.", "roma"], strict=True)] == [1.0, 1.0]
    assert data.tasks[1].metadata["level"] == 1


@pytest.mark.parametrize("name", ["medqa.jsonl", "GAIA.json", "2wiki.jsonl"])
def test_a_file_of_ones_own_does_not_pass_for_one_of_the_ten(name: str, write: Write) -> None:
    path = write([{"question": "?", "answer": "x"}], name)
    with pytest.raises(ConfigError, match=rf"has the name of a benchmark: .*--data {path}.*, or give yours another"):
        find_benchmark(path)


def test_a_python_file_does_not_pass_for_one_of_the_ten(tmp_path: Path) -> None:
    (tmp_path / "my_sums.py").write_text(PYTHON.replace('name="sums"', 'name="aime24"'))
    with pytest.raises(ConfigError, match="has the name of a benchmark"):
        find_benchmark(tmp_path / "my_sums.py")
    sys.modules.pop("agentflow_benchmark_my_sums")


def test_a_file_of_tasks_with_an_id_that_comes_twice(write: Write) -> None:
    rows = [{"id": "a", "question": f"{number}?", "answer": 4} for number in range(2)]
    with pytest.raises(ConfigError, match="a: another item has this id: results are kept by it"):
        find_benchmark(write(rows, "quiz.jsonl")).open()


PYTHON = """
from dataclasses import dataclass
from agentflow.benchmarks import Benchmark
from agentflow.types import Task

@dataclass
class Settings:
    scorer: str = "number"

def to_task(row, number):
    return Task(id=f"sums:{number}", question=row.text("sum"), answers=(str(row.fields["is"]),),
                metadata={"scorer": Settings().scorer})

BENCHMARK = Benchmark(name="sums", title="Sums", about="sums", scorer="number", to_task=to_task)
"""


def test_one_python_file_is_a_benchmark(tmp_path: Path, write: Write) -> None:
    (tmp_path / "my_sums.py").write_text(PYTHON)
    benchmark = find_benchmark(tmp_path / "my_sums.py")
    [task] = benchmark.open(write([{"sum": "1 + 1", "is": 2}])).tasks
    assert (task.source, score(task, "2")) == ("sums", 1.0)
    sys.modules.pop("agentflow_benchmark_my_sums")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("BENCHMARK = 3", "must hold BENCHMARK = Benchmark"),
        ("", "must hold BENCHMARK = Benchmark.* and holds NoneType"),
        ("1 / 0", "does not run: ZeroDivisionError"),
        ("def", "does not run: SyntaxError"),
    ],
)
def test_a_python_file_that_is_no_benchmark(code: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(code)
    with pytest.raises(ConfigError, match=message):
        find_benchmark(tmp_path / "wrong.py")


def test_a_python_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        find_benchmark(tmp_path / "absent.py")


SUMS = Benchmark("sums", "Sums", "sums", "number", lambda row, number: pytest.fail("not asked"))


def offering(monkeypatch: pytest.MonkeyPatch, **offers: str) -> None:
    entries = [EntryPoint(name, f"{__name__}:{value}", registry.GROUP) for name, value in offers.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)


def test_an_installed_package_offers_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    offering(monkeypatch, sums="SUMS", gaia="SUMS")
    assert find_benchmark("sums") is SUMS
    assert find_benchmark("gaia").title == "GAIA (text)"
    assert list(known_benchmarks())[-1] == "sums"
    with pytest.raises(UnknownName, match="did you mean 'sums'"):
        find_benchmark("summs")


@pytest.mark.parametrize("value", ["absent", "PYTHON"])
def test_a_package_that_offers_no_benchmark(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offering(monkeypatch, broken=value)
    with pytest.raises(ConfigError, match="benchmark broken: the package"):
        find_benchmark("broken")


def test_json_lines_of_unicode_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"question": "a\u2028b?", "answer": "c"}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert find_benchmark(path).open().tasks[0].question == "a\u2028b?"
