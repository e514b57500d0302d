"""All systems on all benchmarks in one picture."""

from collections.abc import Sequence

from agentflow.evaluation.report.main_tables import columns_of
from agentflow.evaluation.report.page import Chart, Line, Section
from agentflow.evaluation.report.published import published
from agentflow.evaluation.report.systems import Run, widest

TEXT = "Percent of items right, with 95 % intervals; the tables below say of how many items, and what sets them apart."


def overview(runs: Sequence[Run]) -> list[Section]:
    """A bar for each system and benchmark, where there are two or more. Nothing of the paper stands among them."""
    best = widest(runs)
    if len(best) < 2:
        return []
    in_the_paper = [name for table in published()["tables"] for name in columns_of(table)]
    ours = dict.fromkeys(name for _, name in best)
    names = [*dict.fromkeys(name for name in in_the_paper if name in ours), *(n for n in ours if n not in in_the_paper)]
    lines = [_line(system, names, best) for system in dict.fromkeys(system for system, _ in best)]
    return [Section("At a glance", TEXT, charts=[Chart("Accuracy", "benchmark", "percent right", lines, names)])]


def _line(system: str, names: Sequence[str], best: dict[tuple[str, str], Run]) -> Line:
    found = {place: best[system, name].summary.accuracy for place, name in enumerate(names) if (system, name) in best}
    return Line(
        system,
        [(float(place), 100 * accuracy.mean) for place, accuracy in found.items()],
        intervals=[(100 * accuracy.low, 100 * accuracy.high) for accuracy in found.values()],
    )
