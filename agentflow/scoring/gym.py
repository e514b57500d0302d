"""Answers to tasks of reasoning-gym, by the verifier that the generator of the task brings along.

A task names its generator, so that its entry can be made again as it was: some verifiers need more than a gold answer.
Generators that run the answer as Python are refused: what a model writes is never executed outside the sandbox.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentflow.errors import ConfigError
from agentflow.types import Task

RUNS_ANSWERS = frozenset(
    {
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "n_queens",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    }
)


@dataclass(frozen=True)
class _Origin:
    """Where a task came from. `settings` is JSON."""

    dataset: str
    seed: int
    index: int
    settings: str


def gym_score(task: Task, answer: str) -> float:
    """1.0 if reasoning-gym's own verifier gives the answer full marks, else 0.0; its marks with `partial`.

    Reads `metadata`: `dataset`, `seed`, `index`, `settings` and `partial`, as the source "reasoning-gym" writes them.
    `ConfigError` where these do not lead back to the task, or reasoning-gym is not installed.
    """
    generator, entry = _entry(_origin(task))
    if entry["question"] != task.question:
        raise ConfigError(f"task {task.id!r}: reasoning-gym makes another question now: make the tasks anew")
    try:
        marks = float(generator.score_answer(answer.strip(), entry))
    except Exception:  # noqa: BLE001 - a verifier that stumbles over an answer has not found it right
        return 0.0
    marks = min(max(marks, 0.0), 1.0)
    return marks if task.metadata.get("partial") else float(marks == 1.0)


def _origin(task: Task) -> _Origin:
    known = task.metadata
    dataset, seed, index = known.get("dataset"), known.get("seed"), known.get("index")
    if not isinstance(dataset, str) or type(seed) is not int or type(index) is not int:
        raise ConfigError(
            f"task {task.id or task.question[:60]!r}: reasoning_gym wants 'dataset', 'seed' and 'index' in the metadata"
        )
    if dataset in RUNS_ANSWERS:
        raise ConfigError(f"the verifier of {dataset!r} runs the answer as a program: it can not be used as a scorer")
    return _Origin(dataset, seed, index, json.dumps(known.get("settings", {}), sort_keys=True))


@lru_cache(maxsize=4096)
def _entry(origin: _Origin) -> tuple[Any, dict[str, Any]]:
    """The generator of a task, and the task as the generator knows it."""
    generator = _generator(origin.dataset, origin.seed, origin.settings)
    entry: dict[str, Any] = generator[origin.index]
    return generator, entry


@lru_cache(maxsize=64)
def _generator(dataset: str, seed: int, settings: str) -> Any:
    try:
        import reasoning_gym
    except ImportError as error:
        raise ConfigError("scorer 'reasoning_gym' needs pip install 'agentflow-grpo[reasoning-gym]'") from error
    try:
        return reasoning_gym.create_dataset(dataset, seed=seed, **json.loads(settings))
    except (ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"reasoning-gym can not make {dataset!r} with {settings}: {error}") from error
