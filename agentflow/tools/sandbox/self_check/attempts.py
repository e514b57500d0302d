"""A program that tries what it should not be able to do, and tells what got through."""

import json

from agentflow.tools.sandbox.contract import Limits, Sandbox, SandboxResult

LIMITS = Limits(seconds=20, memory_mib=512)
ATTEMPT = """
import ctypes, json, os, socket
through = []

def attempt(name, action, *arguments):
    try:
        action(*arguments)
    except Exception:
        return
    through.append(name)

"""
TELL = "\nprint(json.dumps(through))\n"


async def through(sandbox: Sandbox, attempts: str) -> str:
    """The names of the attempts that got through, in words."""
    result = await sandbox.run(ATTEMPT + attempts + TELL, LIMITS)
    try:
        names = json.loads(result.stdout)
    except ValueError:
        return ended(result)
    return ", ".join(names) if isinstance(names, list) else ended(result)


def ended(result: SandboxResult) -> str:
    return f"the probe ended as {result.status}: {(result.stderr or result.stdout)[-300:].strip()}"
