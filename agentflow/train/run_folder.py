"""The folder of a run: its config, metrics, trajectories and checkpoints, and how far it is.

config.toml, identity.json         what it was started with, and what of that may not change
metrics.jsonl            one line a step, one a validation
trajectories/step-000012.jsonl     every trajectory of a step, with its reward
validation/step-000010.jsonl       those of a validation
samples/step-000012.npz  on request: what the loss was computed from
checkpoints/step-000012  see `checkpoint.py`
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from agentflow.assets.lock import locked
from agentflow.errors import ConfigError, InfraError
from agentflow.rollout import Group
from agentflow.trace import as_line
from agentflow.train.checkpoint import Checkpoints
from agentflow.types import Trajectory

STATE = "state.json"


@dataclass
class State:
    """How far a run is. With the learner's files it is all that a continuation needs.

    `step` counts finished steps, `position` the tasks that were drawn, `metrics_bytes` the length of the metrics file,
    `validated_step` is the step of the last validation.
    """

    step: int = 0
    position: int = 0
    policy_version: str = "step-000000"
    metrics_bytes: int = 0
    best_reward: float | None = None
    best_step: int | None = None
    validated_step: int | None = None
    skipped_updates: int = 0
    empty_steps: int = 0

    def write(self, folder: Path) -> None:
        (folder / STATE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "State":
        return cls(**json.loads((folder / STATE).read_text(encoding="utf-8")))


class RunFolder:
    """Where the files of a run are, and how they are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoints = Checkpoints(folder / "checkpoints")

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    def start(self, config_text: str, identity: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> None:
        """Make the folder, or check that what is in it was made with the same settings where they matter.

        A setting that the run does not know, because it is younger, had the value that it has in `defaults`.
        """
        path = self.folder / "identity.json"
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            before = json.loads(json.dumps(dict(defaults or {}))) | before
            now = json.loads(json.dumps(identity))
            changed = [name for name in sorted(now) if before.get(name) != now[name]]
            if changed:
                listed = "; ".join(f"{name}: {before.get(name)!r} -> {now[name]!r}" for name in changed[:5])
                raise ConfigError(
                    f"{self.folder} holds a run with other settings ({listed}): "
                    "set train.folder to another folder, or go on with the settings it has"
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.writing(self.folder):
            write_whole(path, json.dumps(identity, indent=1))
            write_whole(self.config, f"{config_text}\n")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of the folder for as long as this one trains in it. Raises `ConfigError`."""

        def refuse() -> None:
            raise ConfigError(f"another process trains in {self.folder}: wait for it, or set train.folder")

        with locked(self.folder / ".lock", on_wait=refuse):
            yield

    def rewind(self, state: State) -> None:
        """Forget the metrics of steps that are done again."""
        if self.metrics.exists() and self.metrics.stat().st_size > state.metrics_bytes:
            with self.metrics.open("r+b") as file:
                file.truncate(state.metrics_bytes)

    def append_metrics(self, metrics: Mapping[str, float | str]) -> int:
        """Add a line; the length of the file after it. JSON has no word for what is not finite: it becomes null."""
        line = {
            name: None if isinstance(value, float) and not isfinite(value) else value for name, value in metrics.items()
        }
        with self.writing(self.metrics), self.metrics.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()  # so that a full disk is noticed here
            return file.tell()

    def write_trajectories(self, kind: str, step: int, trajectories: Sequence[Trajectory]) -> Path:
        """All trajectories of a step, in a file of their own."""
        path = self.folder / kind / f"step-{step:06}.jsonl"
        with self.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{as_line(trajectory)}\n" for trajectory in trajectories), encoding="utf-8")
        return path

    def write_samples(self, step: int, arrays: Mapping[str, Any]) -> Path:
        """What the loss of a step was computed from, as a compressed numpy archive."""
        path = self.folder / "samples" / f"step-{step:06}.npz"
        with self.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, **arrays)
        return path

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """A disk that is full or fails ends the run with words on what is safe and what to do."""
        try:
            yield
        except OSError as error:
            last = self.checkpoints.find_last()
            safe = "there is no checkpoint yet" if last is None else f"the checkpoint of step {last} is whole"
            raise InfraError(
                f"can not write {path}: {error.strerror or error}; {safe}: free some space, "
                "and the same command goes on from there"
            ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a text so that, whatever happens, the file holds the new text or the old one."""
    aside = path.with_name(f".{path.name}.writing")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def all_trajectories(groups: Sequence[Group]) -> list[Trajectory]:
    """Those of all groups, in their order."""
    return [trajectory for group in groups for trajectory in group.trajectories]
