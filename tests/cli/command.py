"""The command line, in this process for speed, and as a process of its own where that is the point."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    output: str
    errors: str


Command = Callable[..., Ended]


def environment(folder: Path) -> dict[str, str]:
    """The state and the cache of a command are kept in a folder of the test; nothing of the user's has a say."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "HOME": str(folder), "XDG_STATE_HOME": f"{folder}/state", "AGENTFLOW_CACHE": f"{folder}/cache"}


def run_process(*arguments: str | bytes, folder: Path) -> Ended:
    """Run a command to its end as a process. It prints no traceback, whatever happens."""
    command = [sys.executable, "-m", "agentflow", *arguments]
    run = subprocess.run(command, capture_output=True, env=environment(folder), timeout=60, check=False)
    ended = Ended(run.returncode, run.stdout.decode(), run.stderr.decode())
    assert "Traceback" not in ended.errors
    return ended
