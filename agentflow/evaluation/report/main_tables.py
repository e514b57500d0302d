"""The main tables: a system a row, a benchmark a column, the paper's rows below ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.evaluation.report.notes import column_notes, row_notes, unknown_items
from agentflow.evaluation.report.page import Row, Section, Table, percent
from agentflow.evaluation.report.published import printed, published
from agentflow.evaluation.report.systems import Run, widest

HOW_TO_READ = (
    "Percent of items right, with a 95 % interval and the number of records; a failure of the world counts as wrong. "
    "Of several turn budgets the largest counts."
)
HOW_TO_COMPARE = (
    "Rows marked as published are printed as the paper has them: other engines, other tools, often other items, and no "
    "interval. GPT-4o judged their answers; ours are scored by rules, those to the search questions by exact match, "
    "which calls more of them wrong."
)


def main_tables(runs: Sequence[Run]) -> list[Section]:
    """One section for each table of the paper that has a column of ours, and one for the other benchmarks."""
    best = widest(runs)
    left = dict.fromkeys(run.benchmark for run in runs)
    sections = []
    for table in published()["tables"]:
        columns = [name for name in columns_of(table) if name in left]
        if columns and table["name"] != "planner":
            sections.append(_section(table["title"], columns, best, table))
            left = {name: None for name in left if name not in columns}
    if left:
        sections.append(_section("Other benchmarks", list(left), best, {}))
    return sections


def _section(
    title: str, columns: Sequence[str], runs: Mapping[tuple[str, str], Run], theirs: Mapping[str, Any]
) -> Section:
    chosen = [run for run in runs.values() if run.benchmark in columns]
    cells = {name: {run.system: run for run in chosen if run.benchmark == name} for name in columns}
    notes = [*row_notes(chosen), *column_notes(chosen)]
    if not theirs:
        return Section(title, HOW_TO_READ, [accuracies(cells, {})], notes=notes)
    notes += [*unknown_items(chosen), *_wrong_averages(theirs, columns)]
    return Section(title, f"{HOW_TO_READ} {HOW_TO_COMPARE}", [accuracies(cells, theirs)], notes=notes)


def accuracies(
    cells: Mapping[str, Mapping[str, Run]], theirs: Mapping[str, Any], heads: Mapping[str, str] | None = None
) -> Table:
    """Our runs by benchmark and row, and below them the rows of a table of the paper that have a number to show.

    An average stands behind the columns that it is of, where all of them are there. `heads` say what stands above
    columns in place of the benchmark's name.
    """
    averages = {name: of for name, of in theirs.get("averages", {}).items() if set(of) <= set(cells)}
    columns = _with_averages(list(cells), averages)
    rows = []
    for name in dict.fromkeys(row for column in cells.values() for row in column):
        of_row = {benchmark: column[name] for benchmark, column in cells.items() if name in column}
        values = {benchmark: accuracy(run) for benchmark, run in of_row.items()}
        values |= {average: _average(of_row, of) for average, of in averages.items()}
        rows.append(Row([name, *(values.get(column, "") for column in columns)]))
    for row in theirs.get("rows", ()):
        values = {name: printed(row["accuracy"].get(name)) for name in cells}
        if any(values.values()):
            values |= {average: printed(row.get("average", {}).get(average)) for average in averages}
            rows.append(Row([row["name"], *(values[column] for column in columns)], published=True))
    named = {**{name: f"average, {name}" for name in averages}, **(heads or {})}
    return Table(["", *(named.get(column, column) for column in columns)], rows)


def columns_of(table: Mapping[str, Any]) -> list[str]:
    """The benchmarks of a table of the paper, in its order."""
    return list(dict.fromkeys(name for row in table["rows"] for name in row["accuracy"]))


def accuracy(run: Run) -> str:
    """The mean with its interval and the number of records."""
    found = run.summary.accuracy
    return f"{percent(found.mean)} ({percent(found.low)} to {percent(found.high)}, n {found.num})"


def _average(runs: Mapping[str, Run], of: Sequence[str]) -> str:
    if any(name not in runs for name in of):
        return ""
    return percent(sum(runs[name].summary.accuracy.mean for name in of) / len(of))


def _with_averages(columns: Sequence[str], averages: Mapping[str, Sequence[str]]) -> list[str]:
    """
    >>> _with_averages(["a", "b", "c"], {"first": ["a", "b"]})
    ['a', 'b', 'first', 'c']
    """
    found: list[str] = []
    for column in columns:
        found.append(column)
        found += [name for name, of in averages.items() if column in of and set(of) <= set(found)]
    return found


def _wrong_averages(table: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """A line for each average that the paper prints and that its own numbers do not give."""
    notes = []
    for row in table["rows"]:
        for name, of in table["averages"].items():
            if set(of) <= set(columns) and set(of) <= set(row["accuracy"]):
                mean = sum(row["accuracy"][benchmark] for benchmark in of) / len(of)
                if abs(mean - row["average"][name]) > 0.1:
                    notes.append(
                        f"{row['name']}: the paper prints {row['average'][name]:.1f} as the average of {name}; its "
                        f"numbers give {mean:.1f}."
                    )
    return notes
