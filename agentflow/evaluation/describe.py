"""From what is about to run to the header of its receipt."""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agentflow.config import MODULES, Config, RecordingsConfig
from agentflow.engines.weights import weights_of
from agentflow.errors import ConfigError
from agentflow.evaluation.receipt import (
    BenchmarkUsed,
    Header,
    Machine,
    ModuleUsed,
    PromptsUsed,
    RecordingsUsed,
    Weights,
)
from agentflow.evaluation.settings import RunSettings
from agentflow.flow import Solver
from agentflow.flow.prompt_set import load_prompt_set
from agentflow.recordings import Cassette
from agentflow.scoring.judge import Judge
from agentflow.types import ModuleName, Task

_PACKAGE = "agentflow-grpo"
_MODULES_OF: dict[str, tuple[ModuleName, ...]] = {"agentflow": MODULES, "plain": ("solo",), "react": ("solo",)}
EXECUTORS = ("", "default")  # how a tool names the executor's engine
ASKING = ("generalist",)  # tools that ask the executor's engine unless they are told another one
# Whatever can change a token or a mark.
_LIBRARIES = (
    "anthropic",
    "google-genai",
    "llama-cpp-python",
    "llguidance",
    "math-verify",
    "openai",
    "pydantic",
    "reasoning-gym",
    "torch",
    "transformers",
)


def describe(
    config: Config,
    benchmark: BenchmarkUsed,
    tasks: Iterable[Task],
    settings: RunSettings,
    solver: Solver,
    judge: Judge | None = None,
) -> Header:
    """The header of a receipt that begins now. `tasks` are all items, whatever is asked of them.

    Reads the files of weights, prompts and recordings.
    """
    return Header(
        package=package(),
        benchmark=benchmark.model_copy(update={"items_hash": hash_of_items(tasks)}),
        flow=config.flow,
        modules=modules_of(config),
        weights=weights_used(config),
        prompts=prompts_of(config),
        tools=dict(sorted(solver.tool_versions.items())),
        judge=judge.identity if judge else None,
        recordings=recordings_used(config.recordings),
        seed=settings.seed,
        seeded=solver.takes_seeds,
        trials=settings.trials,
        limit=settings.limit,
        max_turns=config.budget.max_turns,
        attempts=settings.attempts,
        config=config.model_dump(mode="json"),
        machine=_machine(),
        started=now(),
    )


def cautions(header: Header) -> Iterator[str]:
    """What of an evaluation may not be as its user thinks, a line each."""
    for name, module in header.modules.items():
        if header.trials > 1 and module.sampling.seed is not None and module.sampling.temperature != 0:
            yield f"{name}.seed is set: the {name} draws the same tokens in each of the {header.trials} trials"


def package() -> str:
    """The package and its version."""
    return f"{_PACKAGE} {version(_PACKAGE)}"


def modules_of(config: Config) -> dict[str, ModuleUsed]:
    """The modules that take part in a config's flow."""
    settings = {module: getattr(config, module) for module in _MODULES_OF[config.flow]}
    return {
        name: ModuleUsed(
            engine=module.engine or config.engine, sampling=module.sampling, constrained=module.constrained
        )
        for name, module in settings.items()
    }


def weights_used(config: Config) -> dict[str, Weights]:
    """The files that the engines of the modules and tools compute with, by specification."""
    found = {module.engine: weights_of(module.engine) for module in modules_of(config).values()}
    for engine in _engines_of_tools(config) - found.keys():
        with suppress(ConfigError):  # what one tool calls its engine can be something else for another
            found[engine] = weights_of(engine)
    return {engine: Weights(**weights._asdict()) for engine, weights in sorted(found.items()) if weights}


def _engines_of_tools(config: Config) -> set[str]:
    enabled = () if config.flow == "plain" else config.tools.enabled
    executor = config.executor.engine or config.engine  # no module of every flow, and asked by tools all the same
    named = [
        config.tools.settings.get(name, {}).get("engine", "default" if name in ASKING else None) for name in enabled
    ]
    return {executor if engine in EXECUTORS else engine for engine in named if isinstance(engine, str)}


def prompts_of(config: Config) -> PromptsUsed:
    """The prompt files that take part in a config's flow."""
    prompts = load_prompt_set(config.prompts)
    names = [config.flow] if config.flow in prompts else [name for name in prompts if name not in _MODULES_OF]
    sent = {name: {heading: text.template for heading, text in prompts[name].sections.items()} for name in names}
    files = {f"{name}.md": _hash(sections) for name, sections in sent.items()}
    return PromptsUsed(name=config.prompts, hash=_hash(files), files=files)


def hash_of_items(tasks: Iterable[Task]) -> str:
    """Of all that decides what is asked and what is right; the order plays no part.

    >>> tasks = [Task(id="a", question="1 + 1?", answers=("2",)), Task(id="b", question="1 + 2?", answers=("3",))]
    >>> hash_of_items(tasks) == hash_of_items(tasks[::-1]), hash_of_items(tasks) == hash_of_items(tasks[:1])
    (True, False)
    """
    rows = {task.id: [task.question, task.answers, task.metadata] for task in tasks}
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def recordings_used(config: RecordingsConfig, *, at_end: bool = False) -> RecordingsUsed:
    """Where tool results come from; of a cassette that is recorded, which grows, the digest is known at the end."""
    if config.mode == "live" or not config.file:
        return RecordingsUsed(mode="live")
    known = at_end or config.mode == "replay"
    return RecordingsUsed(mode=config.mode, file=config.file.name, digest=_digest_of(config.file) if known else "")


def _digest_of(cassette: Path) -> str:
    with Cassette(cassette) as opened:
        return opened.digest()


def _machine() -> Machine:
    return Machine(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        packages={name: found for name in _LIBRARIES if (found := _version(name))},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _hash(value: object) -> str:
    """Of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
