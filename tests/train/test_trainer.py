"""The loop: what is validated when, what counts as best, who may be in the folder, and what a damaged run says."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.engines import ScriptedEngine
from agentflow.errors import ConfigError, EngineError
from agentflow.train.flow_grpo import FlowGrpoTrainer
from agentflow.train.run_folder import RunFolder
from agentflow.train.trainer import Team, Watcher

from . import scripted_run


def open_trainer(
    folder: Path, num_steps: int, parts: Team | None = None, watcher: Watcher | None = None
) -> FlowGrpoTrainer:
    """Validation after every third step."""
    config = scripted_run.settings(folder, num_steps)
    run = RunFolder(config.train.folder)
    run.start("", config.identity())
    return FlowGrpoTrainer(config, parts or scripted_run.open_parts(config, folder), run, watcher=watcher)


def lines(trainer: FlowGrpoTrainer) -> list[tuple[str, int]]:
    """What was recorded, in order."""
    told = [json.loads(line) for line in trainer.run.metrics.read_text().splitlines()]
    return [(line["kind"], line["step"]) for line in told]


def test_a_validation_that_was_cut_off_is_made_when_the_run_goes_on(tmp_path: Path) -> None:
    class Impatient(Watcher):
        def step(self, metrics: Mapping[str, float], step: int) -> None:
            if step == 3:
                trainer.stop()

    trainer = open_trainer(tmp_path, 4, watcher=Impatient())
    assert asyncio.run(trainer.train()).step == 3
    before = [("validation", 0), ("train", 1), ("train", 2), ("train", 3)]
    assert lines(trainer) == before
    assert trainer.run.checkpoints.find_last() == 3

    again = open_trainer(tmp_path, 4)
    asyncio.run(again.train())
    assert lines(again) == [*before, ("validation", 3), ("train", 4), ("validation", 4)]


def test_a_run_that_is_done_is_done(tmp_path: Path) -> None:
    asyncio.run(open_trainer(tmp_path, 2).train())
    again = open_trainer(tmp_path, 2)
    before = lines(again)
    assert asyncio.run(again.train()).step == 2
    assert lines(again) == before


def test_a_checkpoint_holds_its_config(tmp_path: Path) -> None:
    trainer = open_trainer(tmp_path, 1)
    asyncio.run(trainer.train())
    saved = trainer.run.checkpoints.path(1) / "config.toml"
    assert saved.read_text() == trainer.run.config.read_text()


def test_a_validation_full_of_errors_is_never_the_best(tmp_path: Path) -> None:
    notices: list[str] = []

    class Listening(Watcher):
        def notice(self, line: str) -> None:
            notices.append(line)

    def down(*_: object) -> str:
        raise EngineError("server down")

    config = scripted_run.settings(tmp_path, 1)
    parts = scripted_run.open_parts(config, tmp_path)
    broken = scripted_run.open_parts(config, tmp_path, generator=ScriptedEngine(down))
    trainer = open_trainer(tmp_path, 1, replace(parts, validation_flow=broken.validation_flow), Listening())
    state = asyncio.run(trainer.train())
    assert (state.step, state.best_reward, state.best_step) == (1, None, None)
    assert notices == ["100% of the validation ended in errors of the world: it can not be the best"] * 2


def test_a_run_without_a_whole_checkpoint_does_not_begin_anew_by_itself(tmp_path: Path) -> None:
    trainer = open_trainer(tmp_path, 2)
    asyncio.run(trainer.train())
    for state in trainer.run.checkpoints.folder.glob("*/state.json"):
        state.write_text("{}")
    before = trainer.run.metrics.read_bytes()
    with pytest.raises(ConfigError, match=r"holds \d checkpoints, and none is whole"):
        asyncio.run(open_trainer(tmp_path, 3).train())
    assert trainer.run.metrics.read_bytes() == before, "nothing is lost"


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.start("", {})
    with run.alone(), pytest.raises(ConfigError, match="another process trains in"), RunFolder(run.folder).alone():
        pass
    with run.alone():
        pass  # whoever ends lets go of it


def test_the_files_of_a_start_are_there_whole_or_as_they_were(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.start("steps = 3", {"a": 1})
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.toml", "identity.json"]
