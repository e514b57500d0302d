"""`agentflow solve`: one question, live."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.status import Status
from rich.text import Text

from agentflow.assemble import open_flow
from agentflow.cli.notices import notice
from agentflow.cli.rendering import render_end, render_question, render_turn
from agentflow.config import Config
from agentflow.errors import ConfigError
from agentflow.flow import Solver
from agentflow.trace import as_line
from agentflow.types import Outcome, Task, Trajectory

_DOING = {
    "analyst": "reading the question",
    "planner": "planning",
    "executor": "writing the tool's arguments",
    "verifier": "checking the results",
    "generator": "writing the answer",
    "solo": "thinking",
}


def run_solve(question: str, config: Config, *, as_json: bool) -> int:
    """Solve and show; the exit code. With `as_json` only the line that the trace gets is printed."""
    if not question.strip():
        raise ConfigError("the question is empty")
    console = Console(quiet=as_json)
    trajectory = asyncio.run(_solve(Task(question=question), config, console))
    if as_json:
        print(as_line(trajectory))
    elif config.trace:
        console.print(Text(f"trace: {config.trace}", style="dim"), soft_wrap=True)
    return 0 if trajectory.outcome is Outcome.ANSWERED else 1


async def _solve(task: Task, config: Config, console: Console) -> Trajectory:
    with status(console, "loading the model and the tools") as spinner:
        async with open_flow(config, notice=notice) as flow:
            return await show_live(flow, task, console, spinner)


def status(console: Console, text: str) -> AbstractContextManager[Status | None]:
    """A spinner where somebody watches, nothing in a pipe."""
    return console.status(text) if console.is_terminal else nullcontext()


@contextmanager
def until_terminated() -> Iterator[None]:
    """SIGTERM cancels what runs in here, as Ctrl-C does, and then ends the process with exit code 143."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    terminated = asyncio.Event()

    def terminate() -> None:
        terminated.set()
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        yield
    except asyncio.CancelledError:
        if not terminated.is_set():
            raise
        notice("terminated")
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def show_live(flow: Solver, task: Task, console: Console, spinner: Status | None) -> Trajectory:
    """Solve one task and print its turns as they come."""
    turn_number = 1

    def on_stage(stage: str) -> None:
        if spinner:
            spinner.update(f"turn {turn_number}: {_DOING.get(stage, f'running {stage}')}")

    solving = flow.solve(task, on_stage=on_stage)
    console.print(render_question(task.question))
    with until_terminated():
        async for turn in solving:
            console.print(render_turn(turn))
            turn_number += 1
        trajectory = await solving
    console.print(render_end(trajectory))
    return trajectory
