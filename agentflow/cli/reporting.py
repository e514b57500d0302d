"""`agentflow report`, `agentflow blame` and `agentflow leakage`: what receipts have to say."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentflow.cli.judging import opened_judge
from agentflow.cli.receipts import CHANGED
from agentflow.config import Config, load_config
from agentflow.errors import ConfigError
from agentflow.evaluation.blame import Blame, Swap, failed_tasks, find_blame
from agentflow.evaluation.leakage import find_leakage
from agentflow.evaluation.receipt import Estimate, Receipt, read_receipt
from agentflow.evaluation.report.systems import read_runs
from agentflow.evaluation.report.write import report_on, write_report
from agentflow.evaluation.settings import RunSettings

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
        console.print(Text(f"{leak.id}: {'; '.join(signs)}"))
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
    if not receipt.is_intact:
        console.print(Text(f"{path} {CHANGED}"))
    return 0


def run_blame(
    path: Path, swaps: list[str], out: Path, config_file: Path | None, concurrency: int, judge: str | None
) -> int:
    """Run the failed items again with each part swapped, and print what that put right."""
    receipt = read_receipt(path)
    config = load_config(config_file) if config_file else _config_of(receipt)
    chosen = [Swap.parse(swap) for swap in swaps]
    settings = RunSettings(seed=receipt.header.seed, concurrency=concurrency)
    console = Console(stderr=True)
    console.print(f"{len(failed_tasks(receipt))} items failed; each of {len(chosen) + 1} runs has them all")
    print_blame(asyncio.run(_blamed(receipt, config, chosen, out, settings, judge, console)))
    return 0


async def _blamed(
    receipt: Receipt,
    config: Config,
    swaps: list[Swap],
    out: Path,
    settings: RunSettings,
    judge: str | None,
    console: Console,
) -> list[Blame]:
    async with opened_judge(judge, config, out) as scorer:
        return await find_blame(
            receipt, config, swaps, out, settings, judge=scorer, notice=lambda line: console.print(Text(line, "yellow"))
        )


def print_blame(found: list[Blame]) -> None:
    table = Table("swapped", "put right", "95 %", "items", "receipt")
    for blame in found:
        table.add_row(blame.swap, *_shown(blame.put_right), str(blame.receipt))
    Console(highlight=False).print(table)


def _config_of(receipt: Receipt) -> Config:
    try:
        return Config.model_validate(receipt.header.config)
    except ValueError as error:
        raise ConfigError(
            f"{receipt.path} was made with settings of another version: give them by --config ({error})"
        ) from None


def _shown(estimate: Estimate | None) -> tuple[str, str, str]:
    if estimate is None:
        return "", "", "0"
    return f"{100 * estimate.mean:.1f} %", f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}", str(estimate.num)
