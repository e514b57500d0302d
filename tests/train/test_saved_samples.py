"""A stranger recomputes the loss of a step from its saved samples, with numpy alone and the equation."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train.flow_grpo import FlowGrpoTrainer
from agentflow.train.run_folder import RunFolder

from . import scripted_run


def test_the_loss_is_what_the_samples_say(tmp_path: Path) -> None:
    config = scripted_run.settings(tmp_path, 3)
    config = config.model_copy(
        update={"train": config.train.model_copy(update={"save_samples": True, "minibatches": 1})}
    )
    run = RunFolder(config.train.folder)
    run.start("", config.identity())
    asyncio.run(FlowGrpoTrainer(config, scripted_run.open_parts(config, tmp_path), run).train())
    told = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    losses = {line["step"]: line["loss"] for line in told if line["kind"] == "train" and "loss" in line}
    assert losses, "no step had a group that varies"
    for step, loss in losses.items():
        assert recomputed(run.folder / "samples" / f"step-{step:06}.npz") == pytest.approx(loss, rel=1e-4, abs=1e-6)


def recomputed(path: Path) -> float:
    """Eq. 5 with the defaults: clip 0.2, KL coefficient 0.001."""
    with np.load(path) as saved:
        action = saved["mask"]
        policy, rollout, reference, advantage, weight = (
            saved[name][action].astype(np.float64)
            for name in ("policy_logprobs", "rollout_logprobs", "reference_logprobs", "advantage", "weight")
        )
        assert saved["lengths"].sum() == len(action) == len(saved["token_ids"])
        assert len(saved["names"]) == len(saved["lengths"])
    ratio = np.exp(policy - rollout)
    surrogate = np.minimum(ratio * advantage, ratio.clip(0.8, 1.2) * advantage)
    k3 = np.exp(reference - policy) - (reference - policy) - 1
    return float((weight * (0.001 * k3 - surrogate)).sum())
