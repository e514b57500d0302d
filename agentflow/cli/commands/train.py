"""Commands that train a planner."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from agentflow.cli.options import Setting, overrides
from agentflow.errors import ConfigError

train = App(name="train", help="Train the planner inside the live system, with Flow-GRPO.")


@train.default
def train_planner(
    config: Path,
    *,
    method: Annotated[Literal["flow-grpo", "sft"] | None, Parameter(help="flow-grpo, or sft on trajectories.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Check and estimate everything; train nothing.")] = False,
    settings: Setting = None,
) -> int:
    """Train the planner of the system that a config describes; the same command goes on after an interruption.

    Ctrl-C finishes the step and saves; a second one stops at once. Exit code 0: all steps are done (or the dry run
    found nothing against them). 1: stopped by a limit or an error. 130: interrupted.

    Parameters
    ----------
    config
        A TOML file of settings with a table [train]: see docs/training.md and the folder configs.
    """
    from agentflow.cli.training import read_train_config, run_dry, run_training

    chosen = read_train_config(config, settings, overrides(train__method=method))
    if dry_run and chosen.train.method != "flow-grpo":
        raise ConfigError("--dry-run checks rollouts, and imitation has none: leave it out")
    return run_dry(chosen) if dry_run else run_training(chosen)


@train.command(name="rollouts")
def train_rollouts(
    config: Path,
    *,
    planner: Annotated[list[str], Parameter(help="NAME=ENGINE, as often as needed: base=local:qwen2.5-coder-0.5b")],
    out: Annotated[Path, Parameter(help="A folder; NAME.jsonl gets the trajectories.")],
    split: Annotated[Literal["train", "validation", "test"], Parameter(help="Of the config's tasks.")] = "test",
    limit: Annotated[int | None, Parameter(validator=Number(gte=1), help="Only so many tasks.")] = None,
    temperature: Annotated[
        float | None, Parameter(validator=Number(gte=0), help="Of the planner; default: that of training.")
    ] = None,
    settings: Setting = None,
) -> int:
    """Put any planner into the seat of the one that is trained, and score its answers; goes on after an interruption.

    For comparing planners under the same conditions, and for the trajectories of a stronger one that
    `train --method sft` imitates.

    Parameters
    ----------
    config
        A TOML file of settings with a table [train].
    """
    from agentflow.cli.rollouts import run_rollouts
    from agentflow.cli.training import read_train_config

    return run_rollouts(read_train_config(config, settings, {}), planner, out, split, limit, temperature)


@train.command(name="export")
def export_planner(
    run: Path,
    *,
    out: Annotated[Path, Parameter(help="A new folder.")],
    step: Annotated[int | None, Parameter(help="Of which step; default: the best by validation.")] = None,
    adapter: Annotated[bool, Parameter(negative=(), help="Keep a LoRA adapter apart.")] = False,
) -> int:
    """Write a trained planner as a transformers folder and as a GGUF file, which `solve --planner local:FILE` plays.

    Parameters
    ----------
    run
        The folder of a training run.
    """
    from agentflow.cli.training import run_export

    return run_export(run, out, step, adapter_alone=adapter)
