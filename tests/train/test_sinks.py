"""Sinks get every number of every step; one whose package is missing says what to install."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from agentflow.errors import ConfigError
from agentflow.train.config import TrainSection
from agentflow.train.sinks import Tracker, open_sinks


def sinks(*names: str) -> TrainSection:
    return TrainSection.model_validate({"sinks": names})


def records(data: bytes) -> Iterator[bytes]:
    """Those of an event file: a length, its checksum, so many bytes, their checksum."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_tensorboard_writes_what_its_own_reader_reads(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="needs pip install tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    [sink] = open_sinks(sinks("tensorboard"), tmp_path)
    for step in (1, 2):
        sink.log({"train/reward/mean": step / 2, "train/kl": 0.0}, step)
    sink.close()
    [file] = (tmp_path / "tensorboard").iterdir()
    events = [Event.FromString(record) for record in records(file.read_bytes())]
    seen = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert seen == [(s, name, v) for s in (1, 2) for name, v in (("train/reward/mean", s / 2), ("train/kl", 0.0))]


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_trackers_are_told_run_numbers_and_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two have the same two calls. A stand-in: neither package writes without a server of its own."""
    told: list[Any] = []
    package: Any = SimpleNamespace(
        __name__=name,
        init=lambda **settings: told.append(settings),
        log=lambda metrics, step: told.append((metrics, step)),
    )
    monkeypatch.setitem(sys.modules, name, package)
    [sink] = open_sinks(sinks(name), tmp_path)
    assert isinstance(sink, Tracker)
    sink.log({"train/reward/mean": 0.5}, 3)
    open_sinks(sinks(name), tmp_path)
    first, logged, again = told
    assert logged == ({"train/reward/mean": 0.5}, 3)
    assert first == again, "a run that goes on is the same run"
    assert (first["project"], first["name"], first["resume"]) == ("agentflow", tmp_path.name, "allow")
    assert ("id" in first) == (name == "wandb")


@pytest.mark.parametrize(("name", "package"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_package_that_is_missing_is_named(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"pip install {package}"):
        open_sinks(sinks(name), tmp_path)


def test_without_sinks_nothing_is_imported(tmp_path: Path) -> None:
    before = set(sys.modules)
    assert open_sinks(sinks(), tmp_path) == []
    assert {name for name in set(sys.modules) - before if isinstance(sys.modules[name], ModuleType)} == set()
