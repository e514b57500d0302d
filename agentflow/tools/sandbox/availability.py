"""Whether programs can be jailed on this machine: found out by trying, once per process, and never assumed.

Tools that only looked for an executable have run with their doors open, so the trial goes through the same door as
every program does, and each promise is tested from the inside.
"""

import asyncio
import functools
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.errors import InfraError, ToolUnavailable
from agentflow.tools.sandbox.contract import Limits, SandboxStatus
from agentflow.tools.sandbox.jail import Jail
from agentflow.tools.sandbox.layout import ENVIRONMENT, PACKAGES
from agentflow.tools.sandbox.seccomp import ARCHITECTURES

TRIAL_LIMITS = Limits(seconds=60)
SYSTEM_SETTINGS = (
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
)
TRIAL = """
import importlib, json, os, socket, sys

def refused(attempt, *arguments):
    try:
        attempt(*arguments)
    except OSError:
        return True
    return False

def second_process():
    if os.fork() == 0:
        os._exit(0)

def importable(name):
    try:
        importlib.import_module(name)
    except Exception:
        return False
    return True

print(json.dumps({
    "answer": 6 * 7,
    "version": sys.version,
    "environment": sorted(os.environ),
    "root": sorted(os.listdir("/")),
    "user": os.getuid(),
    "a host file is hidden": refused(open, CANARY),
    "the accounts are hidden": refused(open, "/etc/passwd"),
    "packages are read-only": refused(open, "/packages/new", "w"),
    "no network": refused(socket.socket),
    "no second process": refused(second_process),
    "packages": [name for name in PACKAGES if importable(name)],
}))
"""


@dataclass(frozen=True)
class Findings:
    """What a trial found: the promises that do not hold, and the packages that programs can import."""

    broken: tuple[str, ...]
    packages: tuple[str, ...]


@functools.cache
def working_jail() -> tuple[Jail, tuple[str, ...]]:
    """A jail that has passed its trial, and the packages that programs can import in it.

    Takes about a second, the first time. Raises `ToolUnavailable` with the remedy in one line.
    """
    bubblewrap = shutil.which("bwrap")
    reason = unsuitable(platform.system(), platform.machine(), bubblewrap)
    if reason or not bubblewrap:
        raise ToolUnavailable(reason)
    prepare_bytecode()
    jail = Jail(bubblewrap)
    try:
        with ThreadPoolExecutor(1) as thread:  # the caller's thread may be running an event loop already
            findings = thread.submit(asyncio.run, try_out(jail)).result()
    except InfraError as error:
        raise ToolUnavailable(f"{error}; {remedy(str(error), system_settings())}") from error
    if findings.broken:
        raise ToolUnavailable(f"the sandbox does not keep its promises here: {', '.join(findings.broken)}")
    return jail, findings.packages


def unsuitable(system: str, machine: str, bubblewrap: str | None) -> str:
    """Why there can be no jail on such a machine, with the remedy, or nothing.

    >>> unsuitable("Darwin", "arm64", None)
    'programs are jailed with bubblewrap, which is for Linux: run AgentFlow in a Linux VM or container (Windows: WSL 2)'
    >>> unsuitable("Linux", "x86_64", "/usr/bin/bwrap")
    ''
    """
    if system != "Linux":
        return (
            "programs are jailed with bubblewrap, which is for Linux: "
            "run AgentFlow in a Linux VM or container (Windows: WSL 2)"
        )
    if machine not in ARCHITECTURES:
        return f"there is no system-call filter for {machine}, only for {' and '.join(ARCHITECTURES)}"
    if bubblewrap is None:
        return "bubblewrap is not installed: apt install bubblewrap (or dnf, pacman, apk)"
    return ""


async def try_out(jail: Jail) -> Findings:
    """Run the trial in the jail and compare each answer with what was promised."""
    with tempfile.NamedTemporaryFile(prefix="agentflow-canary-") as canary:
        os.chmod(canary.name, 0o644)
        known = f"CANARY = {canary.name!r}\nPACKAGES = {list(PACKAGES)!r}\n"
        result = await jail.run(known + TRIAL, TRIAL_LIMITS)
    if result.status is not SandboxStatus.OK:
        return Findings((f"a trial program ended as {result.status}: {result.stderr[-300:].strip()}",), ())
    found: dict[str, Any] = json.loads(result.stdout)
    return Findings(broken_promises(found), tuple(found["packages"]))


def broken_promises(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of those answers of a trial that are not as they should be."""
    wanted = {
        "answer": found["answer"] == 42,
        "version": found["version"] == sys.version,
        "environment": set(found["environment"]) <= {*ENVIRONMENT, "PWD", "LC_CTYPE"},
        "root": set(found["root"]) <= {"dev", "lib", "lib64", "packages", "python", "tmp", "usr"},
        "user": found["user"] != 0,
    }
    refusals = {name: answer for name, answer in found.items() if isinstance(answer, bool)}
    return tuple(name for name, holds in (wanted | refusals).items() if not holds)


def remedy(error: str, settings: Mapping[str, str]) -> str:
    """What to do about a jail that does not start, from bubblewrap's words and the system's settings.

    >>> remedy("setting up uid map: Permission denied", {"kernel.apparmor_restrict_unprivileged_userns": "1"})
    'user namespaces are restricted: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'
    """
    forbidden = "user namespaces are restricted: sudo sysctl"
    if "nknown option" in error:
        return "bubblewrap 0.8 or newer is wanted"
    if settings.get("kernel.apparmor_restrict_unprivileged_userns") == "1":
        return f"{forbidden} kernel.apparmor_restrict_unprivileged_userns=0"
    if settings.get("kernel.unprivileged_userns_clone") == "0":
        return f"{forbidden} kernel.unprivileged_userns_clone=1"
    if settings.get("user.max_user_namespaces") == "0":
        return f"{forbidden} user.max_user_namespaces=10000"
    if "ermi" in error:  # "Operation not permitted", "Permission denied", "No permissions to ..."
        return (
            "in a container, start it with --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
            "--security-opt apparmor=unconfined"
        )
    return "try `bwrap --unshare-all --ro-bind / / true` by hand"


def system_settings() -> dict[str, str]:
    paths = {name: Path("/proc/sys") / name.replace(".", "/") for name in SYSTEM_SETTINGS}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def prepare_bytecode() -> None:
    """Import the packages once outside of the jail where they have never been compiled (as after `uv pip install`).

    A program can not keep the compiled form, so it would spend seconds on compiling them again, every time.
    """
    raw = [name for name in PACKAGES if never_compiled(name)]
    if raw:
        subprocess.run([sys.executable, "-c", f"import {', '.join(raw)}"], capture_output=True, check=False)  # noqa: S603


def never_compiled(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.cached is not None and not Path(spec.cached).exists()
