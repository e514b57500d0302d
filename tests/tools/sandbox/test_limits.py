"""Time, memory, disk and output are limited, whatever a program does."""

import errno
import time

import pytest

from agentflow.tools.sandbox import SandboxStatus
from agentflow.tools.sandbox.jail import Jail

from .jailed import ATTEMPT, JAIL, assert_all_refused, needs_jail, run


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
        "import signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except Exception: pass\n"
        "while True: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
        "import atexit, time\n_ = atexit.register(time.sleep, 60)",
        "class Slow:\n  def __repr__(self):\n    while True: pass\nSlow()",
    ],
)
@needs_jail
def test_time_is_up_whatever_the_program_does(code: str) -> None:
    assert JAIL is not None
    begun = time.monotonic()
    result = run(JAIL, "print('so far')\n" + code, seconds=0.4)
    assert (result.status, result.stdout) == (SandboxStatus.TIMED_OUT, "so far\n")
    assert time.monotonic() - begun < 5


def test_cpu_time_is_limited_too(jail: Jail) -> None:
    assert run(jail, "import resource\nresource.getrlimit(resource.RLIMIT_CPU)", seconds=1.5).stdout == "(2, 3)\n"
    result = run(jail, "import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)")
    assert (result.status, result.signal) == (SandboxStatus.TIMED_OUT, "")


@pytest.mark.parametrize(
    "code",
    [
        "kept = []\nwhile True: kept.append(bytearray(64 << 20))",
        "import mmap\nkept = []\nwhile True:\n  try: kept.append(mmap.mmap(-1, 64 << 20))\n"
        "  except OSError: raise MemoryError",
        "bytearray(100 << 30)",
    ],
)
def test_memory_is_limited(jail: Jail, code: str) -> None:
    result = run(jail, code, memory_mib=256)
    assert result.status is SandboxStatus.OUT_OF_MEMORY
    assert "MemoryError" in result.stderr


def test_memory_behind_descriptors_is_limited(jail: Jail) -> None:
    code = ATTEMPT + "attempt('memfd', os.memfd_create, 'x')\nattempt('shm', open, '/dev/shm/x', 'w')"
    assert_all_refused(run(jail, code), 2)


def test_the_private_directory_is_limited(jail: Jail) -> None:
    code = """
written = 0
try:
    for number in range(200):
        with open(f"file{number}", "wb") as file:
            written += file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno, 32 << 20 < written < 65 << 20)
"""
    assert run(jail, code).stdout == f"{errno.ENOSPC} True\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_of_output_stops_the_program(jail: Jail, stream: str) -> None:
    result = run(jail, f"import sys\nwhile True: sys.{stream}.write('x' * 1000 + '\\n')")
    assert result.status is SandboxStatus.OUTPUT_LIMIT
    assert len(getattr(result, stream)) < 70_000
    assert "bytes left out" in getattr(result, stream)


def test_much_output_keeps_head_and_tail(jail: Jail) -> None:
    result = run(jail, "print('first')\nprint('x\\n' * 100_000)\nprint('last')")
    assert result.status is SandboxStatus.OK
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert len(result.stdout) < 70_000


def test_a_huge_exception_is_cut(jail: Jail) -> None:
    result = run(jail, "raise ValueError('A' * (80 << 20))")
    assert result.status is SandboxStatus.ERROR
    assert len(result.stderr) < 30_000
