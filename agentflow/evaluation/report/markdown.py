"""A report as Markdown; charts become tables of their points."""

from agentflow.evaluation.report.page import Chart, Page, Row, Section, Table

MOST = 12  # columns of a chart
_ESCAPED = str.maketrans({"|": "\\|", "[": "\\[", "`": "\\`", "\\": "\\\\", "&": "&amp;", "<": "&lt;", "\n": " "})


def as_markdown(page: Page) -> str:
    """The whole page; a row of the paper has its name in italics and says so. Text from receipts is escaped."""
    parts = [f"# {page.title}", page.text, *(part for section in page.sections for part in _section(section))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> list[str]:
    notes = "\n".join(f"- {_escaped(note)}" for note in section.notes)
    return [f"## {section.title}", section.text, *map(_table, section.tables), *map(_chart, section.charts), notes]


def _table(table: Table) -> str:
    heads = [_escaped(column) for column in table.columns]
    lines = [heads, ["---"] * len(heads), *map(_cells, table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    name, *others = map(_escaped, row.cells)
    return [f"*{name}* (published)" if row.published else name, *others]


def _chart(chart: Chart) -> str:
    """A column for each place on the horizontal axis; where these are many, a row."""
    places = sorted({x for line in chart.lines for x, _ in line.points})
    heads = [chart.names[int(x)] if chart.names else f"{x:g}" for x in places]
    rows = []
    for line in chart.lines:
        values = {x: f"{'~' if x in line.read_off else ''}{y:.1f}" for x, y in line.points}
        rows.append(Row([line.label, *(values.get(x, "") for x in places)], line.published))
    table = Table([chart.x, *heads], rows)
    return (
        f"{_escaped(chart.title)} ({chart.y} by {chart.x})\n\n{_table(_turned(table) if len(places) > MOST else table)}"
    )


def _turned(table: Table) -> Table:
    """Rows as columns."""
    names = [f"{row.cells[0]} (published)" if row.published else row.cells[0] for row in table.rows]
    columns = zip(*(row.cells[1:] for row in table.rows), strict=True)
    return Table(
        [table.columns[0], *names],
        [Row([place, *cells]) for place, cells in zip(table.columns[1:], columns, strict=True)],
    )


def _escaped(text: str) -> str:
    r"""
    >>> print(_escaped("<img src=x> | [a](b)"))
    &lt;img src=x> \| \[a](b)
    """
    return text.translate(_ESCAPED)
