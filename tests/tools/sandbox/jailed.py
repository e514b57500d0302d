"""The jail that the tests run their programs in, and what an attack looks like."""

import asyncio
from pathlib import Path

import pytest

from agentflow.errors import ToolUnavailable
from agentflow.tools.sandbox import Limits, SandboxResult, working_jail
from agentflow.tools.sandbox.jail import Jail

JAIL: Jail | None = None
WHY_NOT = ""
try:
    JAIL = working_jail()[0]
except ToolUnavailable as error:
    WHY_NOT = str(error)
needs_jail = pytest.mark.skipif(JAIL is None, reason="no sandbox works on this machine")


def run(jail: Jail, code: str, seconds: float = 10, memory_mib: int = 1024) -> SandboxResult:
    return asyncio.run(jail.run(code, Limits(seconds=seconds, memory_mib=memory_mib)))


ATTEMPT = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, action, *arguments):
    try:
        print(name, "GOT THROUGH", repr(action(*arguments))[:100])
    except Exception as error:
        print(name, "refused", type(error).__name__)

def system_call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    if result < 0 and ctypes.get_errno() in (1, 13, 38):
        raise PermissionError(ctypes.get_errno())
    return result, ctypes.get_errno()
"""


def assert_all_refused(result: SandboxResult, attempts: int) -> None:
    assert "GOT THROUGH" not in result.stdout, result.stdout
    assert result.stdout.count(" refused ") == attempts, result


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
