"""Commands that answer questions, and that say what is there to answer them with."""

from collections import deque
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from agentflow.cli.options import (
    ConfigFile,
    Engine,
    FlowName,
    Json,
    Planner,
    Record,
    Replay,
    Seconds,
    Setting,
    Tools,
    Turns,
    overrides,
    solving_flags,
)

config = App(name="config", help="Settings: show what is in force.")
sandbox = App(name="sandbox", help="Where programs of the model run: check that it keeps its promises.")


def solve(
    question: str,
    *,
    tools: Tools = None,
    engine: Engine = None,
    planner: Planner = None,
    flow: FlowName = None,
    max_turns: Turns = None,
    max_seconds: Seconds = None,
    record: Record = None,
    replay: Replay = None,
    config: ConfigFile = None,
    settings: Setting = None,
    json: Json = False,
) -> int:
    """Answer a question, showing the turns as they happen.

    Exit code 0: answered. 1: not answered (a budget was used up, no answer came out, or a server failed; what there
    is is shown). 2: a mistake in the command or its settings.

    Parameters
    ----------
    question
        The question, in quotes.
    """
    from agentflow.cli.recordings import recording_flags
    from agentflow.cli.settings import read_settings
    from agentflow.cli.solving import run_solve

    flags = solving_flags(tools, engine, planner, flow, max_turns, max_seconds) | recording_flags(record, replay)
    return run_solve(question, read_settings(config, settings, flags), as_json=json)


def demo(*, engine: Engine = None, flow: FlowName = None, config: ConfigFile = None, settings: Setting = None) -> int:
    """Solve four questions of different kinds, live: each of them takes a tool.

    Exit code 0 if at least three answers are right.
    """
    from agentflow.cli.demo import run_demo
    from agentflow.cli.settings import read_settings

    return run_demo(read_settings(config, settings, overrides(engine=engine, flow=flow)))


def show(
    trace: Path,
    *,
    last: Annotated[int | None, Parameter(validator=Number(gte=1), help="Only the last so many.")] = None,
) -> int:
    """Render a trace as readable text.

    Parameters
    ----------
    trace
        A file of trajectories, as `solve` writes it.
    """
    from agentflow.cli.rendering import render_trajectory
    from agentflow.trace import read_trajectories

    trajectories = read_trajectories(trace)
    console = Console()
    for trajectory in deque(trajectories, maxlen=last) if last else trajectories:
        console.print(render_trajectory(trajectory))
    return 0


def list_tools(*, config: ConfigFile = None, settings: Setting = None) -> int:
    """List the tools that are known here: which are enabled, which can be used and why others can not.

    Those of the MCP servers of the config are asked for: each server is started and stopped again. A tool is opened as
    `solve` opens it, which may take a download the first time; only engines are left alone.
    """
    from agentflow.cli.settings import read_settings
    from agentflow.cli.tool_listing import run_tools

    return run_tools(read_settings(config, settings, {}))


@sandbox.command(name="check")
def check_sandbox(
    *,
    sandbox: Annotated[str | None, Parameter(help="auto, bubblewrap, namespaces, landlock, unsafe, http ...")] = None,
    config: ConfigFile = None,
    settings: Setting = None,
) -> int:
    """Attack the sandbox of the python tool from the inside, and print a line for each promise.

    Exit code 0: all promises hold. 1: one does not, or no sandbox works on this machine.
    """
    from agentflow.cli.sandbox import check_and_report
    from agentflow.cli.settings import read_settings

    return check_and_report(read_settings(config, settings, overrides(tools__python__sandbox=sandbox)))


@config.command(name="show")
def show_config(*, config: ConfigFile = None, settings: Setting = None) -> int:
    """Print every setting that is in force, as TOML that `--config` reads."""
    from agentflow.cli.settings import as_toml, read_settings

    print(as_toml(read_settings(config, settings, {})))
    return 0
