"""One step on the same samples ends at the same weights as one of TRL's GRPO trainer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")
pytest.importorskip("trl", reason="needs pip install 'agentflow-grpo[oracle]'")

from agentflow.train.objective import ObjectiveConfig
from agentflow.train.samples import Sample

from .learner.tiny import open_learner, random_samples, write_model
from .learner.trl_oracle import make_trainer

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's own

LR, BETA, CLOSE = 1e-3, 0.01, 5e-5


def weighed(samples: list[Sample]) -> list[Sample]:
    """Each sample is a turn of a group: the weight of Eq. 5, as TRL's loss "grpo" has it."""
    return [
        replace(sample, weight=(sample.mask / (len(samples) * sample.num_actions)).astype(np.float32))
        for sample in samples
    ]


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_a_step_is_that_of_trl(tmp_path: Path, kind: str, micro_batches: int) -> None:
    folder = write_model(tmp_path / "model", kind)
    learner = open_learner(folder, lora_rank=0, weight_decay=0.0)
    samples = weighed(random_samples(0, num_samples=6))
    for sample, values in zip(samples, learner.logprobs(samples), strict=True):
        drawn = values + 0.3 * np.sin(np.arange(len(values)))  # ratios on both sides of the clip range
        sample.rollout_logprobs[sample.mask] = drawn
    objective = ObjectiveConfig(clip_low=0.2, clip_high=0.3, kl_coefficient=BETA)
    reference = learner.logprobs(samples, reference=True)
    metrics = learner.forward_backward(samples, objective, reference_logprobs=reference)
    norm = learner.optim_step(LR, max_grad_norm=1.0)
    assert metrics["clip_fraction"] > 0

    settings: dict[str, Any] = {
        "per_device_train_batch_size": len(samples) // micro_batches,
        "gradient_accumulation_steps": micro_batches,
        "learning_rate": LR,
        "beta": BETA,
        "epsilon": 0.2,
        "epsilon_high": 0.3,
        "max_steps": 1,
        "logging_steps": 1,
        "gradient_checkpointing": False,
    }
    trainer = make_trainer(folder, samples, tmp_path / "trl", **settings)
    trainer.train()
    theirs = dict(trainer.accelerator.unwrap_model(trainer.model).named_parameters())
    moved = max(float((weight - theirs[name]).abs().max()) for name, weight in learner.trained.items())
    assert moved < CLOSE
    assert trainer.state.log_history[0]["grad_norm"] == pytest.approx(norm, rel=1e-4)
    assert trainer.state.log_history[0]["loss"] == pytest.approx(metrics["loss"], abs=1e-5)
