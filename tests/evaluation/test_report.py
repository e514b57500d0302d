"""The report: which receipts go together, which tables and charts they call for, and what is said of them."""

import doctest
import gzip
import importlib
import json
import os
import pkgutil
from pathlib import Path

import pytest

import agentflow.evaluation.report
from agentflow.errors import ConfigError
from agentflow.evaluation.receipt import read_receipt
from agentflow.evaluation.report.systems import name_of, read_runs

from .reports import changed, made, page_of, planned_by, sections, texts

MODULES = [found.name for found in pkgutil.iter_modules(agentflow.evaluation.report.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"agentflow.evaluation.report.{name}")).failed == 0


def test_ours_stand_above_the_published_rows_of_the_same_benchmark(tmp_path: Path) -> None:
    page = page_of(f"mine={made(tmp_path, 'a', 'gameof24', wrong=3)}")
    markdown, html = texts(page, tmp_path / "report")
    assert "| mine | 70.0 (39.7 to 89.2, n 10) |" in markdown
    assert "| *AgentFlow + Flow-GRPO (7B-Inst)* (published) | 53.0 |" in markdown
    assert markdown.index("| mine |") < markdown.index("(published)")
    assert '<tr class="published"><td>GPT-4o (~200B) (published)</td><td>32.0</td></tr>' in html
    assert "bamboogle" not in markdown


def test_all_systems_are_in_one_picture_with_their_intervals(tmp_path: Path) -> None:
    one = [f"one={made(tmp_path / 'one', name, name, wrong=wrong)}" for name, wrong in (("mine", 3), ("medqa", 5))]
    page = page_of(*one, f"two={made(tmp_path / 'two', 'medqa', 'medqa', wrong=10)}")
    [chart] = sections(page)["At a glance"].charts
    assert list(chart.names) == ["medqa", "mine"]
    assert [(line.label, list(line.points)) for line in chart.lines] == [
        ("one", [(0.0, 50.0), (1.0, 70.0)]),
        ("two", [(0.0, 0.0)]),
    ]
    assert [round(end, 1) for end in chart.lines[0].intervals[1]] == [39.7, 89.2]
    markdown, html = texts(page, tmp_path / "report")
    assert "| one | 50.0 | 70.0 |" in markdown
    assert html.index("At a glance") < html.index("<svg") < html.index("Table 2")


def test_one_receipt_needs_no_picture(tmp_path: Path) -> None:
    assert "At a glance" not in sections(page_of(made(tmp_path, "a", "gameof24")))


def test_what_sets_the_published_rows_apart_is_said(tmp_path: Path) -> None:
    section = sections(page_of(made(tmp_path, "a", "musique")))["Table 1: search and agentic"]
    assert "GPT-4o judged their answers; ours are scored by rules" in section.text
    assert list(section.notes) == ["Of items that are not known to be the paper's: musique (f00d)."]


def test_a_benchmark_of_ones_own_has_a_table_without_published_rows(tmp_path: Path) -> None:
    page = page_of(made(tmp_path, "a", "mine"))
    assert list(sections(page)) == ["Other benchmarks", "Tools", "Calls that go wrong", "Leakage", "Receipts"]
    assert "published" not in texts(page, tmp_path)[0].split("## Tools")[0]


def test_averages_stand_where_all_their_columns_do(tmp_path: Path) -> None:
    whole = [f"mine={made(tmp_path, name, name, wrong=wrong)}" for name, wrong in (("gpqa", 2), ("medqa", 5))]
    part = f"half={made(tmp_path / 'half', 'medqa', 'medqa', wrong=1)}"
    section = sections(page_of(*whole, part))["Table 2: mathematics and science"]
    [table] = section.tables
    assert list(table.columns) == ["", "gpqa", "medqa", "average, science"]
    assert [row.cells[-1] for row in table.rows][:3] == ["65.0", "", "50.0"]
    assert table.rows[-1].cells == ["AgentFlow + Flow-GRPO (7B-Inst)", "47.0", "80.0", "63.5"]
    wrong = "SimpleRL-reason (7B-Base): the paper prints 50.0 as the average of science; its numbers give 55.0."
    assert wrong in section.notes
    [table] = sections(page_of(part))["Table 2: mathematics and science"].tables
    assert list(table.columns) == ["", "medqa"]


