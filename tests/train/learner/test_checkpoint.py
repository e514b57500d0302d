import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.errors import ConfigError
from agentflow.train.learner import LocalLearner
from agentflow.train.objective import ObjectiveConfig

from .tiny import open_learner, random_samples, shake

WAYS: list[dict[str, Any]] = [{"lora_rank": 4}, {"lora_rank": 0}]


def step(learner: LocalLearner, seed: int) -> None:
    learner.forward_backward(random_samples(seed), ObjectiveConfig(kl="off"))
    learner.optim_step(1e-2, max_grad_norm=1.0)


def bits(learner: LocalLearner) -> dict[str, bytes]:
    return {name: weight.detach().numpy().tobytes() for name, weight in learner.trained.items()}


@pytest.mark.parametrize("settings", WAYS, ids=["adapter", "all weights"])
def test_a_run_that_was_interrupted_ends_at_the_same_bits(
    llama: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    straight = open_learner(llama, **settings)
    for seed in range(2):
        step(straight, seed)
    straight.save(tmp_path / "saved")
    for seed in range(2, 4):
        step(straight, seed)

    resumed = open_learner(llama, **settings)
    shake(resumed)
    resumed.load(tmp_path / "saved")
    for seed in range(2, 4):
        step(resumed, seed)
    assert bits(resumed) == bits(straight)


def test_random_generators_go_on_where_they_were(llama: Path, tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(1))

    learner = open_learner(llama)
    learner.save(tmp_path / "saved")
    wanted = draw()
    learner.load(tmp_path / "saved")
    assert draw() == wanted


@pytest.mark.parametrize("file", ["weights.safetensors", "optimizer.pt", "random.pt", "learner.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_checkpoint_is_refused_and_nothing_changes(
    llama: Path, tmp_path: Path, file: str, damage: str
) -> None:
    learner = open_learner(llama)
    step(learner, 0)
    learner.save(tmp_path)
    path = tmp_path / file
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    step(learner, 1)
    before = bits(learner)
    with pytest.raises(ConfigError, match="no whole checkpoint"):
        learner.load(tmp_path)
    assert bits(learner) == before


def test_a_checkpoint_of_another_rank_is_refused(llama: Path, tmp_path: Path) -> None:
    open_learner(llama).save(tmp_path)
    with pytest.raises(ConfigError, match="lora_rank"):
        open_learner(llama, lora_rank=2).load(tmp_path)
