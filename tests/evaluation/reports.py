"""Receipts for tests of the report: made by a real evaluation, and changed where a test wants another system."""

import json
from pathlib import Path
from typing import Any

from agentflow.evaluation.receipt import BenchmarkUsed
from agentflow.evaluation.report.page import Page, Section
from agentflow.evaluation.report.systems import read_runs
from agentflow.evaluation.report.write import report_on, write_report

from .asking import MODULES, Team, config_of, numbers, run


def made(folder: Path, name: str, benchmark: str = "gaia", wrong: int = 0, num: int = 10, **settings: object) -> Path:
    """A receipt of some items on a benchmark, the first `wrong` not right; the settings are those of `config_of`."""
    folder.mkdir(exist_ok=True)
    used = BenchmarkUsed(name=benchmark, data_hash="f00d", num_items=10)
    path = folder / f"{name}.jsonl"
    run(path, numbers(num), Team(wrong=range(wrong)), config=config_of(**settings), benchmark=used)
    return path


def changed(receipt: Path, changes: dict[str, Any]) -> Path:
    """The receipt itself, with other values in its header; the names of fields have a slash between them."""
    header, *records = receipt.read_text().splitlines()
    fields = json.loads(header)
    for name, value in changes.items():
        *folders, last = name.split("/")
        place = fields
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    receipt.write_text("\n".join([json.dumps(fields), *records, ""]))
    return receipt


def planned_by(receipt: Path, engine: str, weights: str = "") -> Path:
    """The same, with another planner."""
    known = {f"weights/{engine}": {"file": "model.gguf", "sha256": weights}} if weights else {}
    return changed(receipt, {"modules/planner/engine": engine, **known})


def all_on(receipt: Path, engine: str) -> Path:
    """The same, with one engine in all modules and in the generalist."""
    modules = {f"modules/{module}/engine": engine for module in MODULES[:5]}
    return changed(receipt, {**modules, "config/tools/generalist/engine": "default"})


def page_of(*receipts: object, metrics: tuple[Path, ...] = ()) -> Page:
    """The report of receipts, given as a user gives them."""
    return report_on(read_runs([str(receipt) for receipt in receipts]), metrics)


def sections(page: Page) -> dict[str, Section]:
    """By title."""
    return {section.title: section for section in page.sections}


def texts(page: Page, folder: Path) -> tuple[str, str]:
    """Markdown and HTML."""
    markdown, html = write_report(page, folder)
    return markdown.read_text(encoding="utf-8"), html.read_text(encoding="utf-8")
