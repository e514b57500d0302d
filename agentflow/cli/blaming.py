"""`agentflow blame`: which part to mend first."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from agentflow.cli.evaluation_view import EvaluationView, interval, percent, remarks
from agentflow.cli.judging import opened_judge
from agentflow.cli.notices import notice
from agentflow.cli.receipts import state_of
from agentflow.cli.settings import parse_value
from agentflow.cli.solving import until_terminated
from agentflow.config import Config, load_config
from agentflow.errors import ConfigError
from agentflow.evaluation.blame import Blame, failed_tasks, find_blame
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.evaluation.restore import restored_config
from agentflow.evaluation.run import wants_judge
from agentflow.evaluation.swap import Swap

FILE_WIDTH = 120  # characters of a table that goes into a file


def run_blame(
    path: Path, swaps: Sequence[str], out: Path, config_file: Path | None, concurrency: int, judge: str | None
) -> int:
    """Run the failed items again with each part swapped, and print what that put right; 1 where anything failed."""
    receipt, chosen = read_receipt(path), [read_swap(swap) for swap in swaps]
    config = restored_config(receipt, load_config(config_file) if config_file else None)
    failed = failed_tasks(receipt)
    if judge is None and any(map(wants_judge, failed)):
        raise ConfigError("some of the items that failed are scored by a judge: name its engine with --judge")
    for remark in state_of(receipt):
        notice(remark)
    notice(f"items that failed: {len(failed)}; trials of each: {receipt.header.trials}; runs: {len(chosen) + 1}")
    found = asyncio.run(_blamed(receipt, config, chosen, out, concurrency, judge))
    _report(found)
    return 1 if any(_broke(blame) for blame in found) else 0


def read_swap(text: str) -> Swap:
    """Raises `ConfigError` for what is not of the form PART=VALUE.

    >>> read_swap("planner=openai:gpt-5"), read_swap("tools.web_search.num_results=10")
    (Swap(part='planner', value='openai:gpt-5'), Swap(part='tools.web_search.num_results', value=10))
    """
    part, _, value = text.partition("=")
    if not part.strip() or not value.strip():
        raise ConfigError(
            f"--swap {text!r} is not of the form PART=ENGINE, such as planner=openai:gpt-5, or "
            "tools.NAME.SETTING=VALUE, such as tools.wikipedia_search.num_results=5"
        )
    return Swap(part.strip(), parse_value(value.strip()))


async def _blamed(
    receipt: Receipt, config: Config, swaps: list[Swap], out: Path, concurrency: int, judge: str | None
) -> list[Blame]:
    console = Console(stderr=True)
    async with opened_judge(judge, config, out) as opened:
        with until_terminated():
            return await find_blame(
                receipt,
                config,
                swaps,
                out,
                concurrency=concurrency,
                judge=opened,
                notice=partial(notice, console=console),
                watch=lambda swap: EvaluationView.of(swap, console),
            )


def _report(found: Sequence[Blame]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(_table(found))
    for blame in found:
        for line in _remarks(blame):
            console.print(Text(f"{blame.swap}: {line}"), soft_wrap=True)
        console.print(Text(f"{blame.swap}: receipt: {blame.path}", style="dim"), soft_wrap=True)


def _table(found: Sequence[Blame]) -> Table:
    """A row a swap. A solve that failed counts as wrong; "scored" leaves such solves out."""
    headings = ("items", "right", "95 %", "scored", "failed", "gain", "95 %", "p")
    columns = [Column(heading, justify="right", no_wrap=True) for heading in headings]
    table = Table(
        Column("swapped", overflow="fold"), *columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for blame in found:
        table.add_row(Text(blame.swap), *_cells(blame))
    return table


def _cells(blame: Blame) -> list[str]:
    summary = blame.receipt.header.summary if blame.receipt else None
    if not summary:
        return ["stopped"]
    items = f"{summary.num_items} x {summary.num_trials}" if summary.num_trials > 1 else f"{summary.num_items}"
    gained = []
    if blame.gain:
        low, high = (100 * end for end in blame.gain.interval)
        drawn = f"{low:+.1f} to {high:+.1f}" if low < high else "-"  # all changes are alike: nothing to draw from
        gained = [f"{100 * blame.gain.difference:+.1f}", drawn, f"{blame.gain.p:.2g}"]
    return [
        items,
        percent(summary.accuracy),
        interval(summary.accuracy),
        percent(summary.accuracy_without_failures),
        f"{100 * summary.failure_rate:.1f} %",
        *gained,
    ]


def _remarks(blame: Blame) -> Iterator[str]:
    if blame.receipt:
        yield from remarks(blame.receipt)
    else:
        yield blame.stopped


def _broke(blame: Blame) -> bool:
    summary = blame.receipt.header.summary if blame.receipt else None
    return summary is None or bool(summary.failures)
