"""A report as one HTML page: styles and pictures are in it, and nothing is fetched."""

from html import escape

from agentflow.evaluation.report.charts import as_svg
from agentflow.evaluation.report.page import Page, Row, Section, Table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.published { color: #777; font-style: italic; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
svg { max-width: 100%; height: auto; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # whatever a receipt holds, it is shown and never run


def as_html(page: Page) -> str:
    """The whole page. Text from receipts is escaped."""
    body = [f"<h1>{escape(page.title)}</h1>", _paragraph(page.text), *map(_section, page.sections)]
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


def _section(section: Section) -> str:
    charts = "".join(f"<figure>{as_svg(chart)}</figure>" for chart in section.charts)
    tables = "".join(map(_table, section.tables))
    notes = "".join(f"<li>{escape(note)}</li>" for note in section.notes)
    listed = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f"<section><h2>{escape(section.title)}</h2>{_paragraph(section.text)}{tables}{charts}{listed}</section>\n"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, table.rows))}</tbody></table>"


def _row(row: Row) -> str:
    name, *others = row.cells
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in (f"{name} (published)" if row.published else name, *others))
    return f'<tr class="published">{cells}</tr>' if row.published else f"<tr>{cells}</tr>"
