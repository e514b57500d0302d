"""`agentflow report` and `agentflow leakage`: what receipts have to say."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentflow.cli.receipts import UNFINISHED
from agentflow.errors import ConfigError
from agentflow.evaluation.leakage import find_leakage
from agentflow.evaluation.receipt import CHANGED, Estimate, read_receipt
from agentflow.evaluation.report.systems import read_runs
from agentflow.evaluation.report.write import report_on, write_report

MOST_SHOWN = 20


def run_report(receipts: list[str], out: Path, metrics: list[Path]) -> int:
    """Write the report and say where it is."""
    for file in write_report(report_on(read_runs(receipts), metrics), out):
        print(file)
    return 0


def run_leakage(path: Path) -> int:
    """Print the items that show a sign of leakage, and the score with and without them."""
    receipt = read_receipt(path)
    if not receipt.records:
        raise ConfigError(f"{path} holds no records yet")
    found = find_leakage(receipt.records)
    console = Console(highlight=False, soft_wrap=True)
    for leak in found.leaks[:MOST_SHOWN]:
        signs = [
            f"{words} in turn {', '.join(str(turn + 1) for turn in turns)}"
            for words, turns in (
                ("the query restates the question", leak.restating_turns),
                ("the result contains it", leak.containing_turns),
            )
            if turns
        ]
        console.print(Text(f"{leak.id}, trial {leak.trial}: {'; '.join(signs)}"))
    if len(found.leaks) > MOST_SHOWN:
        console.print(f"... and {len(found.leaks) - MOST_SHOWN} more")
    table = Table("", "accuracy", "95 %", "records")
    for name, estimate in (
        ("all items", found.everything),
        ("without queries that restate the question", found.without_restated),
        ("without results that contain the question", found.without_contained),
        ("without either", found.without_any),
    ):
        table.add_row(name, *_shown(estimate))
    console.print(table)
    if not receipt.is_finished:
        console.print(UNFINISHED)
    if not receipt.is_intact:
        console.print(Text(f"{path} {CHANGED}"))
    return 0


def _shown(estimate: Estimate | None) -> tuple[str, str, str]:
    if estimate is None:
        return "", "", "0"
    return f"{100 * estimate.mean:.1f} %", f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}", str(estimate.num)
