"""Processes that compare mathematics, so that no expression can hang or crash the caller.

An expression such as 9^9^9^9 keeps a library of computer algebra busy for ever, in C code that no exception reaches.
So each item gets some seconds of processor time in another process, which ends when the item takes more. Processor
time and not the clock, so that an item gets the same answer on a busy machine; a limit on the clock stands behind it.
"""

import atexit
import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import IO, NamedTuple

from agentflow.errors import ConfigError, InfraError
from agentflow.scoring.math_worker import EQUAL, READY

SECONDS = 3.0  # of processor time, for one item
CLOCK = 12  # times as long may pass on the clock
START_SECONDS = 120.0


class MathCounts(NamedTuple):
    """How many items a pool was asked, and how many of them got no answer: out of time, or the process died."""

    asked: int = 0
    out_of_time: int = 0
    crashed: int = 0


@dataclass
class Uncompared:
    """How many items got no answer."""

    num: int = 0


_HERE: ContextVar[Uncompared | None] = ContextVar("uncompared", default=None)


@contextmanager
def uncompared() -> Iterator[Uncompared]:
    """Count the items without an answer that are asked for inside this context, or by `asyncio.to_thread` from it."""
    found = Uncompared()
    token = _HERE.set(found)
    try:
        yield found
    finally:
        _HERE.reset(token)


class MathPool:
    """Up to `size` processes that run math-verify; they start when they are needed and wait for the next item.

    `equal` may be called from any number of threads. `close` ends the processes and may be called twice; a pool that
    is asked again after that starts new ones. The processes end with this one, however it ends.
    """

    def __init__(self, size: int | None = None, seconds: float = SECONDS) -> None:
        self.size = size or min(4, os.cpu_count() or 1)
        self.seconds = seconds
        self.counts = MathCounts()
        self._renew()

    def equal(self, gold: str, answer: str) -> bool:
        """Whether an answer equals the gold. An item that ends its process is not equal, and is counted.

        Raises `ConfigError` if math-verify is not installed, `InfraError` if its process can not be started.
        """
        self._count(asked=1)
        with self._worker() as worker:
            reply = worker.ask(gold, answer, self.seconds)
        if reply is None:
            self._count(out_of_time=int(worker.out_of_time), crashed=int(not worker.out_of_time))
            if here := _HERE.get():
                here.num += 1
        return reply == EQUAL

    def close(self) -> None:
        """End the processes, after those that are busy have answered."""
        if self._process != os.getpid():
            return
        for _ in range(self.size):
            self._places.acquire()
        while self._idle:
            self._idle.pop().end()
        self._places.release(self.size)

    @contextmanager
    def _worker(self) -> Iterator["_Worker"]:
        if self._process != os.getpid():  # a fork: the processes are the parent's
            self._renew()
        with self._places:
            worker = self._idle.pop() if self._idle else _Worker()
            try:
                yield worker
            except BaseException:
                worker.end()
                raise
            if worker.alive:
                self._idle.append(worker)

    def _renew(self) -> None:
        self._process = os.getpid()
        self._places = threading.BoundedSemaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []

    def _count(self, asked: int = 0, out_of_time: int = 0, crashed: int = 0) -> None:
        with self._lock:
            now = self.counts
            self.counts = MathCounts(now.asked + asked, now.out_of_time + out_of_time, now.crashed + crashed)


@cache
def math_pool() -> MathPool:
    """The pool of this process, which the scorer "math" asks. It is closed when the interpreter ends."""
    pool = MathPool()
    atexit.register(pool.close)
    return pool


def require_math_verify() -> None:
    """Raise `ConfigError` with the remedy if math-verify is not installed."""
    if importlib.util.find_spec("math_verify") is None:
        raise ConfigError("scorer 'math' needs math-verify: pip install 'agentflow-grpo[eval]'")


class _Worker:
    """One process. `alive` is false once it has ended, and then `out_of_time` says whether that was the limit."""

    def __init__(self) -> None:
        require_math_verify()
        self.alive, self.out_of_time = True, False
        # By module and not by file: our `numbers.py` must not hide the standard one.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agentflow.scoring.math_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            bufsize=0,
        )
        if self._line(START_SECONDS) != READY:
            self.end()
            raise InfraError("the process of math-verify did not start; see: python -m agentflow.scoring.math_worker")

    def ask(self, gold: str, answer: str, seconds: float) -> bytes | None:
        """The reply to one item; None if it ended the process, or had to be ended with it."""
        asked = json.dumps({"gold": gold, "answer": answer, "seconds": seconds})
        try:
            os.write(_descriptor(self._process.stdin), asked.encode() + b"\n")
            reply = self._line(CLOCK * seconds)
        except BrokenPipeError:
            reply = None
        if reply is None:
            self.end()
        return reply

    def end(self) -> None:
        """End the process, if it has not ended, and let go of its pipes."""
        self._process.kill()
        ended_by = self._process.wait()
        self.out_of_time = self.out_of_time or ended_by == -signal.SIGPROF
        self._process.__exit__(None, None, None)
        self.alive = False

    def _line(self, seconds: float) -> bytes | None:
        """The next line that the process writes; None if it ends first, or writes none within so many seconds."""
        output, end, received = _descriptor(self._process.stdout), time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    self.out_of_time = True
                    return None
                part = os.read(output, 4096)
                if not part:
                    return None
                received += part
        return received.strip()


def _descriptor(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    return pipe.fileno()
