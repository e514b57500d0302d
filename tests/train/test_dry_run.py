"""A dry run finds what would make a run useless, and changes nothing."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.engines import ScriptedEngine
from agentflow.train.config import TrainConfig
from agentflow.train.dry_run import Check, dry_run
from agentflow.train.trainer import Team
from agentflow.types import Task
from tests.flow import team

from . import scripted_run


@dataclass
class Tasks(scripted_run.Questions):
    """Questions whose scorer can be a wrong one."""

    scorer: str = "exact_match"
    validation: tuple[Task, ...] = scripted_run.Questions.validation

    def batch(self, position: int, num_tasks: int) -> list[Task]:
        drawn = super().batch(position, num_tasks)
        return [
            task.model_copy(update={"metadata": {"scorer": self.scorer, "numbers": [1, 2, 3, 4]}}) for task in drawn
        ]


def look(folder: Path, config: TrainConfig, parts: Team | None = None) -> dict[str, Check]:
    parts = parts or scripted_run.open_parts(config, folder)
    return {check.name: check for check in asyncio.run(dry_run(config, parts))}


def test_a_run_that_can_learn_passes_and_nothing_changes(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 10)
    parts = scripted_run.open_parts(config, tmp_path)
    before = {name: weight.clone() for name, weight in parts.backend.trained.items()}  # type: ignore[attr-defined]
    checks = look(tmp_path, config, parts)
    assert list(checks) == ["tasks", "scorer", "engines", "plans", "variance", "gap", "memory", "cost"]
    assert [check.name for check in checks.values() if not check.ok] == []
    assert checks["variance"].found == "100% of 3 groups have different rewards"
    assert "for 10 steps" in checks["cost"].found
    after = parts.backend.trained  # type: ignore[attr-defined]
    assert all(bool((after[name] == weight).all()) for name, weight in before.items())
    assert not (tmp_path / "run").exists()


def test_a_policy_that_is_always_right_has_nothing_to_learn(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 10)
    right = ScriptedEngine(lambda *_: team.answer("yes"))
    checks = look(tmp_path, config, scripted_run.open_parts(config, tmp_path, generator=right))
    assert not checks["variance"].ok
    assert checks["variance"].found.startswith("0% of 3 groups")


def test_a_scorer_that_refuses_its_own_gold_is_found(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 10)
    parts = replace(scripted_run.open_parts(config, tmp_path), tasks=Tasks(scorer="game24"))
    checks = look(tmp_path, config, parts)
    assert not checks["scorer"].ok
    assert "q0: its own gold 'yes' does not score 1" in checks["scorer"].found


def test_an_engine_that_is_down_is_named(tmp_path: Path) -> None:
    from agentflow.errors import EngineError

    config = scripted_run.settings(tmp_path, 10)

    def down(*_: object) -> str:
        raise EngineError("nobody answers at port 1")

    checks = look(tmp_path, config, scripted_run.open_parts(config, tmp_path, generator=ScriptedEngine(down)))
    assert not checks["engines"].ok
    assert "nobody answers at port 1" in checks["engines"].found
    assert not checks["learning"].ok


def test_a_sampler_that_is_not_the_learner_is_found(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 10)
    limits = config.train.limits.model_copy(update={"gap": 1e-12})
    config = config.model_copy(update={"train": config.train.model_copy(update={"limits": limits})})
    assert not look(tmp_path, config)["gap"].ok


def test_no_validation_tasks_are_found(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 10)
    parts = replace(scripted_run.open_parts(config, tmp_path), tasks=Tasks(validation=()))
    assert not look(tmp_path, config, parts)["tasks"].ok
