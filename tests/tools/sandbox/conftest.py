"""Each test gets a jail, and leaves nothing behind. Every attack aims at something that the test itself made."""

import ctypes
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.tools.sandbox.jail import Jail, is_root

from .jailed import JAIL, WHY_NOT


def jails() -> list[str]:
    """Root tests both ways in which a program is made an ordinary user."""
    return ["as everybody", "in a user namespace"] if is_root() else ["as everybody"]


@pytest.fixture(params=jails())
def jail(request: pytest.FixtureRequest) -> Jail:
    if JAIL is None:
        pytest.skip(WHY_NOT)
    return replace(JAIL, user_namespace=True) if request.param == "in a user namespace" else JAIL


@pytest.fixture(scope="module", autouse=True)
def orphans_come_to_us() -> Iterator[None]:
    """Whatever loses its parent becomes our child, so that it can not escape our notice."""
    set_child_subreaper, libc = 36, ctypes.CDLL(None)
    libc.prctl(set_child_subreaper, 1, 0, 0, 0)
    yield
    libc.prctl(set_child_subreaper, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(
    orphans_come_to_us: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No process, descriptor or temporary file, whatever the test did."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    before = footprint()
    yield
    deadline = time.monotonic() + 2
    while footprint() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert footprint() == before


def footprint() -> tuple[list[int], list[str], list[str]]:
    living = []
    for pid in (int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()):
        if " Z " in Path(f"/proc/{pid}/stat").read_text():  # an orphan that died with us as its new parent
            os.waitpid(pid, os.WNOHANG)
        else:
            living.append(pid)
    return sorted(living), sorted(os.listdir("/proc/self/fd")), sorted(os.listdir(tempfile.gettempdir()))
