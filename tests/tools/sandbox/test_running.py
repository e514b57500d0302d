"""The sandbox from the outside: queues, cancelling, sudden death, and jails that do not start."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from agentflow.config import BudgetConfig
from agentflow.errors import InfraError
from agentflow.flow.ledger import Ledger
from agentflow.flow.tool_call import call_tool
from agentflow.tools.python import PythonTool, Settings
from agentflow.tools.sandbox import Limits, SandboxResult, SandboxStatus
from agentflow.tools.sandbox.jail import Jail, core
from agentflow.tools.sandbox.process import Descriptors, execute

from .jailed import JAIL, needs_jail, run, script


def test_a_queue_costs_no_time(jail: Jail) -> None:
    async def many() -> list[SandboxResult]:
        crowd = 4 * len(os.sched_getaffinity(0))
        limits = Limits(seconds=1.5)
        return await asyncio.gather(*(jail.run("import time\ntime.sleep(0.5)", limits) for _ in range(crowd)))

    assert {result.status for result in asyncio.run(many())} == {SandboxStatus.OK}


@needs_jail
def test_a_queue_costs_the_tool_no_time_either() -> None:
    assert JAIL is not None
    program = PythonTool(JAIL, (), Settings())

    async def queue() -> str:
        async with contextlib.AsyncExitStack() as others:
            for _ in os.sched_getaffinity(0):
                await others.enter_async_context(core())
            call = asyncio.create_task(call_tool(program, {"code": "6 * 7"}, Ledger(BudgetConfig(tool_seconds=2))))
            await asyncio.sleep(2.2)
        return (await call).text

    assert asyncio.run(queue()) == "42"


def test_the_event_loop_goes_on(jail: Jail) -> None:
    async def longest_pause() -> float:
        task = asyncio.create_task(jail.run("while True: print('x' * 1000)", Limits(seconds=1, output_bytes=1 << 40)))
        pauses, last = [], time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            pauses.append(time.monotonic() - last)
            last = time.monotonic()
        return max(pauses)

    assert asyncio.run(longest_pause()) < 0.7


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.3])
def test_cancelling_ends_the_program(jail: Jail, seconds: float) -> None:
    async def cancelled() -> float:
        task = asyncio.create_task(jail.run("while True: pass", Limits(seconds=60)))
        await asyncio.sleep(seconds)
        task.cancel()
        begun = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(cancelled()) < 2


def test_a_loop_that_ends_takes_its_programs_along(jail: Jail) -> None:
    async def abandon() -> set[asyncio.Task[SandboxResult]]:
        tasks = {asyncio.create_task(jail.run("while True: pass", Limits(seconds=60))) for _ in range(2)}
        await asyncio.sleep(0.2)
        return tasks

    assert all(task.cancelled() for task in asyncio.run(abandon()))


def test_our_sudden_death_takes_the_program_along(jail: Jail) -> None:
    code = f"""
import asyncio
from agentflow.tools.sandbox.contract import Limits
from agentflow.tools.sandbox.jail import Jail, core
asyncio.run(Jail({jail.bubblewrap!r}, user_namespace={jail.user_namespace}).run("while True: pass", Limits(seconds=60)))
"""

    def programs() -> list[int]:
        children = psutil.Process().children(recursive=True)
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in children if child.cmdline()[:1] == ["/python/bin/python"]]
        return []

    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until(programs)
        process.kill()
    wait_until(lambda: not programs())


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_holds_the_output_does_not_hold_us() -> None:
    def shell(descriptors: Descriptors) -> list[str]:
        return ["/bin/sh", "-c", f"printf x > /dev/fd/{descriptors.started}; sleep 20 & echo $!"]

    begun = time.monotonic()
    ended = asyncio.run(execute(shell, stdin=b"", seccomp=b"", limits=Limits()))
    assert time.monotonic() - begun < 3
    assert (ended.started, ended.stopped_for, ended.exit_status) == (True, None, 0)
    os.kill(int(ended.stdout.text()), 9)


@needs_jail
def test_a_jail_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    assert JAIL is not None
    tried = tmp_path / "tried"
    fake = script(
        tmp_path / "bwrap", f'[ -e {tried} ] && exec {JAIL.bubblewrap} "$@"\ntouch {tried}\necho no luck >&2\nexit 1'
    )
    assert run(replace(JAIL, bubblewrap=fake), "print(1)").stdout == "1\n"


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$"])
def test_a_jail_that_never_starts_is_the_worlds_mistake(tmp_path: Path, end: str) -> None:
    fake = script(tmp_path / "bwrap", f"echo tried >> {tmp_path}/log\necho no namespaces today >&2\n{end}")
    with pytest.raises(InfraError, match="no namespaces today"):
        run(Jail(fake), "print(1)")
    assert (tmp_path / "log").read_text() == "tried\ntried\n"


def test_no_bubblewrap_at_all_is_the_worlds_mistake(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="No such file"):
        run(Jail(str(tmp_path / "bwrap")), "print(1)")
