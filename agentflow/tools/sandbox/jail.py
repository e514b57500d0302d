"""The default sandbox on Linux: one bubblewrap jail, made for one program and gone with it.

The jail has namespaces of its own for mounts, processes, network, IPC, host name and cgroups; no capabilities; an
empty environment; the file system of `layout`; the system calls of `seccomp`; the limits of `runner`. A program in it
runs as an ordinary user: within a user namespace where we are an ordinary user ourselves, and under a real user id of
its own where we are root, since the kernel's limit on processes and threads does not bind root under any name.

It does not protect from faults of the kernel itself, and there are two costs that it can not bound but by time: a
program that does nothing but create empty files takes about 1 KiB of kernel memory for each (some 150 MiB a second),
and one that computes slows its neighbours down as any other process does.
"""

import asyncio
import contextlib
import functools
import importlib.resources
import math
import os
import platform
import re
import secrets
import signal
import weakref
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from agentflow.clock import clock_stopped
from agentflow.errors import InfraError
from agentflow.tools.sandbox.contract import Limits, SandboxResult, SandboxStatus
from agentflow.tools.sandbox.layout import INTERPRETER, PRIVATE_DIRECTORY, Layout
from agentflow.tools.sandbox.process import Descriptors, Ended, execute
from agentflow.tools.sandbox.seccomp import Architecture, filter_program

MIB = 1 << 20
OUT_OF_MEMORY = 120  # the runner's exit status for a MemoryError that nobody caught
CPU_TIME = re.compile(r"\0cpu (\d+\.\d+)\0\Z")
# User ids that no distribution gives to people, services or containers (systemd lists them as unused).
FIRST_UNUSED_USER_ID, UNUSED_USER_IDS = 0x70000000, 0x0FFF0000

NAMESPACES = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "sandbox", "--new-session", "--die-with-parent"),
    *("--cap-drop", "ALL"),  # bubblewrap would keep every capability of root
)
USER_NAMESPACE = ("--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534")
REAL_USER = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")  # which the runner gives up, before the program runs

_cores: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = weakref.WeakKeyDictionary()


def is_root() -> bool:
    """Whether we are root itself, and not root of some user namespace, which is an ordinary user to the kernel."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]


@dataclass(frozen=True)
class Jail:
    """Runs programs with `bubblewrap`, the path of its executable (version 0.8 or newer).

    `user_namespace` is whether they run within a user namespace or under a real user id of their own; the latter needs
    root, and root needs the latter.

    >>> import asyncio
    >>> asyncio.run(Jail("/usr/bin/bwrap").run("print(6 * 7)", Limits())).stdout  # doctest: +SKIP
    '42\\n'
    """

    bubblewrap: str
    layout: Layout = field(default_factory=Layout.of_this_interpreter)
    user_namespace: bool = field(default_factory=lambda: not is_root())

    @property
    def tier(self) -> str:
        return "bubblewrap"

    async def run(self, code: str, limits: Limits) -> SandboxResult:
        """Run a program; waiting for a free core is outside of its limits, and of the tool call's.

        Raises `InfraError` when the jail could not start, twice in a row.
        """
        async with core():
            try:
                return await self._attempt(code, limits)
            except InfraError:
                return await self._attempt(code, limits)

    async def _attempt(self, code: str, limits: Limits) -> SandboxResult:
        ended = await execute(
            functools.partial(self.command, limits),
            stdin=code.encode("utf-8", "surrogatepass"),
            seccomp=filter_program(cast(Architecture, platform.machine())),
            limits=limits,
        )
        killed_by_others = ended.exit_status < 0 and ended.stopped_for is None
        if not ended.started or killed_by_others:
            reason = ended.stderr.text().strip() or f"bubblewrap ended with status {ended.exit_status}"
            raise InfraError(f"the sandbox did not start: {reason[-500:]}")
        return result_of(ended, self.tier)

    def command(self, limits: Limits, descriptors: Descriptors) -> Sequence[str]:
        """The command line of one execution."""
        settings = {
            "cpu_seconds": math.ceil(limits.seconds),
            "memory": limits.memory_mib * MIB,
            "disk": limits.disk_mib * MIB,
            "threads": limits.threads,
            "user_id": 0 if self.user_namespace else FIRST_UNUSED_USER_ID + secrets.randbelow(UNUSED_USER_IDS),
            "started": descriptors.started,
            "out_of_memory": OUT_OF_MEMORY,
        }
        return [
            self.bubblewrap,
            *NAMESPACES,
            *(USER_NAMESPACE if self.user_namespace else REAL_USER),
            *self.layout.arguments,
            *("--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"),
            *("--perms", "1777", "--size", str(limits.disk_mib * MIB), "--tmpfs", PRIVATE_DIRECTORY),
            *("--chdir", PRIVATE_DIRECTORY, "--remount-ro", "/"),
            *("--seccomp", str(descriptors.seccomp), "--info-fd", str(descriptors.information)),
            *(INTERPRETER, "-s", "-S", "-P", "-B", "-c", runner_text()),
            *(f"{name}={value}" for name, value in settings.items()),
        ]


@contextlib.asynccontextmanager
async def core() -> AsyncIterator[None]:
    """A core to run on, among all jails of an event loop: a program's time should be its own."""
    free = _cores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(len(os.sched_getaffinity(0))))
    with clock_stopped():
        await free.acquire()
    try:
        yield
    finally:
        free.release()


@functools.cache
def runner_text() -> str:
    return importlib.resources.files("agentflow.tools.sandbox").joinpath("runner.py").read_text("utf-8")


def result_of(ended: Ended, tier: str) -> SandboxResult:
    status, signal_name = judge(ended)
    stderr = ended.stderr.text()
    account = CPU_TIME.search(stderr)
    return SandboxResult(
        status=status,
        stdout=ended.stdout.text(),
        stderr=stderr[: account.start()] if account else stderr,
        cpu_seconds=float(account[1]) if account else None,
        wall_seconds=ended.seconds,
        signal=signal_name,
        tier=tier,
    )


def judge(ended: Ended) -> tuple[SandboxStatus, str]:
    """The status of a program that did start, and the name of the signal that ended it, if one did."""
    if ended.stopped_for is not None:
        return (SandboxStatus.TIMED_OUT if ended.stopped_for == "time" else SandboxStatus.OUTPUT_LIMIT), ""
    if ended.exit_status in (0, OUT_OF_MEMORY):
        return (SandboxStatus.OUT_OF_MEMORY if ended.exit_status else SandboxStatus.OK), ""
    number = ended.exit_status - 128  # as shells and bubblewrap count
    if number == signal.SIGXCPU:
        return SandboxStatus.TIMED_OUT, ""
    if number in signal.valid_signals():
        return SandboxStatus.CRASHED, signal.Signals(number).name
    return SandboxStatus.ERROR, ""
