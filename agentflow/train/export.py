"""The planner of a run as files of its own."""

from pathlib import Path
from typing import Literal

from agentflow.config import load_settings
from agentflow.engines.models import find_model
from agentflow.errors import ConfigError
from agentflow.train.checkpoint import check_whole
from agentflow.train.config import TrainConfig
from agentflow.train.learner import LocalLearner
from agentflow.train.publish.export import Exported, export_policy
from agentflow.train.run_folder import RunFolder, State


def export_run(
    folder: Path, out: Path, step: int | None = None, *, form: Literal["merged", "adapter"] = "merged"
) -> Exported:
    """Write the planner as it was after `step`, by default the best by validation, into the new folder `out`.

    Raises `ConfigError` for a folder that is no run, a step without a whole checkpoint, and as `export_policy` does.
    """
    run = RunFolder(folder)
    settings = folder / "config.toml"
    if not settings.exists():
        raise ConfigError(f"{folder} is no folder of a training run: there is no {settings.name} in it")
    config = load_settings(TrainConfig, settings).train
    checkpoint = run.checkpoints.path(_step(run) if step is None else step)
    check_whole(checkpoint)
    learner = LocalLearner.open(config.model, config.learner)
    learner.load(checkpoint / "learner")
    return export_policy(learner.model, find_model(config.model), out, form)


def _step(run: RunFolder) -> int:
    last = run.checkpoints.find_last()
    if last is None:
        raise ConfigError(f"{run.folder} has no whole checkpoint yet")
    best = State.read(run.checkpoints.path(last)).best_step
    return last if best is None else best
