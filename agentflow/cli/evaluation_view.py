"""What somebody sees of an evaluation: a bar while it runs (lines now and then, in a file), and a table at its end."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from agentflow.evaluation.receipt import Estimate, Receipt, Record, Summary
from agentflow.evaluation.second_opinion import agreement_of_judged
from agentflow.types import Outcome, Usage

LINE_SECONDS = 60.0  # between two lines, where nobody watches
UNCOMPARED = "comparisons of mathematics came to no end, and count as not equal"


@dataclass
class Progressing:
    """How far an evaluation is, for its bar and its lines."""

    name: str
    num_trials: int = 0
    num_done: int = 0
    num_before: int = 0
    marks: float = 0.0
    failures: int = 0
    usage: Usage = field(default_factory=Usage)  # the judge's too
    dollars: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def add(self, record: Record) -> None:
        """Count one more."""
        self.num_done += 1
        self.marks += record.value
        self.failures += bool(record.failure)
        self.usage += record.usage + record.judge_usage
        self.dollars += record.dollars

    @property
    def seconds_left(self) -> float | None:
        """At the speed of this run; None before there is any."""
        done_now = self.num_done - self.num_before
        spent = time.monotonic() - self.started
        return (self.num_trials - self.num_done) * spent / done_now if done_now else None

    def text(self) -> str:
        """Accuracy, failures and cost so far."""
        share = f"{100 * self.marks / self.num_done:.1f} % right" if self.num_done else "nothing done"
        failed = f", {self.failures} failed" if self.failures else ""
        cost = f", {money(self.dollars)}" if self.dollars else ""
        return f"{share}{failed}, {short(self.usage.total_tokens)} tokens{cost}"

    def left(self) -> str:
        """The time that is left, in words; nothing before it can be told."""
        left = self.seconds_left
        return "" if left is None else f"{duration(left)} left"

    def line(self) -> str:
        """All of it, for a log."""
        left = self.left()
        return f"{self.name}: {self.num_done}/{self.num_trials}, {self.text()}{left and f', {left}'}"


class EvaluationView:
    """Follows one benchmark, on standard error."""

    def __init__(self, name: str, console: Console) -> None:
        self.console = console
        self.so_far = Progressing(name)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), MofNCompleteColumn())
        self._bar = Progress(
            *columns,
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),  # the bar's own estimate forgets what took over 30 s
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=None, words="opening engines and tools", left="")
        self._said = time.monotonic()

    @classmethod
    @contextmanager
    def of(cls, name: str, console: Console) -> Iterator[Self]:
        """A view that is on the screen for as long as the context lasts."""
        view = cls(name, console)
        with view._bar:
            yield view

    def begin(self, num_trials: int, done: Sequence[Record]) -> None:
        """See `Watcher`."""
        for record in done:
            self.so_far.add(record)
        self.so_far.num_trials, self.so_far.num_before = num_trials, len(done)
        self.so_far.started = time.monotonic()
        self._bar.update(self._task, total=num_trials, completed=len(done), words=self.so_far.text())
        if done and not self.console.is_terminal:
            self.console.print(Text(f"{self.so_far.name}: {len(done)} of {num_trials} are there already"))

    def end_trial(self, record: Record) -> None:
        """See `Watcher`."""
        self.so_far.add(record)
        so_far = self.so_far
        self._bar.update(self._task, completed=so_far.num_done, words=so_far.text(), left=so_far.left())
        if not self.console.is_terminal and time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            self.console.print(Text(self.so_far.line()), soft_wrap=True)


def result_table(receipts: Sequence[Receipt]) -> Table:
    """A row a benchmark. Accuracy counts a failed item as wrong; where there is one, "scored" leaves such items out."""
    summaries = {receipt.header.benchmark.name: receipt.header.summary for receipt in receipts}
    found = {name: summary for name, summary in summaries.items() if summary}
    several = any(summary.num_trials > 1 for summary in found.values())
    failed = any(summary.failures for summary in found.values())
    paid = any(summary.dollars for summary in found.values())
    rows = {name: _cells(summary, several=several, failed=failed, paid=paid) for name, summary in found.items()}
    headings = list(dict.fromkeys(heading for row in rows.values() for heading in row))
    columns = [Column(heading, justify="right", no_wrap=True) for heading in headings]
    first = Column("benchmark", no_wrap=True)
    table = Table(first, *columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, row in rows.items():
        table.add_row(Text(name), *row.values())
    return table


def _cells(summary: Summary, *, several: bool, failed: bool, paid: bool) -> dict[str, str]:
    """A row of the table, by its headings."""
    accuracy = {
        "items": f"{summary.num_items} x {summary.num_trials}" if several else f"{summary.num_items}",
        "avg@k" if several else "accuracy": percent(summary.accuracy),
        "95 %": interval(summary.accuracy),
    }
    passed = {"pass@k": f"{100 * summary.pass_at[summary.num_trials]:.1f} %"} if several else {}
    scored = {"scored": percent(summary.accuracy_without_failures)} if failed else {}
    spent = {
        "failed": f"{100 * summary.failure_rate:.1f} %",
        "turns": f"{summary.mean_turns:.2f}",
        "tokens": short(summary.usage.total_tokens),
        **({"cost": money(summary.dollars)} if paid else {}),
        "s each": f"{summary.seconds / summary.accuracy.num:.1f}",
    }
    return accuracy | passed | scored | spent


def remarks(receipt: Receipt) -> Iterator[str]:
    """What the table has no room for: how solves ended that did not simply answer, and why some failed."""
    summary = receipt.header.summary
    assert summary
    told = (Outcome.ANSWERED, Outcome.INFRA_ERROR, Outcome.INTERRUPTED)  # the last two are failures
    endings = {outcome: num for outcome, num in summary.outcomes.items() if outcome not in told}
    if endings:
        yield "not answered: " + ", ".join(f"{outcome.replace('_', ' ')} {num}" for outcome, num in endings.items())
    if summary.num_empty_answers:
        yield f"empty answers: {summary.num_empty_answers}"
    if summary.num_timeouts:
        remedy = "more time (budget.tool_seconds) or fewer solves at once may change answers"
        yield f"calls of tools that ran out of time: {summary.num_timeouts}; {remedy}"
    if summary.num_uncompared:
        yield f"{summary.num_uncompared} {UNCOMPARED}"
    if summary.judge_usage.total_tokens:
        yield f"tokens of the judge: {short(summary.judge_usage.total_tokens)}"
    agreed = agreement_of_judged(receipt.records)
    if agreed:
        yield f"{agreed.text()} (the rule is exact match)"
    for kind, num in summary.failures.items():
        error, times = Counter(record.error for record in receipt.records if record.failure == kind).most_common(1)[0]
        yield f"failed ({kind}): {num}, {100 * num / summary.accuracy.num:.1f} %; {times} x {error}"


def interval(estimate: Estimate) -> str:
    """
    >>> interval(Estimate(mean=0.5, low=0.4038, high=0.5962, standard_error=0.05, num=100))
    '40.4 - 59.6'
    """
    return f"{100 * estimate.low:.1f} - {100 * estimate.high:.1f}"


def percent(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{100 * estimate.mean:.1f} %"


def short(number: int) -> str:
    """
    >>> short(950), short(12_345), short(3_456_789)
    ('950', '12 k', '3.5 M')
    """
    if number < 1000:
        return str(number)
    return f"{number / 1000:.0f} k" if number < 999_500 else f"{number / 1e6:.1f} M"


def money(dollars: float) -> str:
    """
    >>> money(12.345), money(0.00123), money(0)
    ('$12.35', '$0.0012', '$0.00')
    """
    return f"${dollars:.4f}" if 0 < dollars < 0.1 else f"${dollars:.2f}"


def duration(seconds: float) -> str:
    """
    >>> duration(42), duration(125), duration(7384)
    ('42 s', '2 min', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
