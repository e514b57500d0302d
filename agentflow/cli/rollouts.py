"""`agentflow train rollouts`: planners side by side in the seat of the policy, and a table of how they did."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from agentflow.cli.notices import notice
from agentflow.errors import ConfigError
from agentflow.tasks.splits import Split
from agentflow.train.collect import collect, tasks_of
from agentflow.train.config import TrainConfig
from agentflow.types import Task, Trajectory


def run_rollouts(
    config: TrainConfig, planners: list[str], out: Path, split: Split, limit: int | None, temperature: float | None
) -> int:
    """Roll out each planner on a split and print a table; 1 if some tasks ended in errors of the world."""
    if temperature is not None:
        seat = config.planner.model_copy(update={"temperature": temperature})
        config = config.model_copy(update={"planner": seat})
    named = dict(_named(planner) for planner in planners)
    tasks = tasks_of(config, split, limit)
    found = _collect(config, named, tasks, out)
    console = Console()
    console.print(_table(found, f"{split} tasks, planner at temperature {config.planner.temperature}"))
    failed = {name: len(tasks) - len(trajectories) for name, trajectories in found.items()}
    for name, number in failed.items():
        if number:
            words = f"{name}: {number} tasks ended in errors of the world; the same command tries them again"
            notice(words, console)
    return 1 if any(failed.values()) else 0


def _named(planner: str) -> tuple[str, str]:
    """
    >>> _named("base=local:qwen2.5-coder-0.5b")
    ('base', 'local:qwen2.5-coder-0.5b')
    """
    name, equals, engine = planner.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]+", name) or not engine:
        raise ConfigError(f"--planner {planner!r} is not of the form NAME=ENGINE, such as base=local:smollm2-135m")
    return name, engine


def _collect(
    config: TrainConfig, planners: Mapping[str, str], tasks: Sequence[Task], out: Path
) -> dict[str, list[Trajectory]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        lines = {name: bars.add_task(name, total=len(tasks)) for name in planners}
        return asyncio.run(
            collect(
                config,
                planners,
                tasks,
                out,
                notice=partial(notice, console=console),
                progress=lambda name, done: bars.update(lines[name], completed=done),
            )
        )


def _table(found: Mapping[str, Sequence[Trajectory]], title: str) -> Table:
    table = Table("planner", "source", "tasks", "reward", "turns", "tools", title=title, title_justify="left")
    for name, trajectories in found.items():
        for source in [*sorted({t.task.source for t in trajectories}), ""]:
            chosen = [t for t in trajectories if source in ("", t.task.source)]
            table.add_row(name, source or "all", *_summary(chosen))
    return table


def _summary(trajectories: Sequence[Trajectory]) -> tuple[str, str, str, str]:
    """Number, mean reward, mean turns, calls by tool."""
    num = max(1, len(trajectories))
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    tools = Counter(turn.action.tool if turn.action else "no plan" for turn in turns)
    return (
        str(len(trajectories)),
        f"{sum(t.reward or 0.0 for t in trajectories) / num:.3f}",
        f"{len(turns) / num:.2f}",
        ", ".join(f"{tool} {count}" for tool, count in tools.most_common(5)),
    )
