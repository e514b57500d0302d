"""The time of a tool call, which stands still while it waits in a queue or for an engine: who waits is not slow."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_running: ContextVar[asyncio.Timeout | None] = ContextVar("running", default=None)


@contextmanager
def clock_of(timer: asyncio.Timeout) -> Iterator[None]:
    """Let what runs inside stop the clock of this timer, which is running."""
    token = _running.set(timer)
    try:
        yield
    finally:
        _running.reset(token)


@contextmanager
def clock_stopped() -> Iterator[None]:
    """Nothing inside counts as time of the tool call that it belongs to, if there is one.

    Where several tasks of one call wait at once, the clock goes on when the first has its turn.
    """
    timer = _running.get()
    end = timer.when() if timer and not timer.expired() else None
    if timer is None or end is None:  # no limit, stopped already, or run out
        yield
        return
    loop = asyncio.get_running_loop()
    left = end - loop.time()
    timer.reschedule(None)
    try:
        yield
    finally:
        timer.reschedule(loop.time() + left)
