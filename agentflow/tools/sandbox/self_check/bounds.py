"""Probes: ordinary programs run, and none takes more than its share of time, memory, threads, disk or output."""

import contextlib
import secrets
import time
from pathlib import Path

from agentflow.tools.sandbox.contract import Limits, Sandbox, SandboxStatus
from agentflow.tools.sandbox.self_check.aims import Aims
from agentflow.tools.sandbox.self_check.attempts import LIMITS, ended, through

SHORT = Limits(seconds=0.4, memory_mib=512)
SECONDS_OF_GRACE = 5.0  # for a sandbox that is far away


async def python_works(sandbox: Sandbox, _: Aims) -> str:
    result = await sandbox.run(
        "import decimal, wave, xml.dom.minidom\n"
        "def f(n): return 1 if n < 2 else n * f(n - 1)\n"
        "if __name__ == '__main__':\n    print([f(n) for n in (5, 20)])\n6 * 7",
        LIMITS,
    )
    wanted = "[120, 2432902008176640000]\n42\n"
    return "" if (result.status, result.stdout) == (SandboxStatus.OK, wanted) else ended(result)


async def time_is_bounded(sandbox: Sandbox, _: Aims) -> str:
    code = "import signal\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n"
    begun = time.monotonic()
    result = await sandbox.run(code + "    except (OSError, ValueError): pass\nwhile True: pass", SHORT)
    late = time.monotonic() - begun > SHORT.seconds + SECONDS_OF_GRACE
    return "it took too long" if late else "" if result.status is SandboxStatus.TIMED_OUT else ended(result)


async def memory_is_bounded(sandbox: Sandbox, _: Aims) -> str:
    code = "kept = []\nfor _ in range(32): kept.append(bytearray(64 << 20))\nprint('2 GiB were to be had')"
    result = await sandbox.run(code, LIMITS)
    stopped = (SandboxStatus.OUT_OF_MEMORY, SandboxStatus.CRASHED)
    if result.status not in stopped:
        return ended(result)
    return await through(sandbox, "attempt('memory behind a descriptor', os.memfd_create, 'x')")


async def output_is_bounded(sandbox: Sandbox, _: Aims) -> str:
    limits = Limits(seconds=20, memory_mib=512, output_bytes=1 << 20)
    result = await sandbox.run("while True: print('x' * 9999)", limits)
    return "" if result.status is SandboxStatus.OUTPUT_LIMIT else ended(result)


async def disk_is_bounded(sandbox: Sandbox, _: Aims) -> str:
    code = "with open('big', 'wb') as file:\n    for _ in range(64): file.write(bytes(1 << 20))"
    result = await sandbox.run(code, Limits(seconds=20, memory_mib=512, disk_mib=8))
    return "" if result.status is SandboxStatus.ERROR else ended(result)


async def threads_are_bounded(sandbox: Sandbox, _: Aims) -> str:
    """A tier that counts all threads of a user lets a few more through when others of them end meanwhile."""
    code = """
import os, threading, time
count = 0
threading.stack_size(65536)
try:
    while count < 200:
        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
        count += 1
except RuntimeError:
    pass
os.write(1, b"%d" % count)
os._exit(0)
"""
    result = await sandbox.run(code, Limits(seconds=20, memory_mib=512, threads=32))
    return "" if result.stdout.isdigit() and int(result.stdout) <= 64 else ended(result)


async def no_process_stays(sandbox: Sandbox, _: Aims) -> str:
    """Nothing by the name of the mark may be running afterwards, and forking may be refused in the first place."""
    mark = f"af{secrets.token_hex(5)}"
    code = f"""
import ctypes, os, time
reading, writing = os.pipe()
try:
    child = os.fork()
except OSError:
    child = -1
if child == 0:
    os.setsid()
    for descriptor in range(3):
        os.close(descriptor)
    ctypes.CDLL(None).prctl(15, b"{mark}", 0, 0, 0)
    os.close(writing)
    time.sleep(30)
os.close(writing)
os.read(reading, 1)  # until the other, if there is one, has come so far
print("done")
"""
    result = await sandbox.run(code, LIMITS)
    if result.stdout != "done\n":
        return ended(result)
    names = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            names.append(file.read_text().strip())
    return "a process went on" if mark in names else ""
