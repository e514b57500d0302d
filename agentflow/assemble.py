"""From a `Config` to a running `Flow`: opens the engines and tools that it names, each once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from agentflow.config import MODULES, Config, load_config
from agentflow.engines import open_engine
from agentflow.errors import ConfigError
from agentflow.flow import Flow
from agentflow.tools import open_tools
from agentflow.trace import append_trajectory
from agentflow.types import Engine, Task, Trajectory


class Engines:
    """The engines of a config, each opened at its first use and shared by all that name it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._open: dict[str, Engine] = {}

    def get(self, specification: str) -> Engine:
        """The engine of a specification; "" and "default" mean that of the whole flow."""
        name = self._config.engine if specification in ("", "default") else specification
        if name not in self._open:
            self._open[name] = open_engine(name, settings=self._config.engines.get(name, {}))
        return self._open[name]

    async def close(self) -> None:
        """Close what was opened."""
        for engine in self._open.values():
            await engine.close()


@asynccontextmanager
async def open_flow(
    config: Config,
    *,
    notice: Callable[[str], None] = lambda _line: None,
    sink: Callable[[Trajectory], None] | None = None,
) -> AsyncIterator[Flow]:
    """Open a flow with everything it needs, and close it again.

    `notice` gets one line for each tool that has to be left out. Trajectories go to `config.trace`, where it is set,
    and to `sink`. Raises `ConfigError` before anything is asked of an engine.

    Example::

        async with open_flow(load_config(Path("agentflow.toml"))) as flow:
            trajectory = await flow.solve("Who wrote the opera Carmen?")
    """
    engines = Engines(config)
    try:
        by_module = {module: engines.get(getattr(config, module).engine) for module in MODULES}
        tools = await asyncio.to_thread(
            open_tools, config.tools.enabled, settings=config.tools.settings, open_engine=engines.get, notice=notice
        )
        yield Flow(by_module, tools, config, sink=lambda trajectory: _record(config, trajectory, sink))
    finally:
        await engines.close()


def _record(config: Config, trajectory: Trajectory, sink: Callable[[Trajectory], None] | None) -> None:
    if config.trace:
        append_trajectory(config.trace, trajectory)
    if sink:
        sink(trajectory)


def solve(question: Task | str, config: Config | None = None, **overrides: Any) -> Trajectory:
    """Answer one question and wait for it: the whole system in one call.

    `overrides` are settings with `__` for the dot: `solve("...", budget__max_turns=3, engine="openai:gpt-5")`. Engines
    and tools are opened and closed again each time; for many questions use `open_flow`. Raises as `open_flow` and
    `Flow.solve` do; call it from synchronous code only.
    """
    if config and overrides:
        raise ConfigError("wanted a config or overrides, came both")
    chosen = config or load_config(overrides={name.replace("__", "."): value for name, value in overrides.items()})

    async def run() -> Trajectory:
        async with open_flow(chosen) as flow:
            return await flow.solve(question)

    return asyncio.run(run())
