"""Checkpoints that are there wholly or not at all: written aside, synced, named in one rename, checked when read.

A checkpoint is a folder `step-000012` with a manifest of the SHA-256 of its files. A kill at any moment leaves the
checkpoints before it as they were; a damaged one is noticed, and the one before it is used.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from agentflow.errors import AgentFlowError, ConfigError, InfraError

MANIFEST = "manifest.json"
_ASIDE = ".writing"
_LEAST_FREE = 2**20  # bytes; with less a disk is as good as full


class Checkpoints:
    """The checkpoints of a run, by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is, if there is one."""
        return self.folder / f"step-{step:06}"

    def steps(self) -> list[int]:
        """The steps that have one, whole or damaged, in rising order."""
        found = self.folder.glob("step-*") if self.folder.is_dir() else ()
        return sorted(int(path.name.removeprefix("step-")) for path in found if path.name[5:].isdigit())

    def write(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write into an empty folder, then make that the checkpoint of `step`.

        On failure nothing is left of it and the others are untouched; a full disk is an `InfraError` that says so.
        """
        aside = self.folder / f"{_ASIDE}-{step:06}"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            fill(aside)
            _write_manifest(aside)
            _sync(aside)
            shutil.rmtree(self.path(step), ignore_errors=True)  # damaged, or written by a step that is done again
            aside.rename(self.path(step))
            _sync_folder(self.folder)
        except Exception as error:
            full = _disk_is_full(self.folder, error)
            shutil.rmtree(aside, ignore_errors=True)
            if full or isinstance(error, OSError):
                raise _failed(self.folder, step, self.find_last(), error, full=full) from error
            raise
        return self.path(step)

    def find_last(self, notice: Callable[[str], None] = lambda _line: None) -> int | None:
        """The step of the newest whole checkpoint. Says which damaged ones were passed over."""
        for step in reversed(self.steps()):
            damage = find_damage(self.path(step))
            if damage is None:
                return step
            notice(f"the checkpoint {self.path(step)} is damaged ({damage}): trying the one before")
        return None

    def keep(self, steps: Collection[int]) -> None:
        """Remove all others, and what an interrupted write left."""
        for step in self.steps():
            if step not in steps:
                shutil.rmtree(self.path(step))
        for aside in self.folder.glob(f"{_ASIDE}-*"):
            shutil.rmtree(aside)


def find_damage(folder: Path) -> str | None:
    """What is wrong with a checkpoint, or None: every file of the manifest is there with its bytes."""
    try:
        manifest: dict[str, str] = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return f"{MANIFEST} can not be read"
    for name, digest in manifest.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        try:
            written = _digest(path)
        except OSError as error:
            return f"{name} can not be read: {error.strerror}"
        if written != digest:
            return f"{name} has other bytes than were written"
    return None


def check_whole(folder: Path) -> None:
    """Raise `ConfigError` for a checkpoint that is missing or damaged."""
    if not folder.is_dir():
        raise ConfigError(f"there is no checkpoint at {folder}")
    damage = find_damage(folder)
    if damage:
        raise ConfigError(f"the checkpoint {folder} is damaged ({damage}): use one before it")


def _write_manifest(folder: Path) -> None:
    digests = {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    (folder / MANIFEST).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        _sync_folder(inner)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_is_full(folder: Path, error: Exception) -> bool:
    """Ask the disk too: the writers of safetensors and torch do not say it with an `OSError`."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return shutil.disk_usage(folder).free < _LEAST_FREE or f"os error {errno.ENOSPC}" in str(error)


def _failed(folder: Path, step: int, last: int | None, error: Exception, *, full: bool) -> AgentFlowError:
    reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
    remedy = "make room and run again" if full else "run again when it can be"
    rest = "there is no other one" if last is None else f"that of step {last} is whole"
    return InfraError(f"the checkpoint of step {step} in {folder} could not be written: {reason}; {rest}: {remedy}")