def test_several_budgets_make_curves_beside_the_published_ones(tmp_path: Path) -> None:
    receipts = [made(tmp_path, f"b{turns}", wrong=8 - turns, budget__max_turns=turns) for turns in (3, 5)]
    page = page_of(*(f"mine={receipt}" for receipt in receipts))
    section = sections(page)["Turn budget"]
    [ours, theirs] = section.charts[0].lines
    assert (ours.published, theirs.published) == (False, True)
    assert list(ours.points) == [(3.0, 50.0), (5.0, 70.0)]
    assert list(theirs.points)[-1] == (10, 33.1)
    markdown, html = texts(page, tmp_path / "report")
    assert html.count("<svg") >= 2
    assert "| turn budget | 3 | 5 | 7 | 10 |" in markdown
    assert "| *gaia* (published) | ~26.8 | ~30.2 | ~32.3 | 33.1 |" in markdown
    assert ">published, gaia (partly read off a plot)<" in html


def test_the_published_shares_of_tools_stand_beside_ours(tmp_path: Path) -> None:
    page = page_of(f"mine={made(tmp_path, 'a', 'musique')}")
    section = sections(page)["Tools"]
    [chart] = section.charts
    assert list(chart.names) == ["generalist", "web_search", "read_page", "wikipedia_search"]
    [ours, before, after] = chart.lines
    assert [line.published for line in chart.lines] == [False, True, True]
    assert dict(before.points) == {0.0: 3.1, 1.0: 38.7, 2.0: 18.4, 3.0: 38.5}
    assert dict(after.points) == {0.0: 0.9, 2.0: 23.6, 3.0: 33.8}
    assert "Google Search stands at web_search" in section.text
    assert "| *after training* (published) | ~0.9 |  | ~23.6 | ~33.8 |" in texts(page, tmp_path)[0]
    assert dict(ours.points) == {0.0: 100.0, 1.0: 0.0, 2.0: 0.0, 3.0: 0.0}


def test_a_benchmark_without_published_shares_has_ours_alone(tmp_path: Path) -> None:
    section = sections(page_of(made(tmp_path, "a", "aime24")))["Tools"]
    assert [line.published for line in section.charts[0].lines] == [False]
    assert "Google" not in section.text


def metrics_of(folder: Path, *rows: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "metrics.jsonl"
    file.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return file


def test_training_metrics_make_a_curve_of_errors(tmp_path: Path) -> None:
    of_tools = {"tool/a/calls": 3.0, "tool/a/errors": 0.0}  # what of no tool went wrong is in the whole alone
    rows = [{"kind": "train", "step": step, "errors/calls": step / 4, **of_tools} for step in (1, 2)]
    metrics = metrics_of(tmp_path / "run", *rows, {"kind": "validation", "step": 2}, {"kind": "train", "step": 3})
    page = page_of(made(tmp_path, "a", "aime24"), metrics=(metrics,))
    [chart] = sections(page)["Calls that go wrong"].charts
    assert chart.lines[0].points == [(1.0, 25.0), (2.0, 50.0)]
    assert chart.lines[0].label == "run"
    assert "~51.6" in texts(page, tmp_path)[0]


def test_runs_whose_folders_have_one_name_are_told_apart(tmp_path: Path) -> None:
    rows = [{"kind": "train", "step": 1, "errors/calls": 0.5}]
    metrics = tuple(metrics_of(tmp_path / name / "run", *rows) for name in ("one", "two"))
    [chart] = sections(page_of(made(tmp_path, "a", "aime24"), metrics=metrics))["Calls that go wrong"].charts
    assert [line.label for line in chart.lines if not line.published] == [str(path) for path in metrics]


def test_metrics_that_count_no_unknown_tools_say_so(tmp_path: Path) -> None:
    rows = [{"kind": "train", "step": step, "tool/a/calls": 4.0, "tool/a/errors": step / 4} for step in (1, 2)]
    metrics = metrics_of(tmp_path / "run", *rows, {"kind": "train", "step": 3, "errors/calls": 1.0})
    page = page_of(made(tmp_path, "a", "aime24"), metrics=(metrics,))
    curve = sections(page)["Calls that go wrong"].charts[0].lines[0]
    assert curve.points == [(1.0, 25.0), (2.0, 50.0), (3.0, 100.0)]
    assert curve.label == "run, without calls of unknown tools"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"kind": "train"'], "line 1 is not JSON"),
        ([{"kind": "validation"}, [1]], r"line 2: wanted a JSON object, found \[1\]"),
        ([{"kind": "train", "tool/a/calls": 1.0, "tool/a/errors": 0.0}], "line 1: field 'step' is missing"),
        ([{"kind": "train", "step": 1, "tool/a/calls": 1.0}], "line 1: field 'tool/a/errors' is missing"),
        ([{"kind": "train", "step": None, "tool/a/calls": 1.0, "tool/a/errors": 0.0}], "line 1: the step, and calls"),
        ([{"kind": "train", "step": 1, "tool/a/calls": 1.0, "tool/a/errors": "x"}], "line 1: the step, and calls"),
        ([{"kind": "train"}, {"kind": "train", "step": 2}], "no training step that called a tool"),
        ([], "no training step that called a tool"),
    ],
)
def test_metrics_that_can_not_be_read(rows: list[object], message: str, tmp_path: Path) -> None:
    metrics = metrics_of(tmp_path / "run", *rows)
    with pytest.raises(ConfigError, match=f"metrics.jsonl.*{message}"):
        page_of(made(tmp_path, "a"), metrics=(metrics,))


