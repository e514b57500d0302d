"""What a planner does: turns against the budget, shares of the tools, calls that go wrong, and signs of leakage."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from agentflow.evaluation.leakage import find_leakage
from agentflow.evaluation.report.notes import items_notes
from agentflow.evaluation.report.page import Chart, Line, Row, Section, Table, percent
from agentflow.evaluation.report.published import line as published_line
from agentflow.evaluation.report.published import published
from agentflow.evaluation.report.systems import Run, widest
from agentflow.evaluation.report.training_metrics import error_curves
from agentflow.tool_use import calling_error_rate, tool_shares
from agentflow.types import Trajectory


def turn_budget(runs: Sequence[Run]) -> list[Section]:
    """Accuracy and mean turns against the turn budget, for what was run under several."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.header.max_turns):
        groups[run.system, run.benchmark].append(run)
    several = {key: found for key, found in groups.items() if len(found) > 1}
    if not several:
        return []
    notes = [f"{system}, {name}: {note}" for (system, name), found in several.items() for note in items_notes(found)]
    names = dict.fromkeys(name for _, name in several)
    charts = [
        Chart("Accuracy", "turn budget", "percent right", [*_curves(several, _percent), *_theirs("accuracy", names)]),
        Chart("Mean turns", "turn budget", "turns", [*_curves(several, _turns), *_theirs("mean_turns", names)]),
    ]
    return [Section("Turn budget", "How much a larger turn budget is used, and what for.", charts=charts, notes=notes)]


def _curves(groups: Mapping[tuple[str, str], Sequence[Run]], value: Callable[[Run], float]) -> list[Line]:
    return [
        Line(f"{system}, {name}", [(float(run.header.max_turns), value(run)) for run in found])
        for (system, name), found in groups.items()
    ]


def _percent(run: Run) -> float:
    return 100 * run.summary.accuracy.mean


def _turns(run: Run) -> float:
    return run.summary.mean_turns


def _theirs(what: str, names: Iterable[str]) -> list[Line]:
    theirs = published()["turn_budget"]
    return [published_line(name, theirs["budgets"], theirs[what][name]) for name in names if name in theirs[what]]


def tools_used(runs: Sequence[Run]) -> list[Section]:
    """The share of each tool in the calls: a chart for each benchmark, a group of bars for each system."""
    by_benchmark: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (system, benchmark), run in widest(runs).items():
        if shares := tool_shares(trajectories_of(run)):
            by_benchmark[benchmark][system] = shares
    charts = [_shares(benchmark, shares_of) for benchmark, shares_of in by_benchmark.items()]
    text = "Which tool was called how often, in percent of all calls of a tool that there is."
    if by_benchmark.keys() & published()["tool_share"].keys():
        text += (
            " The paper's Google Search stands at web_search, its Web Search, which reads one page, at read_page, and "
            "its Base Generator at generalist; it gives no share for its coder."
        )
    return [Section("Tools", text, charts=charts)] if charts else []


def _shares(benchmark: str, shares_of: Mapping[str, Mapping[str, float]]) -> Chart:
    theirs = published()["tool_share"].get(benchmark, {})
    names = list(dict.fromkeys(tool for shares in (*shares_of.values(), *theirs.values()) for tool in shares))
    ours = [
        Line(system, [(float(place), 100 * shares.get(name, 0.0)) for place, name in enumerate(names)])
        for system, shares in shares_of.items()
    ]
    bars = [
        published_line(f"{when} training", [float(names.index(name)) for name in shares], list(shares.values()))
        for when, shares in theirs.items()
    ]
    return Chart(benchmark, "tool", "percent of calls", [*ours, *bars], names)


def wrong_calls(runs: Sequence[Run], metrics: Sequence[Path]) -> list[Section]:
    """The share of attempted calls that went wrong: by system and benchmark, and over the steps of training runs."""
    tables, charts = _wrong_by_system(widest(runs)), _wrong_over_training(metrics)
    if not tables and not charts:
        return []
    text = (
        "The share of attempted calls that went wrong: no such tool, arguments that can not be read or do not fit, a "
        "tool that says no (a program that fails, say), no answer in time. The paper does not say what it counts, so "
        "its curves show a direction and no more."
    )
    return [Section("Calls that go wrong", text, tables, charts)]


def _wrong_by_system(runs: Mapping[tuple[str, str], Run]) -> list[Table]:
    columns = list(dict.fromkeys(benchmark for _, benchmark in runs))
    rates = {key: calling_error_rate(trajectories_of(run)) for key, run in runs.items()}
    rows = []
    for system in dict.fromkeys(system for system, _ in runs):
        cells = ["" if (rate := rates.get((system, name))) is None else percent(rate) for name in columns]
        if any(cells):
            rows.append(Row([system, *cells]))
    return [Table(["", *columns], rows)] if rows else []


def _wrong_over_training(metrics: Sequence[Path]) -> list[Chart]:
    if not metrics:
        return []
    theirs = published()["error_rate"]
    lines = [published_line(name, theirs["steps"], theirs[name]) for name in theirs if name != "steps"]
    return [Chart("Over training", "step", "percent of calls", [*error_curves(metrics), *lines])]


def leakage(runs: Sequence[Run]) -> list[Section]:
    """Signs that an answer came from the benchmark itself, and the score without the items that show one."""
    rows = []
    for (system, benchmark), run in widest(runs).items():
        if not any(trajectory.turns for trajectory in trajectories_of(run)):
            continue
        found = find_leakage(run.receipt.records)
        restating = sum(bool(leak.restating_turns) for leak in found.leaks)
        containing = sum(bool(leak.containing_turns) for leak in found.leaks)
        rest = found.without_any
        without = (
            "" if rest is None else f"{percent(rest.mean)} ({percent(rest.low)} to {percent(rest.high)}, n {rest.num})"
        )
        cells = [system, benchmark, str(restating), str(containing), percent(found.everything.mean), without]
        rows.append(Row(cells))
    if not rows:
        return []
    columns = ["", "benchmark", "query restates the question", "result contains it", "all items", "without both"]
    text = (
        "A query restates the question if it has four fifths of its words; a result contains it if it has half of its "
        "eight-word windows. Neither proves anything: a small model likes to paste the question."
    )
    return [Section("Leakage", text, [Table(columns, rows)])]


def trajectories_of(run: Run) -> list[Trajectory]:
    return [record.trajectory for record in run.receipt.records if record.trajectory]
