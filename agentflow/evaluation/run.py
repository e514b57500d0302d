"""Running an evaluation: many solves at once, each written down as it ends, and none of them twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentflow.assemble import open_flow
from agentflow.config import Config, RecordingsConfig
from agentflow.errors import AgentFlowError, ConfigError, NotRecorded
from agentflow.evaluation.cost import Prices, unused_prices
from agentflow.evaluation.describe import cautions, describe, now, recordings_used
from agentflow.evaluation.receipt import BenchmarkUsed, Header, Key, Receipt, Record
from agentflow.evaluation.receipt_file import ReceiptFile
from agentflow.evaluation.selection import select
from agentflow.evaluation.settings import RunSettings
from agentflow.evaluation.summary import summarise
from agentflow.evaluation.trial import Interrupted, Notice, Trials
from agentflow.flow import Solver
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE, Judge
from agentflow.types import Engine, Task

LEAST_ENDED = 20  # solves of a run, before it can be stopped for failures; and twice as many as run at once


class EvaluationStopped(AgentFlowError):
    """Too many solves failed. What came of the others is in the receipt."""


class Watcher(Protocol):
    """Whoever follows an evaluation."""

    def begin(self, num_trials: int, done: Sequence[Record]) -> None:
        """So many trials are wanted, and these are there already."""

    def end_trial(self, record: Record) -> None:
        """One more is there."""


class _Nobody:
    def begin(self, num_trials: int, done: Sequence[Record]) -> None: ...

    def end_trial(self, record: Record) -> None: ...


async def evaluate(
    config: Config,
    benchmark: BenchmarkUsed,
    tasks: Sequence[Task],
    out: Path,
    settings: RunSettings | None = None,
    *,
    judge: Judge | None = None,
    engines: Mapping[str, Engine] | None = None,
    notice: Notice = lambda _line: None,
    watcher: Watcher | None = None,
) -> Receipt:
    """Solve and score the tasks of a benchmark, and write the receipt to `out`; its records come without trajectories.

    What `out` has already is not done again, except for what failed. `engines` are engines that are open, as in
    `open_flow`. Raises `ConfigError` before anything is asked (also where `out` is the receipt of another evaluation),
    and `EvaluationStopped`.
    """
    settings, interrupted = settings or RunSettings(), Interrupted()
    with ExitStack() as closing:
        async with open_flow(config, notice=notice, sink=interrupted, engines=engines) as solver:
            judge = judge if any(map(wants_judge, tasks)) else None
            begun = await _begin(config, benchmark, tasks, settings, solver, judge)
            for engine in unused_prices(config, judge.engine.name if judge else ""):
                notice(f"the price of engine {engine} is not used: nothing here runs on it")
            receipt = closing.enter_context(begun.open(out))
            for line in (*cautions(begun.header), *receipt.cautions):
                notice(line)
            trials = Trials(solver, judge, settings, Prices(config.prices), interrupted, notice)
            run = _Run(trials, settings, receipt, watcher or _Nobody())
            await run.do_what_is_missing(begun.keys, begun.tasks)
        return _finish(receipt, begun.keys, config.recordings)


async def check_start(
    config: Config,
    benchmark: BenchmarkUsed,
    tasks: Sequence[Task],
    out: Path,
    settings: RunSettings,
    solver: Solver,
    judge: Judge | None = None,
) -> None:
    """Raise the `ConfigError` with which `evaluate` would not begin; nothing is asked, and no receipt made.

    `solver` may be that of another benchmark, with the same engines and tools.
    """
    begun = await _begin(config, benchmark, tasks, settings, solver, judge if any(map(wants_judge, tasks)) else None)
    if out.exists():
        with begun.open(out):
            pass


@dataclass(frozen=True)
class _Begun:
    """An evaluation whose items are checked: what its receipt begins with, and the trials that it will have."""

    header: Header
    tasks: Mapping[str, Task]
    keys: Sequence[Key]

    @contextmanager
    def open(self, out: Path) -> Iterator[ReceiptFile]:
        """The receipt. Raises `ConfigError` for one of another evaluation, or of a larger one."""
        with ReceiptFile.open(out, self.header) as receipt:
            extra = len(receipt.records.keys() - set(self.keys))
            if extra:
                raise ConfigError(
                    f"{out} has {extra} trials more than are asked for now: a receipt can get more items and trials, "
                    "and never fewer: raise --limit and --trials to what it has, or name another file with --out"
                )
            yield receipt


async def _begin(
    config: Config,
    benchmark: BenchmarkUsed,
    tasks: Sequence[Task],
    settings: RunSettings,
    solver: Solver,
    judge: Judge | None,
) -> _Begun:
    chosen = select(tasks, settings.limit)
    check_items(chosen, solver, judge)
    header = await asyncio.to_thread(describe, config, benchmark, tasks, settings, solver, judge)
    keys = [(task.id, trial) for task in chosen for trial in range(settings.trials)]
    return _Begun(header, {task.id: task for task in chosen}, keys)


def _finish(receipt: ReceiptFile, keys: Sequence[Key], recordings: RecordingsConfig) -> Receipt:
    """Close the books, unless they are closed already."""
    records = tuple(receipt.records[key] for key in keys)
    if receipt.header.finished:
        return Receipt(receipt.path, receipt.header, records)
    used = receipt.header.recordings
    if recordings.mode == "record":
        used = recordings_used(recordings, at_end=True)
    return receipt.finish(keys, {"finished": now(), "summary": summarise(records), "recordings": used})


def check_items(tasks: Sequence[Task], solver: Solver, judge: Judge | None) -> None:
    """Raise `ConfigError` for the first item that could not be asked or scored: at start, and not in mid-run."""
    for task in tasks:
        try:
            solver.solve(task)  # checks the question; nothing happens before somebody waits for it
            if not wants_judge(task):
                score(task, "")
            elif judge is None:
                raise ConfigError("its scorer is a judge, and there is none")
        except ConfigError as error:
            raise ConfigError(f"item {task.id!r} can not be asked and scored: {error}") from None


def wants_judge(task: Task) -> bool:
    """Whether no rule scores it."""
    return task.metadata.get("scorer") == JUDGE


@dataclass
class _Run:
    """One process' work on a receipt."""

    trials: Trials
    settings: RunSettings
    receipt: ReceiptFile
    watcher: Watcher
    num_ended: int = 0

    async def do_what_is_missing(self, keys: Sequence[Key], tasks: Mapping[str, Task]) -> None:
        """Run what has no final record."""
        done = {key: record for key, record in self.receipt.records.items() if _is_final(record)}
        missing = [key for key in keys if key not in done]
        self.watcher.begin(len(keys), list(done.values()))
        waiting = iter(missing)
        try:
            async with asyncio.TaskGroup() as running:
                for _ in range(min(self.settings.concurrency, len(missing))):
                    running.create_task(self._work(waiting, tasks))
        except BaseExceptionGroup as failed:  # one is enough, and a caller waits for it as it is
            raise failed.exceptions[0] from None

    async def _work(self, waiting: Iterator[Key], tasks: Mapping[str, Task]) -> None:
        for key in waiting:
            before = self.receipt.read(key) if key in self.receipt.records else None
            record = await self.trials.run(tasks[key[0]], key, before)
            self.receipt.append(record)
            self.watcher.end_trial(record)
            self.num_ended += 1
            if record.failure and not before:  # what fails again is no news
                self._check_failures()

    def _check_failures(self) -> None:
        """Raise `EvaluationStopped` where going on is of no use."""
        if self.num_ended < max(LEAST_ENDED, 2 * self.settings.concurrency):
            return  # those that fail are often the quick ones, and end first
        num = len(self.receipt.records)
        failures = Counter(record.error[:300] for record in self.receipt.records.values() if record.failure)
        failed = failures.total()
        if failed <= self.settings.error_rate * num:
            return
        error, times = failures.most_common(1)[0]
        raise EvaluationStopped(
            f"{failed} of {num} solves failed, more than --error-rate allows; {times} times: {error}\n"
            f"{self.receipt.path} has what came of the others: the same command goes on from there"
        )


def _is_final(record: Record) -> bool:
    """Whether a record stays: a failure is tried again, unless a replay would only fail again."""
    return not record.failure or record.error.startswith(f"{NotRecorded.__name__}:")
