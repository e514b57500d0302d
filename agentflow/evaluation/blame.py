"""Which part was the bottleneck: the items that failed, again, with one module or tool swapped for a stronger one.

Items that were picked because they failed under some seeds do better under others by chance alone. So no swap is held
against the receipt: the control, with nothing swapped, and all swaps run the same items under the same new seeds, and
each swap is compared with the control item by item.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from agentflow.assemble import open_flow
from agentflow.config import Config
from agentflow.errors import ConfigError
from agentflow.evaluation.compare import Comparison, compare
from agentflow.evaluation.describe import hash_of_items
from agentflow.evaluation.identity import differences
from agentflow.evaluation.receipt import BenchmarkUsed, Receipt, open_receipt
from agentflow.evaluation.run import EvaluationStopped, Watcher, check_start, evaluate
from agentflow.evaluation.settings import RunSettings
from agentflow.evaluation.summary import estimate
from agentflow.evaluation.swap import Swap
from agentflow.scoring.judge import Judge
from agentflow.types import Engine, Task

CONTROL = "nothing"
_LONGEST = 60  # characters of a value in the name of a file
Notice = Callable[[str], None]
Watch = Callable[[str], AbstractContextManager[Watcher | None]]


@dataclass(frozen=True)
class Blame:
    """What came of the failed items with one part swapped, or with nothing swapped.

    `path` is where the receipt of those runs is, `receipt` what it says; None where too many solves failed, for which
    `stopped` has the words. `gain` is the comparison with the control: None for the control itself, and where one of
    the two was stopped.
    """

    swap: str
    path: Path
    receipt: Receipt | None = None
    gain: Comparison | None = None
    stopped: str = ""


def failed_tasks(receipt: Receipt) -> list[Task]:
    """The items that were not right in all of their trials, errors of the world left out, in the receipt's order."""
    wrong = {record.id for record in receipt.records if not record.failure and record.value < 1}
    tasks = {record.id: record.trajectory.task for record in receipt.records if record.trajectory}
    return [task for name, task in tasks.items() if name in wrong]


async def find_blame(
    receipt: Receipt,
    config: Config,
    swaps: Sequence[Swap],
    out: Path,
    *,
    concurrency: int = 8,
    judge: Judge | None = None,
    engines: Mapping[str, Engine] | None = None,
    notice: Notice = lambda _line: None,
    watch: Watch = lambda _swap: nullcontext(),
) -> list[Blame]:
    """Run the failed items of a receipt with nothing swapped, and once for each swap; the best swap first, the control
    last.

    `config` is the one that the receipt was made with: `notice` gets a line for what is not the same now. There are as
    many trials and attempts as in the receipt. Receipts go to `out/PART.jsonl`, and what is there already is not run
    again. `engines` are as for `evaluate`; `watch` is told what is swapped, and follows that run. Raises `ConfigError`
    before anything is asked: where nothing failed, for a swap that can not be made, and for receipts of other items.
    """
    again = _Again(receipt, out, concurrency, judge, engines, _once(notice), watch)
    if not again.tasks:
        raise ConfigError(f"{receipt.path}: {_why_nothing(receipt)}")
    variants = {str(swap): swap.applied_to(config) for swap in swaps}
    for name, variant in {CONTROL: config, **variants}.items():
        await again.check(name, variant)
    control = await again.run(CONTROL, config)
    for difference in _differences(receipt, control):
        again.notice(f"nothing is swapped, and yet not as in {receipt.path}: {difference}")
    found = [_against(control, await again.run(name, variant)) for name, variant in variants.items()]
    return [*sorted(found, key=_rank), control]