def test_a_folder_stands_for_its_receipts_and_a_system_names_itself(tmp_path: Path) -> None:
    folder = tmp_path / "receipts"
    made(folder, "a", "gaia")
    made(folder, "b", "aime24")
    runs = read_runs([str(folder)])
    assert [run.benchmark for run in runs] == ["gaia", "aime24"]
    assert name_of(runs[0].header).startswith("AgentFlow, openai:planner (other modules: openai:analyst")


def test_verdicts_of_a_judge_beside_receipts_are_passed_over(tmp_path: Path) -> None:
    receipt = made(tmp_path, "a")
    (tmp_path / "b.jsonl.gz").write_bytes(
        gzip.compress(changed(made(tmp_path, "b"), {"benchmark/name": "x"}).read_bytes())
    )
    (tmp_path / "b.jsonl").unlink()
    (tmp_path / "verdicts.jsonl").write_text('{"asked": {"question": "?"}, "right": true, "reason": "so"}\n')
    assert len(read_runs([str(tmp_path)])) == 2
    receipt.unlink()
    (tmp_path / "b.jsonl.gz").unlink()
    with pytest.raises(ConfigError, match="has no receipts in it"):
        read_runs([str(tmp_path)])
    (tmp_path / "broken.jsonl").write_text("{\n")
    with pytest.raises(ConfigError, match=r"broken\.jsonl, line 1 is not JSON"):
        read_runs([str(tmp_path)])


def test_a_packed_receipt_that_is_damaged_is_named(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(made(tmp_path / "unpacked", "a").read_bytes()))
    packed[60:64] = b"\xff" * 4
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    with pytest.raises(ConfigError, match=r"can not read the receipt .*a\.jsonl\.gz"):
        read_runs([str(tmp_path)])


def test_marks_that_are_not_those_of_the_run_are_told_of(tmp_path: Path) -> None:
    one, two = made(tmp_path, "a", "aime24", wrong=2), made(tmp_path, "b", "amc23")
    assert list(sections(page_of(one, two))["Receipts"].notes) == []
    one.write_text(one.read_text().replace('"score":0.0', '"score":1.0', 1))
    changed(two, {"rescored": "agentflow-grpo 9, today"})
    assert list(sections(page_of(one, two))["Receipts"].notes) == [
        f"{tmp_path.name}/a.jsonl is not as it was finished: its lines were changed since.",
        f"{tmp_path.name}/b.jsonl: its marks are not those of the run: it was scored anew by agentflow-grpo 9, today.",
    ]


def test_a_path_may_have_an_equals_sign_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "lr=1e-5", "a")
    monkeypatch.chdir(tmp_path)
    paths = ["lr=1e-5/a.jsonl", os.path.abspath("lr=1e-5/a.jsonl"), "lr=1e-5", "mine=lr=1e-5/a.jsonl"]
    names = [read_runs([path])[0].system for path in paths]
    assert [name == "mine" for name in names] == [False, False, False, True]


