"""Systems that differ in one part: the planner, the engine of everything, or the engine inside a tool."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentflow.config import MODULES
from agentflow.evaluation.report.conditions import GENERALIST, Ablation, ablations, engines_of
from agentflow.evaluation.report.main_tables import accuracies, columns_of
from agentflow.evaluation.report.notes import unknown_items
from agentflow.evaluation.report.page import Section, Table
from agentflow.evaluation.report.published import published
from agentflow.evaluation.report.systems import Run, short

EQUAL = "All else in a column is equal: items, turns, prompts, sampling, tools, seed"


def planners(runs: Sequence[Run]) -> list[Section]:
    """AgentFlow with different planners."""
    [theirs] = [table for table in published()["tables"] if table["name"] == "planner"]
    text = f"Only the planner differs. {EQUAL}, and the engines of the other modules."
    ours = [run for run in runs if run.header.flow == "agentflow"]
    return _sections("How the planner is trained", text, ablations(ours, ["planner"], lambda run: run.system), theirs)


def backbones(runs: Sequence[Run]) -> list[Section]:
    """AgentFlow on one engine for all modules and the generalist, and the same on another one."""
    text = f"One engine plays all modules and the generalist. {EQUAL}."
    ours = [run for run in runs if run.header.flow == "agentflow" and len({*engines_of(run.header).values()}) == 1]
    found = ablations(ours, [*MODULES, GENERALIST], _with_engine("planner", ""))
    return _sections("Backbone sizes", text, found, published()["backbone"])


def tool_engines(runs: Sequence[Run]) -> list[Section]:
    """The same system with another engine inside its generalist. (The paper swaps that of its coder, too.)"""
    text = f"Only the engine inside the generalist differs. {EQUAL}, and the engines of all modules."
    ours = [run for run in runs if GENERALIST in run.header.tools]
    found = ablations(ours, [GENERALIST], _with_engine(GENERALIST, f"{GENERALIST}: "))
    return _sections("The engine inside the tools", text, found, published()["tool_engine"])


def _with_engine(part: str, says: str) -> Callable[[Run], str]:
    """Names a run by its system and the engine of a part, unless the name of the system says it."""

    def name(run: Run) -> str:
        engine = says + short(engines_of(run.header)[part])
        return run.system if engine in run.system else f"{run.system}; {engine}"

    return name


def _sections(title: str, text: str, found: Sequence[Ablation], theirs: Mapping[str, Any]) -> list[Section]:
    """One section with a table for each ablation; none where there is nothing to compare."""
    if not found:
        return []
    tables = [_table(ablation, theirs, with_turns=len(found) > 1) for ablation in found]
    compared = [run for one in found for name in columns_of(theirs) for run in one.columns.get(name, {}).values()]
    return [Section(title, text, tables, notes=unknown_items(compared))]


def _table(ablation: Ablation, theirs: Mapping[str, Any], *, with_turns: bool) -> Table:
    """In the order of the paper; with the turn budgets where one benchmark may stand in several tables."""
    order = columns_of(theirs)
    names = [*(name for name in order if name in ablation.columns), *(n for n in ablation.columns if n not in order)]
    cells = {name: ablation.columns[name] for name in names}
    heads = {name: f"{name}, {next(iter(cells[name].values())).header.max_turns} turns" for name in names}
    return accuracies(cells, theirs, heads if with_turns else {})
