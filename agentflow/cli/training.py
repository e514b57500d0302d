"""`agentflow train`: a run from its config to its last step, a dry run of it, and what it exports."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentflow.cli.notices import notice
from agentflow.cli.settings import as_toml, read_given
from agentflow.cli.training_view import TrainingView
from agentflow.config import load_settings
from agentflow.train.config import TrainConfig
from agentflow.train.dry_run import Check, dry_run
from agentflow.train.export import export_run
from agentflow.train.run_folder import RunFolder, State
from agentflow.train.sinks import open_sinks
from agentflow.train.team import open_team, open_trainer
from agentflow.train.trainer import Trainer


def _no_bars_of_others() -> None:
    """transformers draws bars of its own while it reads and writes weights."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def read_train_config(file: Path | None, settings: list[str] | None, flags: dict[str, object]) -> TrainConfig:
    """The config that a run is made with: a file, `--set`, flags. Raises `ConfigError`."""
    return load_settings(TrainConfig, file, read_given(settings, flags))


def run_training(config: TrainConfig) -> int:
    """Train until the last step, or until Ctrl-C; the exit code."""
    _no_bars_of_others()
    run = RunFolder(config.train.folder)
    console = Console()
    with run.alone(), TrainingView(console) as view:
        run.start(as_toml(config), config.identity(), TrainConfig().identity())
        state, num_steps = asyncio.run(_train(config, run, view))
    console.print(Text(_ending(state, num_steps, run)), soft_wrap=True)
    return 0 if state.step >= num_steps else 130


async def _train(config: TrainConfig, run: RunFolder, view: TrainingView) -> tuple[State, int]:
    async with open_team(config, run, notice=view.notice) as team:
        trainer = open_trainer(config, team, run, sinks=open_sinks(config.train, run.folder), watcher=view)
        _stop_on_signals(trainer, view)
        return await trainer.train(), trainer.num_steps


def _stop_on_signals(trainer: Trainer, view: TrainingView) -> None:
    """Ctrl-C (or SIGTERM) once: finish the step and save. Twice: stop now; the last checkpoint is whole."""
    loop = asyncio.get_running_loop()
    asked = 0

    def interrupt() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            view.notice("finishing this step, then saving; once more stops at once")
            trainer.stop()
        else:  # a step may be deep inside torch or llama.cpp, and checkpoints are whole at any moment
            view.notice("stopped; the same command goes on from the last checkpoint")
            view.__exit__(None, None, None)
            os._exit(130)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)


def _ending(state: State, num_steps: int, run: RunFolder) -> str:
    best = (
        "" if state.best_reward is None else f"; best validation {state.best_reward:.3f} after step {state.best_step}"
    )
    where = f"{run.folder}: {state.step} steps{best}"
    if state.step < num_steps:
        return f"{where}\nthe same command goes on from here"
    return f"{where}\nagentflow train export {run.folder} --out FOLDER writes the planner"


def run_dry(config: TrainConfig) -> int:
    """Check and estimate; 0 if nothing speaks against the run."""
    _no_bars_of_others()
    console = Console()
    run = RunFolder(config.train.folder)
    with run.alone():  # it tidies up the sampler's files, which a run in the same folder is using
        checks = asyncio.run(_dry_run(config, run))
    console.print(_table(checks))
    return 0 if all(check.ok for check in checks) else 1


async def _dry_run(config: TrainConfig, run: RunFolder) -> list[Check]:
    console = Console(stderr=True)
    async with open_team(config, run, notice=partial(notice, console=console)) as team:
        return await dry_run(config, team)


def _table(checks: list[Check]) -> Table:
    table = Table("check", "", "found", title="before anything is spent", title_justify="left")
    for check in checks:
        table.add_row(check.name, Text("ok", "green") if check.ok else Text("no", "bold red"), Text(check.found))
    return table


def run_export(folder: Path, out: Path, step: int | None, *, adapter_alone: bool) -> int:
    """Write the planner of a run and say what plays it."""
    _no_bars_of_others()
    exported = export_run(folder, out, step, form="adapter" if adapter_alone else "merged")
    console = Console()
    console.print(Text(f"{exported.folder}: {exported.gguf.name} and the files of transformers"), soft_wrap=True)
    if not adapter_alone:
        console.print(Text(f"agentflow solve QUESTION --planner local:{exported.gguf}"), soft_wrap=True)
    return 0
