"""`agentflow eval`: benchmarks, one after the other, each with a receipt."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agentflow.assemble import open_flow
from agentflow.benchmarks import Benchmark, BenchmarkData, audit_text, check_scorer, find_benchmark
from agentflow.benchmarks.trials import enough_others
from agentflow.cli.evaluation_view import EvaluationView, remarks, result_table
from agentflow.cli.judging import opened_judge
from agentflow.cli.notices import notice
from agentflow.cli.solving import status, until_terminated
from agentflow.config import Config
from agentflow.errors import ConfigError
from agentflow.evaluation.receipt import BenchmarkUsed, Receipt
from agentflow.evaluation.run import EvaluationStopped, check_start, evaluate, wants_judge
from agentflow.evaluation.settings import RunSettings
from agentflow.tasks.rows import SUFFIXES

RECEIPTS = Path("receipts")
_OF_A_FILE = (".jsonl", ".gz")  # any other --out is a folder
FILE_WIDTH = 110  # characters of a table that goes into a file


@dataclass(frozen=True)
class Items:
    """A benchmark, its items, and where its receipt goes."""

    benchmark: Benchmark
    data: BenchmarkData
    out: Path

    @property
    def used(self) -> BenchmarkUsed:
        """How a receipt names them."""
        data = self.data
        return BenchmarkUsed(
            name=self.benchmark.name, data_hash=data.data_hash, origin=data.origin, num_items=len(data.all_tasks)
        )


def open_items(names: Sequence[str], data: Path | None, out: Path | None, accept: str | None) -> list[Items]:
    """The benchmarks of those names with their items. Raises `ConfigError`, before anything is asked of an engine."""
    if out and out.suffix in _OF_A_FILE and len(names) > 1:
        raise ConfigError(f"--out {out} is one file, and {len(names)} benchmarks have a receipt each: name a folder")
    opened = []
    for name in names:
        benchmark = find_benchmark(name)
        found = benchmark.open(benchmark.path or _file_of(benchmark, data), accept_hash=accept)
        opened.append(Items(benchmark, found, receipt_path(benchmark.name, out)))
    if data and all(items.benchmark.path for items in opened):
        raise ConfigError(f"--data {data} is for benchmarks that are named: {', '.join(names)} has its own items")
    if len({items.out for items in opened}) < len(opened):
        raise ConfigError("two benchmarks of one name would write to one receipt: run them one by one, each with --out")
    return opened


def receipt_path(name: str, out: Path | None) -> Path:
    """Where a receipt goes: a file, or a folder that has one for each benchmark.

    >>> receipt_path("aime24", Path("mine.jsonl")), receipt_path("aime24", Path("mine"))
    (PosixPath('mine.jsonl'), PosixPath('mine/aime24.jsonl'))
    """
    return out if out and out.suffix in _OF_A_FILE else (out or RECEIPTS) / f"{name}.jsonl"


def _file_of(benchmark: Benchmark, data: Path | None) -> Path | None:
    """The file itself, or that of this benchmark in a folder."""
    if data is None or not data.is_dir():
        return data
    names = [f"{name}{suffix}" for name in (benchmark.name, *benchmark.aliases) for suffix in SUFFIXES]
    names.append(f"{benchmark.name}/data/data.json")  # as the reference implementation has it
    for name in names:
        if (data / name).is_file():
            return data / name
    raise ConfigError(f"the folder {data} has no file for {benchmark.name}: wanted one of {', '.join(names)}")


def check_scorers(chosen: Sequence[Items]) -> int:
    """Score golds, and print what came out; 1 where a scorer can not be trusted."""
    good = True
    for items in chosen:
        print(f"{items.benchmark.name}: {audit_text(items.data.audit)}")
        tasks = items.data.all_tasks
        with status(Console(stderr=True), f"{items.benchmark.name}: scoring the golds of {len(tasks)} items"):
            found = check_scorer(items.benchmark, tasks, enough_others(tasks))
        print(found.text())
        good &= found.ok
    return 0 if good else 1


def run_eval(chosen: Sequence[Items], config: Config, settings: RunSettings, judge: str | None) -> int:
    """Evaluate, and print a table; 1 where anything failed."""
    for items in chosen:
        if items.data.audit:
            notice(f"{items.benchmark.name}: {_kinds(items.data)} (the items: --check-scorer)")
        if judge is None and any(map(wants_judge, items.data.tasks)):
            raise ConfigError(f"items of {items.benchmark.name} are scored by a judge: name its engine with --judge")
    if len(chosen) > 1:
        asyncio.run(_check(chosen, config, settings, judge))
    receipts: list[Receipt] = []
    stopped = False
    try:
        for items in chosen:
            try:
                receipts.append(asyncio.run(_evaluate(items, config_for(items.benchmark, config), settings, judge)))
            except EvaluationStopped as error:
                notice(f"{items.benchmark.name}: {error}")
                stopped = True
            except (KeyboardInterrupt, SystemExit):
                notice(f"{items.out} keeps what is done: the same command goes on from there")
                raise
    finally:
        _report(receipts)
    return 1 if stopped or any(receipt.header.summary.failures for receipt in receipts if receipt.header.summary) else 0


def _kinds(data: BenchmarkData) -> str:
    """What the audit found, without the items."""
    lines = audit_text(data.audit).splitlines()
    return ", ".join(line.removesuffix(":") for line in lines if not line.startswith(" "))


def config_for(benchmark: Benchmark, config: Config) -> Config:
    """The config with the benchmark's turns, unless the user set other ones; and no trace, as a receipt is one.

    Unless it is set too, memory grows with the turns, so that each has as much room as it always has.

    >>> ten = config_for(find_benchmark("aime24"), Config())
    >>> ten.budget.max_turns, ten.memory.tokens, Config().budget.max_turns, Config().memory.tokens
    (10, 8192, 5, 4096)
    """
    changes: dict[str, object] = {}
    if "max_turns" not in config.budget.model_fields_set:
        turns = benchmark.protocol.max_turns
        changes["budget"] = config.budget.model_copy(update={"max_turns": turns})
        if "tokens" not in config.memory.model_fields_set:
            room = max(config.memory.tokens, config.memory.tokens * turns // config.budget.max_turns)
            changes["memory"] = config.memory.model_copy(update={"tokens": room})
    if "trace" not in config.model_fields_set:
        changes["trace"] = None
    return config.model_copy(update=changes)


async def _check(chosen: Sequence[Items], config: Config, settings: RunSettings, judge: str | None) -> None:
    """Find what is wrong with any benchmark before the first one is paid for. They share their engines and tools."""
    async with open_flow(config_for(chosen[0].benchmark, config)) as solver:
        for items in chosen:
            async with opened_judge(judge, config, items.out.parent) as opened:
                own = config_for(items.benchmark, config)
                await check_start(own, items.used, items.data.tasks, items.out, settings, solver, opened)


async def _evaluate(items: Items, config: Config, settings: RunSettings, judge: str | None) -> Receipt:
    async with opened_judge(judge, config, items.out.parent) as opened:
        with EvaluationView.of(items.benchmark.name, Console(stderr=True)) as view, until_terminated():
            return await evaluate(
                config,
                items.used,
                items.data.tasks,
                items.out,
                settings,
                judge=opened,
                notice=partial(notice, console=view.console),
                watcher=view,
            )


def _report(receipts: Sequence[Receipt]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    if receipts:
        console.print(result_table(receipts))
    for receipt in receipts:
        for remark in remarks(receipt):
            console.print(Text(f"{receipt.header.benchmark.name}: {remark}"), soft_wrap=True)
        console.print(Text(f"receipt: {receipt.path}", style="dim"), soft_wrap=True)
