"""Receipts put together by what was measured: a system is a flow with its engines, and has one receipt a benchmark."""

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agentflow.errors import ConfigError
from agentflow.evaluation.receipt import Header, Key, Receipt, Summary, read_receipt

FLOWS = {"agentflow": "AgentFlow", "plain": "the model alone", "react": "ReAct"}


@dataclass(frozen=True)
class Run:
    """The receipt of a finished evaluation, and the name of the system that it measures."""

    system: str
    receipt: Receipt

    @property
    def header(self) -> Header:
        return self.receipt.header

    @property
    def benchmark(self) -> str:
        return self.header.benchmark.name

    @property
    def summary(self) -> Summary:
        """What the records add up to."""
        assert self.header.summary is not None
        return self.header.summary

    @cached_property
    def trials(self) -> frozenset[Key]:
        """Which items were asked, and how often."""
        return frozenset(record.key for record in self.receipt.records)


def read_runs(arguments: Sequence[str]) -> list[Run]:
    """Receipts by path, or `NAME=PATH` to give the system a name of your own. A folder stands for the receipts in it.

    Raises `ConfigError` for what can not be read, for an evaluation that has not come to its end, and for receipts that
    would have to share a cell or a row and must not.
    """
    runs = [_run(file, name) for argument in arguments for name, path in [_named(argument)] for file in _files(path)]
    _refuse_doubles(runs)
    _refuse_mixtures(runs)
    return runs


def _named(argument: str) -> tuple[str, Path]:
    """The name that an argument gives, if any, and the path. What is there is a path, also with a `=` in it."""
    name, equals, place = argument.partition("=")
    return (name, Path(place)) if equals and not Path(argument).exists() else ("", Path(argument))


def _files(path: Path) -> list[Path]:
    """The file itself, or the receipts of a folder: not the verdicts of a judge, which lie there, too."""
    if not path.is_dir():
        return [path]
    found = [file for file in sorted(path.glob("*.jsonl*")) if not _is_something_else(file)]
    if not found:
        raise ConfigError(f"{path} has no receipts in it")
    return found


def _is_something_else(file: Path) -> bool:
    """Whether a file begins with an object that is no header. What can not be read is told when it is read."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            first = json.loads(lines.readline())
    except (OSError, EOFError, ValueError, zlib.error):
        return False
    return isinstance(first, dict) and first.get("kind") != "header"


def _run(path: Path, name: str) -> Run:
    receipt = read_receipt(path)
    if not receipt.records or not receipt.is_finished or receipt.header.summary is None:
        raise ConfigError(f"{path} is not finished: the command that began it goes on from there")
    return Run(name or name_of(receipt.header), receipt)


def name_of(header: Header) -> str:
    """What a system is called: its flow, its planner's engine, and those of the other modules where they differ."""
    engines = {module: short(used.engine) for module, used in header.modules.items()}
    first = engines.get("planner") or next(iter(engines.values()), "")
    others = sorted({engine for engine in engines.values() if engine != first})
    flow = FLOWS.get(header.flow, header.flow)
    return f"{flow}, {first}" + (f" (other modules: {', '.join(others)})" if others else "")


def short(engine: str) -> str:
    """
    >>> short("local:qwen2.5-coder-1.5b"), short("/models/flow-grpo/model.gguf")
    ('qwen2.5-coder-1.5b', 'flow-grpo/model.gguf')
    """
    if "/" in engine and not engine.split(":")[0].isalpha():
        return "/".join(Path(engine).parts[-2:])
    return engine.removeprefix("local:")


def widest(runs: Iterable[Run]) -> dict[tuple[str, str], Run]:
    """By system and benchmark, the run with the largest turn budget."""
    chosen: dict[tuple[str, str], Run] = {}
    for run in runs:
        so_far = chosen.setdefault((run.system, run.benchmark), run)
        if run.header.max_turns > so_far.header.max_turns:
            chosen[run.system, run.benchmark] = run
    return chosen


def listed(names: Collection[str], most: int = 4) -> str:
    """
    >>> listed(["a", "b"]), listed("abcdef")
    ('a, b', 'a, b, c, d and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(list(names)[:most]) + more


def _refuse_doubles(runs: Sequence[Run]) -> None:
    """Two receipts of one system on one benchmark under one budget would have to share a cell."""
    places = defaultdict(list)
    for run in runs:
        places[run.system, run.benchmark, run.header.max_turns].append(run.receipt.path)
    for (system, benchmark, _), paths in places.items():
        if len(paths) > 1:
            raise ConfigError(
                f"{' and '.join(map(str, paths))} are both of {system!r} on {benchmark}: give one a name, as NAME=PATH"
            )


def _refuse_mixtures(runs: Sequence[Run]) -> None:
    """Receipts of two systems would have to share a row."""
    first: dict[str, Run] = {}
    for run in runs:
        one = first.setdefault(run.system, run)
        before, after = _what_answers(one.header), _what_answers(run.header)
        apart = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if apart:
            raise ConfigError(
                f"{one.receipt.path} and {run.receipt.path} are both called {run.system!r}, and are two systems "
                f"({listed(apart)}): give one a name, as NAME=PATH"
            )


def _what_answers(header: Header) -> dict[str, object]:
    """What makes a system another one: flow, engines, sampling, weights and prompts."""
    return {
        "flow": header.flow,
        **{f"the {module}": used for module, used in header.modules.items()},
        **{f"weights of {engine}": weights.sha256 for engine, weights in header.weights.items()},
        "prompts": header.prompts.hash,
    }
