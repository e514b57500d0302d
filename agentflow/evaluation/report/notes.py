"""What must be known of receipts that stand in one row or in one column, and are not of one making."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from agentflow.benchmarks.registry import OURS
from agentflow.evaluation.identity import ITEMS
from agentflow.evaluation.report.conditions import everything_but
from agentflow.evaluation.report.systems import Run, listed

# Memory grows with turns.
_PER_BENCHMARK = ("benchmark.name", "benchmark.data_hash", ITEMS, "turns", "config.memory.tokens")


def row_notes(runs: Iterable[Run]) -> list[str]:
    """A line for each system whose receipts differ in more than benchmark and turn budget."""
    by_system = defaultdict(list)
    for run in runs:
        by_system[run.system].append(everything_but(run.header))
    notes = []
    for system, facts in by_system.items():
        names = dict.fromkeys(name for one in facts for name in one if name not in _PER_BENCHMARK)
        apart = [name for name in names if any(one.get(name) != facts[0].get(name) for one in facts)]
        if apart:
            notes.append(f"{system}: not all of its receipts have the same {listed(apart)}.")
    return notes


def column_notes(runs: Iterable[Run]) -> list[str]:
    """A line for each benchmark whose receipts have other items, other trials, or other turn budgets."""
    by_benchmark = defaultdict(list)
    for run in runs:
        by_benchmark[run.benchmark].append(run)
    notes = []
    for benchmark, column in by_benchmark.items():
        notes += [f"{benchmark}: {note}" for note in (*items_notes(column), *_turns_notes(column))]
    return notes


def items_notes(runs: Sequence[Run]) -> list[str]:
    """Whether receipts of one benchmark are of other items, asked them otherwise, or have other numbers of trials."""
    hashes = dict.fromkeys(run.header.benchmark.data_hash[:12] for run in runs)
    if len(hashes) > 1:
        return [f"not the same items: they are of {len(hashes)} files, with the hashes {listed(hashes)}."]
    asked = {run.header.benchmark.items_hash for run in runs} - {""}  # older receipts do not say
    notes = ["not asked or scored alike: other instructions, golds or scorers."] if len(asked) > 1 else []
    items = [frozenset(item for item, _ in run.trials) for run in runs]
    if len(set(items)) > 1:
        common = len(frozenset.intersection(*items))
        return [*notes, f"not the same items: {listed(_counts(runs))} records; {common} items are in all of them."]
    if len({run.trials for run in runs}) > 1:
        return [*notes, f"not as many trials of each item: {listed(_counts(runs))} records."]
    return notes


def _counts(runs: Sequence[Run]) -> list[str]:
    return [f"{run.system} {len(run.trials)}" for run in runs]


def _turns_notes(runs: Sequence[Run]) -> list[str]:
    """The plain model takes no turns."""
    turns = {run.system: run.header.max_turns for run in runs if run.header.flow != "plain"}
    if len(set(turns.values())) < 2:
        return []
    return [f"not the same turn budget: {listed([f'{system} {num}' for system, num in turns.items()])}."]


def unknown_items(runs: Iterable[Run]) -> list[str]:
    """A line for the benchmarks of the paper whose items are not known to be those that it has; none if all are."""
    unknown = {
        f"{run.benchmark} ({run.header.benchmark.origin or run.header.benchmark.data_hash[:12]})": None
        for run in runs
        if run.benchmark in OURS and run.header.benchmark.data_hash not in OURS[run.benchmark].known
    }
    return [f"Of items that are not known to be the paper's: {', '.join(unknown)}."] if unknown else []
