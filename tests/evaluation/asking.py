"""Evaluations for tests: numbered questions, a team that answers each by its number, and whatever can go wrong."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.config import Config, load_config
from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import Reply
from agentflow.errors import EngineError
from agentflow.evaluation.receipt import BenchmarkUsed, Receipt
from agentflow.evaluation.run import Watcher, evaluate
from agentflow.evaluation.settings import RunSettings
from agentflow.scoring.judge import Judge
from agentflow.types import Engine, Message, Task

from ..flow.team import STOP, answer, plan

BENCHMARK = BenchmarkUsed(name="numbers", data_hash="f00d", origin="tests", num_items=50)
MODULES = ("analyst", "planner", "executor", "verifier", "generator", "tool", "judge")


def numbers(num: int = 50, *, judged: Sequence[int] = ()) -> list[Task]:
    """Questions that are answered by their numbers; `judged` are scored by a judge."""
    return [
        Task(
            question=f"Which number is this: {number}?",
            answers=(str(number),),
            id=f"item-{number}",
            metadata={"scorer": "judge" if number in judged else "number"},
        )
        for number in range(num)
    ]


def number_in(messages: Sequence[Message]) -> int:
    """That of the question in a prompt."""
    return int(messages[-1].content.split("Which number is this: ")[1].split("?")[0])


@dataclass
class Team:
    """Engines that know every answer, but for `wrong` ones. The planner breaks on `broken` and hangs on `slow`."""

    wrong: Sequence[int] = ()
    broken: Sequence[int] = ()
    slow: Sequence[int] = ()
    unjudged: Sequence[int] = ()
    answers: Callable[[int], str] = str
    engines: dict[str, ScriptedEngine] = field(init=False)

    def __post_init__(self) -> None:
        scripts: dict[str, Any] = {
            "analyst": lambda *_: "look at it",
            "planner": self._plan,
            "executor": lambda *_: '{"query": "what is it"}',
            "verifier": lambda *_: STOP,
            "generator": self._answer,
            "tool": lambda *_: "a number",
            "judge": self._judge,
        }
        self.engines = {
            f"openai:{name}": ScriptedEngine(script, name=f"openai:{name}") for name, script in scripts.items()
        }
        planner = self.engines["openai:planner"]
        planner.complete = _hanging(planner.complete, self.slow)  # type: ignore[method-assign]

    def asked(self, module: str) -> list[int]:
        """The numbers of the questions that a module was asked about."""
        return [number_in(request.messages) for request in self.engines[f"openai:{module}"].requests]

    def _plan(self, messages: Sequence[Message], *_: object) -> Reply:
        broken = number_in(messages) in self.broken
        return EngineError("the server is down") if broken else plan(tool_name="generalist")

    def _answer(self, messages: Sequence[Message], *_: object) -> Reply:
        number = number_in(messages)
        return answer("nobody knows" if number in self.wrong else self.answers(number))

    def _judge(self, messages: Sequence[Message], *_: object) -> Reply:
        failed = number_in(messages) in self.unjudged
        return EngineError("the judge is away") if failed else '{"reason": "it is the number", "verdict": "RIGHT"}'


def _hanging(complete: Any, numbers: Sequence[int]) -> Any:
    async def slow(messages: Sequence[Message], *arguments: Any, **named: Any) -> Any:
        if number_in(messages) in numbers:
            await asyncio.Event().wait()
        return await complete(messages, *arguments, **named)

    return slow


def config_of(**overrides: Any) -> Config:
    """A config whose modules are those of a team; the keywords are settings, with `__` for the dot."""
    named: dict[str, Any] = {f"{name}.engine": f"openai:{name}" for name in MODULES[:5]}
    named |= {"tools.enabled": ["generalist"], "tools.generalist.engine": "openai:tool", "trace": "none"}
    return load_config(overrides=named | {name.replace("__", "."): value for name, value in overrides.items()})


def run(
    out: Path,
    tasks: Sequence[Task] | None = None,
    team: Team | None = None,
    *,
    config: Config | None = None,
    benchmark: BenchmarkUsed = BENCHMARK,
    watcher: Watcher | None = None,
    notices: list[str] | None = None,
    **settings: Any,
) -> Receipt:
    """Evaluate, and wait for it; further keywords are `RunSettings`."""
    team = team or Team()
    judge = Judge(team.engines["openai:judge"])
    engines: dict[str, Engine] = dict(team.engines)
    return asyncio.run(
        evaluate(
            config or config_of(),
            benchmark,
            numbers() if tasks is None else tasks,
            out,
            RunSettings(**settings),
            judge=judge,
            engines=engines,
            watcher=watcher,
            notice=(notices if notices is not None else []).append,
        )
    )
