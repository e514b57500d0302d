"""One part of a system put in the place of another, and nothing else changed."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from agentflow.config import Config, ToolsConfig
from agentflow.errors import ConfigError, UnknownName
from agentflow.evaluation.describe import ASKING, EXECUTORS, modules_of
from agentflow.tools.opening import divide


@dataclass(frozen=True)
class Swap:
    """A part and what takes its place: an engine for a module or a tool, or a value for one of a tool's settings.

    >>> print(Swap("planner", "openai:gpt-5"), Swap("tools.web_search.num_results", 10))
    planner=openai:gpt-5 tools.web_search.num_results=10
    """

    part: str
    value: JsonValue

    def __str__(self) -> str:
        return f"{self.part}={self.value if isinstance(self.value, str) else json.dumps(self.value)}"

    def applied_to(self, config: Config) -> Config:
        """The config with this part swapped. Tools that ask the engine of an executor that is swapped keep the old one.

        Raises `UnknownName` for a part that this config's flow does not have, and `ConfigError` for a swap that
        changes nothing.
        """
        if self.part in modules_of(config):
            return self._of_module(config)
        tools = [] if config.flow == "plain" else divide(config.tools)[0]
        for tool in tools:
            if f"{self.part}.".startswith(f"tools.{tool}."):
                return self._of_tool(config, tool, self.part.removeprefix(f"tools.{tool}")[1:] or "engine")
        raise UnknownName("part", self.part, [*modules_of(config), *(f"tools.{tool}" for tool in tools)])

    def _of_module(self, config: Config) -> Config:
        before = modules_of(config)[self.part].engine
        self._check(before, self.value, is_engine=True)
        changes: dict[str, Any] = {self.part: getattr(config, self.part).model_copy(update={"engine": self.value})}
        if self.part == "executor":
            changes["tools"] = _pinned(config.tools, before)
        return config.model_copy(update=changes)

    def _of_tool(self, config: Config, tool: str, setting: str) -> Config:
        if config.recordings.mode == "replay":
            raise ConfigError(f"the swap {self} changes nothing: the results of tools are replayed")
        settings = config.tools.settings.get(tool, {})
        is_engine = setting == "engine"
        before = settings.get(setting, "default" if is_engine and tool in ASKING else None)
        executor = config.executor.engine or config.engine
        meant = [executor if is_engine and value in EXECUTORS else value for value in (before, self.value)]
        self._check(*meant, is_engine=is_engine)
        changed = config.tools.model_copy(update={tool: {**settings, setting: self.value}})
        return config.model_copy(update={"tools": changed})

    def _check(self, before: JsonValue, after: JsonValue, *, is_engine: bool) -> None:
        if is_engine and not isinstance(self.value, str):
            raise ConfigError(f"the swap {self} names no engine: wanted one such as openai:gpt-5")
        if after == before:
            raise ConfigError(f"the swap {self} changes nothing: that is what the receipt was made with")


def _pinned(tools: ToolsConfig, engine: str) -> ToolsConfig:
    """The tools with `engine` written down for those that ask the executor's."""
    asking = {name: {"engine": "default"} for name in ASKING if name in tools.enabled}
    settings = {name: {**asking.get(name, {}), **tools.settings.get(name, {})} for name in {**asking, **tools.settings}}
    pinned = {name: {**of, "engine": engine} for name, of in settings.items() if of.get("engine") in EXECUTORS}
    return tools.model_copy(update=pinned)
