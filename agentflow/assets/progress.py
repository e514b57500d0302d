"""What the user sees while something big happens: a bar on a terminal, plain lines elsewhere. Always on stderr."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

POLL_SECONDS = 0.2
BIG_BYTES = 50_000_000


class Progress(Protocol):
    """Where news goes. `say` shows one line; `bar` shows bytes done out of `total`, set by calling what it yields."""

    def say(self, line: str) -> None: ...

    def bar(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...


class BarProgress:
    """For terminals: lines, and a bar that moves."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        self.say(label)  # on a line of its own: names of models fill a terminal
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(label, total=total)
            yield lambda done: bars.update(task, completed=done)


class LineProgress:
    """For log files and pipes: a line at the start and, if it is big, one for each tenth that is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        self.say(f"{label}: {decimal(total)}")
        tenths = 0

        def advance(done: int) -> None:
            nonlocal tenths
            reached = min(10, 10 * done // max(total, 1))
            if total >= BIG_BYTES and reached > tenths:
                tenths = reached
                self.say(f"{label}: {10 * tenths} %")

        yield advance


class NoProgress:
    """For callers that want silence."""

    def say(self, line: str) -> None: ...

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002
        yield lambda _: None


def open_progress(*, bar: bool | None = None) -> Progress:
    """Progress on stderr: with a bar if `bar` is true, or if it is not given and stderr is a terminal."""
    wanted = sys.stderr.isatty() if bar is None else bar
    return BarProgress(sys.stderr) if wanted else LineProgress(sys.stderr)


@contextmanager
def watched(folder: Path, advance: Callable[[int], None], before: int = 0) -> Iterator[None]:
    """While the body runs, tell `advance` how many bytes `folder` holds, plus `before`.

    For downloads that another program does: it reports to nobody, but its files grow.
    """
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(POLL_SECONDS):
            advance(before + bytes_under(folder))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def bytes_under(folder: Path) -> int:
    """Bytes of all files under `folder`; 0 if it is not there. Files that vanish meanwhile are not counted."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob it does not mind a folder that vanishes
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
