"""`agentflow demo`: four questions of different kinds, solved live. Each takes a tool."""

import asyncio

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentflow.assemble import open_flow
from agentflow.cli.notices import notice
from agentflow.cli.rendering import plain
from agentflow.cli.solving import show_live, status
from agentflow.config import Config
from agentflow.scoring import score
from agentflow.types import Task, Trajectory

ENOUGH = 3  # right answers for exit code 0: a small model may miss one

QUESTIONS = (
    Task(
        id="arithmetic",
        question="What is 48731 * 9127 - 2**19?",
        answers=("444243549",),
        metadata={"scorer": "number"},
    ),
    Task(
        id="fact",
        question="How many metres does Mount Kilimanjaro rise above its plateau base?",
        answers=("4900",),
        metadata={"scorer": "number"},
    ),
    Task(
        id="two hops",
        question="In which year was the emperor who commissioned the Taj Mahal deposed?",
        answers=("1658",),
        metadata={"scorer": "number"},
    ),
    Task(
        id="program",
        question="How many prime numbers below 5000 have a digit sum of 10?",
        answers=("38",),
        metadata={"scorer": "number"},
    ),
)


def run_demo(config: Config) -> int:
    """Solve the questions, show the answers; 0 if enough of them are right."""
    console = Console()
    trajectories = asyncio.run(_solve_all(config, console))
    scores = [score(trajectory.task, trajectory.answer) for trajectory in trajectories]
    console.print(_summary(trajectories, scores))
    return 0 if sum(scores) >= ENOUGH else 1


async def _solve_all(config: Config, console: Console) -> list[Trajectory]:
    with status(console, "loading the model and the tools") as spinner:
        async with open_flow(config, notice=notice) as flow:
            return [await show_live(flow, task, console, spinner) for task in QUESTIONS]


def _summary(trajectories: list[Trajectory], scores: list[float]) -> Table:
    table = Table("kind", "answer", "expected", "right", "turns", "seconds", title="Demo")
    for trajectory, reward in zip(trajectories, scores, strict=True):
        table.add_row(
            trajectory.task.id,
            plain(trajectory.answer),
            trajectory.task.answers[0],
            Text("yes", "green") if reward == 1 else Text("no", "red"),
            str(len(trajectory.turns)),
            f"{trajectory.seconds:.0f}",
        )
    return table