@dataclass(frozen=True)
class _Again:
    """The items that failed, to be run under one config after the other."""

    receipt: Receipt
    out: Path
    concurrency: int
    judge: Judge | None
    engines: Mapping[str, Engine] | None
    notice: Notice
    watch: Watch

    @cached_property
    def tasks(self) -> list[Task]:
        return failed_tasks(self.receipt)

    @property
    def benchmark(self) -> BenchmarkUsed:
        used = self.receipt.header.benchmark
        return used.model_copy(update={"name": f"{used.name}, failed", "num_items": len(self.tasks)})

    @property
    def settings(self) -> RunSettings:
        """Those of the receipt, but for the seeds."""
        header, seed = self.receipt.header, self.receipt.header.seed + 1
        return RunSettings(seed=seed, trials=header.trials, attempts=header.attempts, concurrency=self.concurrency)

    async def check(self, name: str, config: Config) -> None:
        """Raise the `ConfigError` with which this run would not begin: that of the last one shows before the first."""
        path = path_of(self.out, name)
        if path.is_file() and path.stat().st_size:
            before = open_receipt(path)[0].benchmark.items_hash
            if before != hash_of_items(self.tasks):
                raise ConfigError(
                    f"{path} is of other items than the {len(self.tasks)} that failed in {self.receipt.path} as it is "
                    "now: name another folder with --out"
                )
        async with open_flow(config, engines=self.engines) as solver:
            await check_start(config, self.benchmark, self.tasks, path, self.settings, solver, self.judge)

    async def run(self, name: str, config: Config) -> Blame:
        """Run them; where too many fail the other runs are worth having all the same."""
        path = path_of(self.out, name)
        given = (config, self.benchmark, self.tasks, path, self.settings)
        try:
            with self.watch(name) as watcher:
                done = await evaluate(
                    *given, judge=self.judge, engines=self.engines, notice=self.notice, watcher=watcher
                )
        except EvaluationStopped as error:
            return Blame(name, path, stopped=str(error))
        return Blame(name, path, done)


def _once(notice: Notice) -> Notice:
    """Each run has the same things to say of what they share."""
    told = set[str]()

    def tell(line: str) -> None:
        if line not in told:
            told.add(line)
            notice(line)

    return tell


def _why_nothing(receipt: Receipt) -> str:
    failed = sum(bool(record.failure) for record in receipt.records)
    if failed:
        return (
            f"no item was wrong, but {failed} solves failed: run the same evaluation once more, which tries them again"
        )
    if not receipt.is_finished:
        return "the evaluation is not finished, and nothing in it is wrong so far: run it to its end first"
    return "every item is right: there is nothing to put right"


def path_of(out: Path, swap: str) -> Path:
    """Where the receipt of a swap goes: the part, the last words of the value, and a hash that tells it from others.

    >>> path_of(Path("blame"), "planner=local:/home/ann/models/planner.gguf")
    PosixPath('blame/planner-planner.gguf-2efccd.jsonl')
    """
    if swap == CONTROL:
        return out / f"{CONTROL}.jsonl"
    part, _, value = swap.partition("=")
    digest = hashlib.sha256(swap.encode()).hexdigest()
    last = re.sub(r"[^\w.-]+", "_", re.split(r"[/:]", value)[-1])
    return out / f"{part}-{last[-_LONGEST:]}-{digest[:6]}.jsonl"


def _against(control: Blame, blame: Blame) -> Blame:
    if not control.receipt or not blame.receipt:
        return blame
    return replace(blame, gain=compare(control.receipt, blame.receipt))


def _rank(blame: Blame) -> float:
    """The best first, and what was stopped last."""
    return -estimate(blame.receipt.records).mean if blame.receipt else 1.0


def _differences(receipt: Receipt, control: Blame) -> list[str]:
    """What the control was not run with as the receipt was, though it should have been."""
    if not control.receipt:
        return []
    header = control.receipt.header
    on_purpose = {"benchmark": header.benchmark, "seed": header.seed}
    judge = {} if header.judge else {"judge": None}  # none of the failed items may have wanted it
    return differences(receipt.header.model_copy(update={**on_purpose, **judge}), header)
