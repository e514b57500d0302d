"""One child process, from its start to the moment when nothing of it is left: fed, watched, limited, ended."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from agentflow.errors import InfraError
from agentflow.tools.sandbox.capture import HeadAndTail
from agentflow.tools.sandbox.contract import Limits

SECONDS_TO_START = 30.0
SECONDS_TO_CLOSE = 1.0  # after the end, for the last holder of a pipe to let go of it
READ_SIZE = 1 << 16
FIRST_PROCESS = re.compile(r'"child-pid": (\d+)')


@dataclass(frozen=True)
class Descriptors:
    """Open files that a command line names by number; the child has them under the same numbers.

    `seccomp` is to be read; the child writes to `information` what `bwrap --info-fd` does, and to `started` one byte.
    """

    seccomp: int
    information: int
    started: int


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    `started` is whether it said so itself. `stopped_for` is set where it was we who ended it. `exit_status` is
    negative where a signal ended the child itself. `seconds` count from its start.
    """

    started: bool
    stopped_for: Literal["time", "output"] | None
    exit_status: int
    stdout: HeadAndTail
    stderr: HeadAndTail
    seconds: float


class Pipe:
    """A pipe from the child, drained by the event loop as it fills.

    `full` is done when more than `limit` bytes came, `closed` when no process holds the write end any more.
    """

    def __init__(self, limit: int, kept: int) -> None:
        self.content = HeadAndTail(kept)
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self.full: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> Self:
        self._loop.add_reader(self._read_end, self._drain)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self.close_write_end()

    def close_write_end(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._read_end, READ_SIZE)
            self.content.add(data)
            if not data:
                self._loop.remove_reader(self._read_end)
                self.closed.set_result(None)
            elif self.content.total > self._limit and not self.full.done():
                self.full.set_result(None)


async def execute(
    command: Callable[[Descriptors], Sequence[str]], *, stdin: bytes, seccomp: bytes, limits: Limits
) -> Ended:
    """Run `command` in an empty environment and wait until it is gone, within its limits.

    Raises `InfraError` where the machine has no room for another process. Whether it returns, raises or is cancelled,
    no process, descriptor or file is left. The clock starts when the child writes a byte to `Descriptors.started`.
    """
    with contextlib.ExitStack() as resources:
        try:
            stdout = resources.enter_context(Pipe(limits.output_bytes, limits.kept_output_bytes))
            stderr = resources.enter_context(Pipe(limits.output_bytes, limits.kept_output_bytes))
            information = resources.enter_context(Pipe(limit=4096, kept=4096))
            started = resources.enter_context(Pipe(limit=0, kept=16))
            policy = resources.enter_context(memory_file(seccomp))
            program = resources.enter_context(memory_file(stdin))
            descriptors = Descriptors(policy, information.write_end, started.write_end)
            process = spawn(command(descriptors), descriptors, program, stdout.write_end, stderr.write_end)
            exited = resources.enter_context(exit_of(process))
        except OSError as error:
            raise InfraError(f"no process could be started: {error}") from error
        pipes = (stdout, stderr, information, started)
        for pipe in pipes:
            pipe.close_write_end()
        begun = time.monotonic()
        try:
            await first_of(exited, started.full, seconds=SECONDS_TO_START)
            begun = time.monotonic()
            if started.full.done():
                await first_of(exited, stdout.full, stderr.full, seconds=limits.seconds)
        finally:
            seconds = time.monotonic() - begun
            by_itself = exited.done()
            await end(process, exited, information, pipes)
        return Ended(
            started=started.content.total > 0,
            stopped_for=None if by_itself else "output" if stdout.full.done() or stderr.full.done() else "time",
            exit_status=process.returncode,
            stdout=stdout.content,
            stderr=stderr.content,
            seconds=seconds,
        )


def spawn(
    arguments: Sequence[str], inherited: Descriptors, stdin: int, stdout: int, stderr: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the program is not on the command line
        arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=(inherited.seccomp, inherited.information, inherited.started),
        env={},
        cwd="/",
        start_new_session=True,  # Ctrl-C in the terminal is ours to handle
    )


async def end(
    process: subprocess.Popen[bytes], exited: asyncio.Future[None], information: Pipe, pipes: Sequence[Pipe]
) -> None:
    """Kill the child, unless it has ended, and wait until nothing of it is left; a cancellation has to wait for that.

    The first process of the jail goes first, and the kernel takes everything else in there with it. bubblewrap's own
    `--die-with-parent` is for our sudden death only: whoever kills bubblewrap while it is still at work on the jail
    leaves a process behind that waits for it for ever, or goes on.
    """
    cancelled = False
    if not exited.done():
        known = (exited, information.closed)
        cancelled |= await wait(known, SECONDS_TO_START, asyncio.FIRST_COMPLETED)
        first = FIRST_PROCESS.search(information.content.text())
        if first and not exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(first[1]), signal.SIGKILL)
        process.kill()
        cancelled |= await wait((exited,))
    process.wait()  # returns at once, for it is dead
    cancelled |= await wait([pipe.closed for pipe in pipes], SECONDS_TO_CLOSE)
    if cancelled:
        raise asyncio.CancelledError


@contextlib.contextmanager
def memory_file(content: bytes) -> Iterator[int]:
    """The descriptor of a file that is only in memory, at its start: a pipe would block on a long content."""
    descriptor = os.memfd_create("agentflow")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def exit_of(process: subprocess.Popen[bytes]) -> Iterator[asyncio.Future[None]]:
    """A future that is done when the process has ended, whoever else still holds its pipes."""
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[None] = loop.create_future()
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        process.kill()
        process.wait()
        raise

    def note() -> None:
        loop.remove_reader(descriptor)
        exited.set_result(None)

    loop.add_reader(descriptor, note)
    try:
        yield exited
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def first_of(*futures: asyncio.Future[None], seconds: float) -> None:
    """Wait until one of them is done or the time is over."""
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def wait(
    futures: Sequence[asyncio.Future[None]], seconds: float | None = None, until: str = asyncio.ALL_COMPLETED
) -> bool:
    """Wait for them even when cancelled meanwhile; returns whether that happened, for the caller to raise it."""
    cancelled = False
    while True:
        try:
            await asyncio.wait(futures, timeout=seconds, return_when=until)
            return cancelled
        except asyncio.CancelledError:
            cancelled = True
