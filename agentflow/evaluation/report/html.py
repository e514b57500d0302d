"""A report as one HTML page: styles and pictures are in it, and nothing is fetched."""

import re
from collections.abc import Sequence
from html import escape

from agentflow.evaluation.report.charts import as_svg
from agentflow.evaluation.report.page import Page, Row, Section, Table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
td { white-space: nowrap; }
td small { display: block; color: #666; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
tr.published { color: #777; font-style: italic; }
figure { display: inline-block; margin: .5rem .5rem .5rem 0; width: min(100%, 34rem); vertical-align: top; }
svg { width: 100%; height: auto; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # whatever a receipt holds, it is shown and never run


def as_html(page: Page) -> str:
    """The whole page. Text from receipts is escaped."""
    sections = [_section(section, page.labels) for section in page.sections]
    body = [f"<h1>{escape(page.title)}</h1>", _paragraph(page.text), *sections]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escape(page.title)}</title>
<style>{STYLE}</style>
</head>
<body>
{"".join(body)}
</body>
</html>
"""


def _section(section: Section, labels: Sequence[str]) -> str:
    charts = "".join(f"<figure>{as_svg(chart, labels)}</figure>" for chart in section.charts)
    tables = "".join(map(_table, section.tables))
    notes = "".join(f"<li>{escape(note)}</li>" for note in section.notes)
    listed = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f"<section><h2>{escape(section.title)}</h2>{_paragraph(section.text)}{tables}{charts}{listed}</section>\n"


def _paragraph(text: str) -> str:
    """Words of ours, with what is between backticks as code."""
    words = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
    return f"<p>{words}</p>" if text else ""


def _table(table: Table) -> str:
    kinds = ["", *(_kind([row.cells[place] for row in table.rows]) for place in range(1, len(table.columns)))]
    head = _cells("th", table.columns, kinds)
    rows = "".join(_row(row, kinds) for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(row: Row, kinds: Sequence[str]) -> str:
    name, *others = row.cells
    cells = _cells("td", [f"{name} (published)" if row.published else name, *others], kinds)
    return f'<tr class="published">{cells}</tr>' if row.published else f"<tr>{cells}</tr>"


def _cells(tag: str, cells: Sequence[str], kinds: Sequence[str]) -> str:
    return "".join(f"<{tag}{kind}>{_cell(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))


def _cell(text: str) -> str:
    """What is in brackets behind a number stands below it.

    >>> _cell("22.0 (15.0 to 31.1, n 100)"), _cell("GPT-4o (~200B)")
    ('22.0 <small>15.0 to 31.1, n 100</small>', 'GPT-4o (~200B)')
    """
    return re.sub(r"^([0-9.]+) \((.*)\)$", r"\1 <small>\2</small>", escape(text))


def _kind(column: Sequence[str]) -> str:
    """Numbers stand on the right.

    >>> _kind(["", "22.0 (15.0 to 31.1, n 100)", "~3"]), _kind(["gaia", "2wiki"])
    ('', ' class="text"')
    """
    return "" if all(re.match(r"~?-?[0-9][0-9.,]*( |$)", cell) for cell in column if cell) else ' class="text"'
