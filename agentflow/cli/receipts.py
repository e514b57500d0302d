"""`agentflow rescore` and `agentflow compare`: a receipt's number once more, and two receipts side by side."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from agentflow.cli.evaluation_view import UNCOMPARED, interval
from agentflow.cli.judging import opened_judge
from agentflow.config import Config, load_config
from agentflow.errors import ConfigError
from agentflow.evaluation.compare import Comparison, compare
from agentflow.evaluation.receipt import CHANGED, RESCORED, Estimate, Receipt, Record, read_receipt
from agentflow.evaluation.rescore import Change, Rescored, rescore, write_rescored
from agentflow.evaluation.second_opinion import second_opinion

UNFINISHED = "the evaluation is not finished: this is what is there so far"
SHOWN = 20  # changed records, or conditions


def run_rescore(receipts: list[Path], judge: str | None, config_file: Path | None, out: Path | None) -> int:
    """Score anew and print what came out; 1 where any number is another one, unless that goes `out` into a file.

    `judge` is asked for its view as well, under the settings of the file.
    """
    if out and len(receipts) > 1:
        raise ConfigError(f"--out {out} is one file, and {len(receipts)} receipts were named: score them one by one")
    config = load_config(config_file)
    console = Console(highlight=False)
    same = True
    for path in receipts:
        found = rescore(path)
        same &= found.is_same
        lines = _rescored(found)
        if out:
            write_rescored(found, out)
            lines.append(f"receipt: {out}")
        lines += asyncio.run(_judged(path, judge, config)) if judge else []
        for line in lines:
            console.print(Text(line), soft_wrap=True)
    return 0 if same or out else 1


async def _judged(path: Path, specification: str, config: Config) -> list[str]:
    async with opened_judge(specification, config, path.parent) as judge:
        assert judge
        agreed, apart = await second_opinion(read_receipt(path), judge)
    lines = [agreed.text()]
    for one in apart[:SHOWN]:
        said = "right" if one.judged_right else "wrong"
        lines.append(
            f"judged {said}: {_trial(one.record)} scores {one.record.value:g} ({_answer(one.record)}): {one.reason}"
        )
    return [*lines, f"and {len(apart) - SHOWN} more"] if len(apart) > SHOWN else lines


def _rescored(found: Rescored) -> list[str]:
    before, after = found.before.accuracy, found.after.accuracy
    lines = [f"{found.path}: {after.num} records of {found.header.benchmark.name}"]
    if not found.header.finished:
        lines.append(UNFINISHED)
    if found.header.rescored:
        lines.append(f"{RESCORED} {found.header.rescored}")
    if found.num_judged:
        lines.append(f"{found.num_judged} verdicts of a judge are taken as they are")
    if found.after.num_uncompared:
        lines.append(f"{found.after.num_uncompared} {UNCOMPARED}")
    lines += _changes(found)
    if not found.is_intact:
        lines.append(f"the file {CHANGED}")
    lines.append(f"accuracy in the receipt {_exact(before)}")
    ending = "the same to the last digit" if found.is_same else "NOT the same"
    lines.append(f"accuracy scored anew    {_exact(after)}: {ending}")
    return lines


def _changes(found: Rescored) -> list[str]:
    """How many marks changed, the first of them with their answers, the others by name."""
    if not found.changes:
        return []
    lines = [f"{len(found.changes)} of {found.after.accuracy.num} marks changed"]
    lines += [_changed(change) for change in found.changes[:SHOWN]]
    others = [_trial(change.record) for change in found.changes[SHOWN:]]
    return [*lines, f"and of {'; '.join(others)}"] if others else lines


def _changed(change: Change) -> str:
    return f"changed: {_trial(change.record)}: {change.record.score} -> {change.score} ({_answer(change.record)})"


def _trial(record: Record) -> str:
    return f"{record.id}, trial {record.trial}"


def _answer(record: Record) -> str:
    return f"answer {record.answer[:80]!r}, golds {', '.join(map(repr, record.golds))[:80]}"


def _exact(estimate: Estimate) -> str:
    return f"{estimate.mean!r} [{estimate.low!r}, {estimate.high!r}]"


def run_compare(first: Path, second: Path, *, common: bool) -> int:
    """Print the difference of two receipts."""
    receipts = [read_receipt(path, trajectories=False) for path in (first, second)]
    found = compare(*receipts, common=common)
    console = Console(highlight=False)
    name = Column("receipt", overflow="fold")
    table = Table(name, "accuracy", "95 %", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for path, estimate in ((first, found.first), (second, found.second)):
        table.add_row(Text(str(path)), f"{100 * estimate.mean:.1f} %", interval(estimate))
    console.print(table)
    of_each = [line for receipt in receipts for line in (*_left_out(receipt, found.num_pairs), *state_of(receipt))]
    for line in (*of_each, *_compared(found)):
        console.print(Text(line), soft_wrap=True)
    return 0


def state_of(receipt: Receipt) -> Iterator[str]:
    """What keeps a receipt from being that of a whole run under its own rules."""
    if not receipt.is_finished:
        yield f"{receipt.path}: {UNFINISHED}"
    if receipt.header.rescored:
        yield f"{receipt.path}: {RESCORED} {receipt.header.rescored}"
    if not receipt.is_intact:
        yield f"{receipt.path} {CHANGED}"


def _left_out(receipt: Receipt, num_pairs: int) -> Iterator[str]:
    left_out = len(receipt.records) - num_pairs
    if left_out:
        yield f"{receipt.path}: {left_out} of {len(receipt.records)} records are left out"


def _compared(found: Comparison) -> list[str]:
    pairs = f"{found.num_items} items" + (f", {found.num_pairs} pairs" if found.num_pairs > found.num_items else "")
    change, low, high = _points(found)
    lines = [
        f"{pairs}: {_split(found)}",
        f"difference {change} points, 95 % interval {low} to {high} (paired bootstrap)",
        f"McNemar's exact test: p = {found.p:.3g}",
    ]
    if any(found.num_failures):
        first, second = found.num_failures
        lines.append(f"failures, which count as wrong: {first} of the first, {second} of the second")
        lines.append(_without_failures(found.without_failures))
    if found.conditions:
        lines.append("what else differs:")
        lines += [f"  {condition}" for condition in found.conditions[:SHOWN]]
        lines += [f"  and {len(found.conditions) - SHOWN} more"] if len(found.conditions) > SHOWN else []
    return lines


def _without_failures(found: Comparison | None) -> str:
    if not found:
        return "there is no item on which neither failed"
    change, low, high = _points(found)
    return (
        f"{found.num_items} items without a failure: {_split(found)}; "
        f"difference {change} points ({low} to {high}), p = {found.p:.3g}"
    )


def _split(found: Comparison) -> str:
    same = found.num_items - found.better - found.worse
    return f"the second is better on {found.better}, worse on {found.worse}, the same on {same}"


def _points(found: Comparison) -> list[str]:
    """The difference and both ends of its interval."""
    return [f"{100 * number:+.1f}" for number in (found.difference, *found.interval)]
