"""`agentflow train`, live: the reward curve, what runs now, where the time goes, and how much is left."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agentflow.cli.notices import notice
from agentflow.train.trainer import Watcher

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_SHOWN = (
    ("reward", "reward/mean"),
    ("loss", "loss"),
    ("no difference", "groups/zero_variance"),
    ("turns", "turns/mean"),
    ("kl", "kl"),
    ("entropy", "entropy"),
    ("clipped", "clip_fraction"),
    ("gap", "gap"),
    ("gradient", "grad_norm"),
)
_PHASES = ("rollout", "judge", "learn", "publish")  # the judge works while the rollouts run


def sparkline(values: list[float], width: int = _WIDTH) -> str:
    """The last values between 0 and 1 as one line of bars.

    >>> sparkline([0.0, 0.5, 1.0])
    '▁▅█'
    """
    return "".join(_BARS[min(7, max(0, int(value * 8)))] for value in values[-width:])


class TrainingView(Watcher):
    """Shows a run while it goes on; a line a step where nobody watches (a pipe, a log file)."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._num_steps = 0
        self._rewards: list[float] = []
        self._validations: list[tuple[int, float]] = []
        self._last: Mapping[str, float] = {}
        self._step = 0
        self._seconds: list[float] = []
        self._began = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )
        self._running = self._progress.add_task("loading", total=None)
        self._live = Live(self, console=self._console, refresh_per_second=4) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.__exit__(kind, error, at)

    def begin(self, step: int, num_steps: int) -> None:
        self._step, self._num_steps = step, num_steps

    def phase(self, name: str, total: int = 0) -> None:
        self._progress.reset(self._running, total=total or None, description=name)

    def advance(self) -> None:
        self._progress.advance(self._running)

    def step(self, metrics: Mapping[str, float], step: int) -> None:
        if "reward/mean" in metrics:  # imitation has none
            self._rewards.append(metrics["reward/mean"])
        self._seconds.append(sum(metrics.get(f"seconds/{name}", 0.0) for name in _PHASES if name != "judge"))
        self._last, self._step = metrics, step
        if not self._live:
            self._console.print(Text(self._line(step)), soft_wrap=True)

    def validation(self, metrics: Mapping[str, float], step: int) -> None:
        self._validations.append((step, metrics["reward/mean"]))
        self._step = max(self._step, step)
        if not self._live:
            self._console.print(Text(f"validation after step {step}: reward {metrics['reward/mean']:.3f}"))

    def notice(self, line: str) -> None:
        notice(line, self._console)

    def _line(self, step: int) -> str:
        shown = " ".join(f"{label} {self._last[name]:.3f}" for label, name in _SHOWN if name in self._last)
        phases = " ".join(f"{name} {seconds:.0f}s" for name, seconds in self._phase_seconds())
        return f"step {step}/{self._num_steps}: {shown} | {phases} | {self._time_left()}"

    def _phase_seconds(self) -> list[tuple[str, float]]:
        return [(name, self._last[f"seconds/{name}"]) for name in _PHASES if f"seconds/{name}" in self._last]

    def _time_left(self) -> str:
        if not self._seconds:
            return "time left unknown"
        recent = self._seconds[-10:]
        left = sum(recent) / len(recent) * (self._num_steps - self._step)
        return f"about {left / 60:.0f} min left"

    def __rich__(self) -> RenderableType:
        title = Text(f"step {self._step} of {self._num_steps}, {self._time_left()}", style="bold")
        curve = Text(f"reward      {sparkline(self._rewards)} " + (f"{self._rewards[-1]:.3f}" if self._rewards else ""))
        return Group(title, curve, self._validation_line(), self._table(), self._progress)

    def _validation_line(self) -> Text:
        text = sparkline([reward for _, reward in self._validations])
        last = f" {self._validations[-1][1]:.3f} after step {self._validations[-1][0]}" if self._validations else ""
        return Text(f"validation  {text}{last}")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        names = [(label, name) for label, name in _SHOWN if name in self._last]
        table.add_row(*(Text(label, style="dim") for label, _ in names))
        table.add_row(*(f"{self._last[name]:.3f}" for _, name in names))
        phases = "  ".join(f"{name} {seconds:.0f} s" for name, seconds in self._phase_seconds())
        outer = Table.grid()
        outer.add_row(table)
        outer.add_row(Text(phases, style="dim"))
        return outer