def test_mistakes_are_named(tmp_path: Path) -> None:
    one, two = made(tmp_path, "a", wrong=1), made(tmp_path, "b", wrong=2)
    with pytest.raises(ConfigError, match=r"are both of .* on gaia: give one a name, as NAME=PATH"):
        read_runs([str(one), str(two)])
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="has no receipts in it"):
        read_runs([str(tmp_path / "none")])
    with pytest.raises(ConfigError, match="is not finished"):
        read_runs([str(changed(one, {"finished": "", "summary": None}))])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights/openai:planner": {"file": "model.gguf", "sha256": "beef"}}, "weights of openai:planner"),
        ({"modules/planner/sampling/temperature": 1.0}, "the planner"),
        ({"modules/verifier/engine": "openai:other"}, "the verifier"),
        ({"prompts/hash": "ba0bab"}, "prompts"),
        ({"flow": "react"}, "flow"),
    ],
)
@pytest.mark.parametrize("benchmark", ["gaia", "aime24"])
def test_two_systems_never_share_a_row(change: dict[str, object], words: str, benchmark: str, tmp_path: Path) -> None:
    one = made(tmp_path, "a", "gaia")
    other = changed(made(tmp_path, "b", benchmark, budget__max_turns=3), change)
    with pytest.raises(ConfigError, match=rf"are both called 'mine', and are two systems \({words}\): give one a name"):
        read_runs([f"mine={one}", f"mine={other}"])


def test_planners_of_one_file_name_are_two_systems(tmp_path: Path) -> None:
    receipts = [planned_by(made(tmp_path, name, name), "model.gguf", weights=name) for name in ("gaia", "aime24")]
    with pytest.raises(ConfigError, match=r"are two systems \(weights of model.gguf\)"):
        read_runs([str(receipt) for receipt in receipts])


def test_what_else_differs_in_a_row_is_said(tmp_path: Path) -> None:
    one, other = made(tmp_path, "a", "aime24"), changed(made(tmp_path, "b", "amc23"), {"package": "agentflow-grpo 9"})
    section = sections(page_of(f"mine={one}", f"mine={other}"))["Table 2: mathematics and science"]
    assert section.notes[0] == "mine: not all of its receipts have the same package."
    alike = sections(page_of(f"mine={one}", f"yours={other}"))["Table 2: mathematics and science"]
    assert "not all of its receipts" not in " ".join(alike.notes)


def test_that_each_benchmark_has_its_own_items_is_no_difference(tmp_path: Path) -> None:
    receipts = [made(tmp_path, "a", "aime24", num=4), made(tmp_path, "b", "amc23", num=5)]
    section = sections(page_of(*receipts))["Table 2: mathematics and science"]
    assert "not all of its receipts" not in " ".join(section.notes)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"benchmark/items_hash": "beef"}, "not asked or scored alike: other instructions, golds or scorers."),
        ({"benchmark/data_hash": "beef"}, "not the same items: they are of 2 files, with the hashes f00d, beef."),
        ({"max_turns": 3}, "not the same turn budget: one 5, two 3."),
    ],
)
def test_what_differs_in_a_column_is_said(change: dict[str, object], note: str, tmp_path: Path) -> None:
    one, two = made(tmp_path, "a", "own"), changed(made(tmp_path, "b", "own"), change)
    assert list(sections(page_of(f"one={one}", f"two={two}"))["Other benchmarks"].notes) == [f"own: {note}"]


def test_other_items_of_one_file_are_said(tmp_path: Path) -> None:
    one, two = made(tmp_path, "a", "own"), made(tmp_path, "b", "own", num=4)
    changed(two, {"benchmark/items_hash": read_receipt(one).header.benchmark.items_hash})
    notes = sections(page_of(f"one={one}", f"two={two}"))["Other benchmarks"].notes
    assert list(notes) == ["own: not the same items: one 10, two 4 records; 4 items are in all of them."]


def test_a_curve_over_different_items_says_so(tmp_path: Path) -> None:
    one, two = made(tmp_path, "a", budget__max_turns=3), changed(made(tmp_path, "b"), {"benchmark/data_hash": "beef"})
    [note] = sections(page_of(f"mine={one}", f"mine={two}"))["Turn budget"].notes
    assert note == "mine, gaia: not the same items: they are of 2 files, with the hashes f00d, beef."
