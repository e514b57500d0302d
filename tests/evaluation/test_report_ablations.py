"""Systems that differ in one part and in nothing else have a section; any others have none."""

from pathlib import Path

import pytest

from agentflow.evaluation.report.page import Row, Table

from .reports import all_on, changed, made, page_of, planned_by, sections

PLANNERS, BACKBONES, TOOLS = "How the planner is trained", "Backbone sizes", "The engine inside the tools"


def rows(table: Table) -> list[list[str]]:
    return [list(row.cells) for row in table.rows if not row.published]


def test_two_planners_make_an_ablation(tmp_path: Path) -> None:
    before = made(tmp_path, "a", "aime24", wrong=9)
    after = planned_by(made(tmp_path, "b", "aime24", wrong=6), "openai:trained")
    section = sections(page_of(f"untrained={before}", f"trained={after}"))[PLANNERS]
    [table] = section.tables
    assert rows(table) == [
        ["untrained", "10.0 (1.8 to 40.4, n 10)"],
        ["trained", "40.0 (16.8 to 68.7, n 10)"],
    ]
    assert Row(["GPT-4o, frozen (~200B)", "16.7"], published=True) in table.rows


def test_weights_tell_planners_of_one_name_apart(tmp_path: Path) -> None:
    before, after = (planned_by(made(tmp_path, name, wrong=1), "model.gguf", weights=name) for name in "ab")
    assert PLANNERS in sections(page_of(f"untrained={before}", f"trained={after}"))


def test_an_older_receipt_that_does_not_know_its_items_has_its_place(tmp_path: Path) -> None:
    before = changed(made(tmp_path, "a", wrong=1), {"benchmark/items_hash": ""})
    after = planned_by(made(tmp_path, "b"), "openai:trained")
    assert PLANNERS in sections(page_of(f"untrained={before}", f"trained={after}"))


def test_receipts_of_one_planner_are_no_ablation(tmp_path: Path) -> None:
    assert PLANNERS not in sections(page_of(f"once={made(tmp_path, 'a')}", f"again={made(tmp_path, 'b')}"))


@pytest.mark.parametrize(
    "change",
    [
        {"modules/verifier/engine": "openai:other"},
        {"modules/planner/sampling/temperature": 1.0},
        {"modules/executor/constrained": False},
        {"prompts/hash": "ba0bab"},
        {"tools/generalist": "openai:tool, temperature 1, at most 400 tokens"},
        {"benchmark/data_hash": "beef"},
        {"benchmark/name": "gaia"},
        {"config/budget/max_seconds": 7},
        {"max_turns": 3},
        {"seed": 1},
        {"package": "agentflow-grpo 9"},
    ],
)
def test_planners_whose_systems_differ_in_more_are_no_ablation(change: dict[str, object], tmp_path: Path) -> None:
    one = made(tmp_path, "a", "aime24")
    other = changed(planned_by(made(tmp_path, "b", "aime24"), "openai:trained"), change)
    assert PLANNERS not in sections(page_of(f"untrained={one}", f"trained={other}"))


def test_planners_that_answered_other_items_are_no_ablation(tmp_path: Path) -> None:
    one, other = made(tmp_path, "a"), planned_by(made(tmp_path, "b", num=9), "openai:trained")
    assert PLANNERS not in sections(page_of(one, other))


def test_settings_of_an_engine_that_is_not_used_are_no_difference(tmp_path: Path) -> None:
    one = changed(made(tmp_path, "a"), {"config/engines/openai:trained": {"cells": 8}})
    assert PLANNERS in sections(page_of(one, planned_by(made(tmp_path, "b"), "openai:trained")))


def test_each_column_has_the_largest_budget_that_is_shared_and_every_benchmark_its_place(tmp_path: Path) -> None:
    receipts = []
    for name, planner in (("one", "openai:planner"), ("two", "openai:trained")):
        for turns, wrong, benchmark in ((6, 1, "gaia"), (3, 9, "gaia"), (3, 5, "bamboogle")):
            path = made(tmp_path / name, f"{benchmark}{turns}", benchmark, wrong, budget__max_turns=turns)
            receipts.append(f"{name}={planned_by(path, planner)}")
    [table] = sections(page_of(*receipts))[PLANNERS].tables
    assert list(table.columns) == ["", "bamboogle", "gaia"]
    assert rows(table) == [
        ["one", "50.0 (23.7 to 76.3, n 10)", "90.0 (59.6 to 98.2, n 10)"],
        ["two", "50.0 (23.7 to 76.3, n 10)", "90.0 (59.6 to 98.2, n 10)"],
    ]


def test_systems_without_a_benchmark_in_common_are_no_ablation(tmp_path: Path) -> None:
    one, other = made(tmp_path, "a", "gaia"), planned_by(made(tmp_path, "b", "aime24"), "openai:trained")
    assert PLANNERS not in sections(page_of(one, other))


def test_two_backbones_each_with_its_own_generalist(tmp_path: Path) -> None:
    receipts = [all_on(made(tmp_path, name, wrong=wrong), f"local:{name}") for name, wrong in (("a", 2), ("b", 7))]
    found = sections(page_of(*receipts))
    assert rows(found[BACKBONES].tables[0]) == [
        ["AgentFlow, a", "80.0 (49.0 to 94.3, n 10)"],
        ["AgentFlow, b", "30.0 (10.8 to 60.3, n 10)"],
    ]
    assert not {PLANNERS, TOOLS} & found.keys()


def test_systems_of_one_backbone_keep_their_names_and_budgets(tmp_path: Path) -> None:
    wide, narrow = (made(tmp_path, f"{turns}", wrong=7 - turns, budget__max_turns=turns) for turns in (6, 3))
    other = all_on(made(tmp_path, "other", budget__max_turns=6), "local:b")
    receipts = [f"mine={all_on(wide, 'local:a')}", f"mine={all_on(narrow, 'local:a')}", str(other)]
    for order in (receipts, receipts[::-1]):
        [table] = sections(page_of(*order))[BACKBONES].tables
        assert ["mine; a", "90.0 (59.6 to 98.2, n 10)"] in rows(table)
        assert len(rows(table)) == 2


def test_only_another_engine_in_the_tool(tmp_path: Path) -> None:
    def with_tool(name: str, benchmark: str, engine: str) -> Path:
        said = {"tools/generalist": f"{engine}, temperature 0, at most 400 tokens"}
        return changed(made(tmp_path, name, benchmark), {"config/tools/generalist/engine": engine, **said})

    receipts = [f"s={with_tool('a', 'gaia', 'local:a')}", f"t={with_tool('b', 'gaia', 'local:b')}"]
    found = sections(page_of(*receipts))
    assert [row[0] for row in rows(found[TOOLS].tables[0])] == ["s; generalist: a", "t; generalist: b"]
    assert not {PLANNERS, BACKBONES} & found.keys()
    other = sections(page_of(f"s={with_tool('c', 'mine', 'local:a')}", f"t={with_tool('d', 'mine', 'local:b')}"))
    assert not [row for row in other[TOOLS].tables[0].rows if row.published]


def test_agentflow_against_react_is_no_ablation(tmp_path: Path) -> None:
    react = changed(made(tmp_path, "b"), {"flow": "react", "config/tools/generalist/engine": "local:b"})
    assert not {PLANNERS, BACKBONES, TOOLS} & sections(page_of(f"one={made(tmp_path, 'a')}", f"two={react}")).keys()
