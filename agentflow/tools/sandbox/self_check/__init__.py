"""Whether a sandbox keeps its promises: found out by live attacks from the inside, and never assumed.

Tools that only looked for an executable have run with their doors open. Any back end can be checked, also one on
another machine: the check knows `run` alone. It aims at things that it makes for the purpose: files, listeners and a
process of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agentflow.errors import InfraError
from agentflow.tools.sandbox.contract import Sandbox
from agentflow.tools.sandbox.self_check.aims import Aims, surroundings
from agentflow.tools.sandbox.self_check.attempts import LIMITS
from agentflow.tools.sandbox.self_check.bounds import (
    disk_is_bounded,
    memory_is_bounded,
    no_process_stays,
    output_is_bounded,
    python_works,
    threads_are_bounded,
    time_is_bounded,
)
from agentflow.tools.sandbox.self_check.walls import (
    kernel_is_out_of_reach,
    no_environment,
    no_host_files,
    no_network,
    nothing_is_changed,
    nothing_passes_on,
    others_are_safe,
    verdict_is_its_own,
)


@dataclass(frozen=True)
class Finding:
    """One promise, and what is wrong with it; nothing, where it holds."""

    promise: str
    fault: str = ""

    @property
    def holds(self) -> bool:
        return not self.fault


async def self_check(sandbox: Sandbox) -> tuple[Finding, ...]:
    """One finding for each promise, in the order of `PROMISES`. Takes about a second.

    A sandbox that can not run a program at all is an `InfraError`.
    """
    async with surroundings() as aims:
        await sandbox.run("pass", LIMITS)  # with the canary in our environment: what starts now could inherit it
        found = [asyncio.create_task(finding(promise, probe(sandbox, aims))) for promise, probe in PROMISES.items()]
        return tuple(await asyncio.gather(*found))


async def finding(promise: str, fault: Awaitable[str]) -> Finding:
    try:
        return Finding(promise, await fault)
    except InfraError as error:
        return Finding(promise, str(error))


Probe = Callable[[Sandbox, Aims], Awaitable[str]]
PROMISES: Mapping[str, Probe] = {
    "ordinary Python runs, and the last value is shown": python_works,
    "a program ends within its time, whatever it does": time_is_bounded,
    "memory is bounded": memory_is_bounded,
    "threads are bounded": threads_are_bounded,
    "its own directory is bounded": disk_is_bounded,
    "output is bounded": output_is_bounded,
    "no process outlives its program": no_process_stays,
    "no network, no sockets": no_network,
    "no file of the host can be read": no_host_files,
    "nothing outside its own directory can be changed": nothing_is_changed,
    "the host's environment can not be seen": no_environment,
    "other processes can not be touched": others_are_safe,
    "nothing passes from one program to the next": nothing_passes_on,
    "a verdict can not be forged, no descriptor is inherited": verdict_is_its_own,
    "the kernel's risky calls are refused": kernel_is_out_of_reach,
}
