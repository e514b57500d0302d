"""What a jailed program costs, beside the same program without a jail, interleaved in the same run.

python perf/sandbox_latency.py [rounds]
"""

import asyncio
import functools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from agentflow.tools.sandbox import Limits, Sandbox, SandboxStatus, working_jail

PROGRAMS = {
    "print(1)": "print(1)",
    "sympy": "import sympy\nx = sympy.Symbol('x')\nprint(sympy.integrate(sympy.sin(x) ** 2, (x, 0, sympy.pi)))",
}
LIMITS = Limits(seconds=60)


async def jailed(sandbox: Sandbox, code: str) -> None:
    result = await sandbox.run(code, LIMITS)
    assert result.status is SandboxStatus.OK, result


async def plain(code: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.DEVNULL)
    assert await process.wait() == 0


async def timed(run: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await run()
    return (time.perf_counter() - begun) * 1000


async def throughput(sandbox: Sandbox, code: str, count: int) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(jailed(sandbox, code) for _ in range(count)))
    return count / (time.perf_counter() - begun)


async def measure(sandbox: Sandbox, rounds: int) -> None:
    print(f"{'program':10} {'where':8} {'p50 ms':>8} {'p90 ms':>8} {'best ms':>8}   ({rounds} rounds)")
    for name, code in PROGRAMS.items():
        times: dict[str, list[float]] = {"plain": [], "jailed": []}
        for _ in range(rounds):
            times["plain"].append(await timed(functools.partial(plain, code)))
            times["jailed"].append(await timed(functools.partial(jailed, sandbox, code)))
        for where, milliseconds in times.items():
            p50, p90 = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=10)[-1]
            print(f"{name:10} {where:8} {p50:8.1f} {p90:8.1f} {min(milliseconds):8.1f}")
        cores = len(os.sched_getaffinity(0))
        print(f"{name:10} jailed   {await throughput(sandbox, code, rounds):8.1f} a second on {cores} cores")


if __name__ == "__main__":
    begun = time.perf_counter()
    jail, packages = working_jail()
    print(f"trial at start: {time.perf_counter() - begun:.2f} s, importable: {', '.join(packages)}")
    asyncio.run(measure(jail, int(sys.argv[1]) if len(sys.argv) > 1 else 40))
