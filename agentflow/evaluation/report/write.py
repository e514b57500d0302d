"""From receipts to the two files of a report."""

from collections.abc import Sequence
from pathlib import Path

from agentflow.errors import ConfigError
from agentflow.evaluation.receipt import CHANGED, RESCORED
from agentflow.evaluation.report.ablations import backbones, planners, tool_engines
from agentflow.evaluation.report.behaviour import leakage, tools_used, turn_budget, wrong_calls
from agentflow.evaluation.report.html import as_html
from agentflow.evaluation.report.main_tables import main_tables
from agentflow.evaluation.report.markdown import as_markdown
from agentflow.evaluation.report.overview import overview
from agentflow.evaluation.report.page import Page, Row, Section, Table
from agentflow.evaluation.report.systems import Run

TEXT = "Every number can be computed again from the receipts below: `agentflow rescore RECEIPT`."


def report_on(runs: Sequence[Run], metrics: Sequence[Path] = ()) -> Page:
    """The sections that these receipts, and the metrics of training runs, have something to say about."""
    sections = [
        *overview(runs),
        *main_tables(runs),
        *planners(runs),
        *turn_budget(runs),
        *tools_used(runs),
        *wrong_calls(runs, metrics),
        *backbones(runs),
        *tool_engines(runs),
        *leakage(runs),
        receipts_used(runs),
    ]
    return Page("AgentFlow: an evaluation", TEXT, sections)


def receipts_used(runs: Sequence[Run]) -> Section:
    """Where the numbers come from."""
    rows = []
    for run in runs:
        header, summary = run.header, run.summary
        cells = [
            _name(run),
            run.system,
            run.benchmark,
            str(len(run.receipt.records)),
            f"{100 * summary.failure_rate:.1f}",
            str(header.max_turns),
            f"{summary.mean_turns:.2f}",
            f"{summary.usage.total_tokens:,}",
            f"{summary.seconds:,.0f}",
            header.benchmark.data_hash[:12],
            header.prompts.hash[:12],
        ]
        rows.append(Row(cells))
    columns = [
        "receipt",
        "system",
        "benchmark",
        "records",
        "failed %",
        "turn budget",
        "mean turns",
        "tokens",
        "seconds",
    ]
    notes = [note for run in runs for note in _changed_since(run)]
    return Section("Receipts", "", [Table([*columns, "items' hash", "prompts' hash"], rows)], notes=notes)


def _changed_since(run: Run) -> list[str]:
    """What of a receipt is not of its run."""
    name, rescored = _name(run), run.header.rescored
    notes = [f"{name}: {RESCORED} {rescored}."] if rescored else []
    return notes if run.receipt.is_intact else [*notes, f"{name} {CHANGED}."]


def _name(run: Run) -> str:
    return "/".join(run.receipt.path.parts[-2:])


def write_report(page: Page, out: Path) -> list[Path]:
    """Write `report.md` and `report.html` into the folder.

    Raises `ConfigError` where they can not be written, and, with `report.md` written, where the page has charts and
    there is nothing to draw them with.
    """
    markdown, html = out / "report.md", out / "report.html"
    _write(markdown, as_markdown(page))
    try:
        _write(html, as_html(page))
    except ConfigError as error:
        raise ConfigError(f"{markdown} is written, and {html} is not: {error}") from error
    return [markdown, html]


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can not write the report to {file.parent}: {error.strerror}") from None
