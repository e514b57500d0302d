"""Options that several commands take."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

ENGINES = Group("Engines and tools")
LIMITS = Group("Limits")

Tools = Annotated[str | None, Parameter(name="--tools", group=ENGINES, help="Names of tools, with commas between.")]
Engine = Annotated[
    str | None,
    Parameter(name="--engine", group=ENGINES, help="Engine of all modules: local:NAME, ollama:MODEL ..."),
]
FlowName = Annotated[
    Literal["agentflow", "plain", "react"] | None,
    Parameter(name="--flow", group=ENGINES, help="The team, or a baseline: plain (one model), react (and its tools)."),
]
Planner = Annotated[str | None, Parameter(name="--planner", group=ENGINES, help="Engine of the planner alone.")]
Turns = Annotated[int | None, Parameter(name="--max-turns", group=LIMITS, help="At most so many turns.")]
Seconds = Annotated[float | None, Parameter(name="--max-seconds", group=LIMITS, help="At most so many seconds.")]
ConfigFile = Annotated[Path | None, Parameter(name="--config", help="A TOML file of settings.")]
Setting = Annotated[
    list[str] | None,
    Parameter(name="--set", help="Any setting, as name=value: --set planner.temperature=0.5", negative=()),
]
Record = Annotated[Path | None, Parameter(name="--record", group=ENGINES, help="Keep tool results in this cassette.")]
Replay = Annotated[Path | None, Parameter(name="--replay", group=ENGINES, help="Tool results out of this cassette.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON object and nothing else.")]


def overrides(**flags: object) -> dict[str, object]:
    """Flags that were given, by the dotted names of their settings."""
    return {name.replace("__", "."): value for name, value in flags.items() if value is not None}


def solving_flags(
    tools: str | None,
    engine: str | None,
    planner: str | None,
    flow: str | None,
    max_turns: int | None,
    max_seconds: float | None,
) -> dict[str, object]:
    """Those that say how questions are solved."""
    return overrides(
        tools__enabled=None if tools is None else [name.strip() for name in tools.split(",") if name.strip()],
        engine=engine,
        planner__engine=planner,
        flow=flow,
        budget__max_turns=max_turns,
        budget__max_seconds=max_seconds,
    )
