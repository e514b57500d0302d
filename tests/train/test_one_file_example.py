"""The example that holds all of Flow-GRPO and the library are the same algorithm, and the example learns."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train.objective import ObjectiveConfig, Tokens, flow_grpo_loss
from agentflow.train.samples import PlannerTurn, Sample, ScoredTrajectory, flow_grpo_samples

FILE = Path(__file__).parent.parent.parent / "examples" / "flow_grpo_in_one_file.py"
NUM_GROUPS = 3


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The file as a module."""
    spec = importlib.util.spec_from_file_location("flow_grpo_in_one_file", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def groups(example: Any) -> Any:
    """Rollouts of an untrained policy; seed 2 has right and wrong ones, of one, two and three turns."""
    torch.manual_seed(2)
    policy, generator = example.Policy(), torch.Generator().manual_seed(2)
    return [[example.rollout(policy, (tool, 4), generator) for _ in range(8)] for tool in range(NUM_GROUPS)]


def moved_policy(example: Any) -> Any:
    """The policy that made the rollouts, after a change: ratios, clipping and KL are at work."""
    torch.manual_seed(2)
    policy = example.Policy()
    with torch.no_grad():
        for weight in policy.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return policy


def samples_of(groups: Any) -> list[Sample]:
    """The same trajectories as the library takes them."""
    return flow_grpo_samples(
        [
            [
                ScoredTrajectory(
                    tuple(
                        PlannerTurn(tuple(turn.prompt), tuple(turn.action), tuple(turn.logprobs))
                        for turn in trajectory.turns
                    ),
                    trajectory.reward,
                )
                for trajectory in group
            ]
            for group in groups
        ]
    )


def turns_of(groups: Any) -> list[Any]:
    return [turn for group in groups for trajectory in group for turn in trajectory.turns]


def gradients(policy: Any, loss: Any) -> list[Any]:
    return list(torch.autograd.grad(loss, list(policy.parameters())))


def test_the_trajectories_that_are_compared_differ_in_reward_turns_and_tokens(groups: Any) -> None:
    trajectories = [trajectory for group in groups for trajectory in group]
    assert {trajectory.reward for trajectory in trajectories} == {0.0, 1.0}
    assert len({len(trajectory.turns) for trajectory in trajectories}) > 1
    assert {len(turn.action) for turn in turns_of(groups)} == {1, 2}


def test_its_advantages_are_the_librarys(example: Any, groups: Any) -> None:
    found = iter(samples_of(groups))
    for group in groups:
        advantages = example.advantages([trajectory.reward for trajectory in group])
        for trajectory, advantage in zip(group, advantages, strict=True):
            for _ in trajectory.turns:
                sample = next(found)
                assert set(sample.advantage[sample.mask].tolist()) == {float(np.float32(advantage))}


def test_its_loss_and_its_gradient_are_the_librarys(example: Any, groups: Any) -> None:
    policy, reference = moved_policy(example), example.Policy()
    loss = example.flow_grpo_loss(policy, reference, groups)

    samples = samples_of(groups)
    policy_logprobs = torch.cat(example.logprobs(policy, turns_of(groups)))
    with torch.no_grad():
        reference_logprobs = torch.cat(example.logprobs(reference, turns_of(groups)))

    def flat(name: str) -> Any:
        return torch.from_numpy(np.concatenate([getattr(sample, name)[sample.mask] for sample in samples]))

    constants = {name: flat(name) for name in ("rollout_logprobs", "advantage", "weight")}
    tokens = Tokens(
        policy_logprobs=policy_logprobs,
        entropy=torch.zeros_like(policy_logprobs),
        reference_logprobs=reference_logprobs,
        **constants,
    )
    defaults = ObjectiveConfig()
    assert (defaults.clip_low, defaults.clip_high, defaults.kl_coefficient) == (
        example.CLIP,
        example.CLIP,
        example.KL_COEFFICIENT,
    )
    ratio = torch.exp(policy_logprobs - constants["rollout_logprobs"]).detach()
    assert ((ratio - 1).abs() > example.CLIP).any(), "nothing was clipped"

    library = flow_grpo_loss(tokens, defaults)
    assert library.item() == pytest.approx(loss.item(), abs=1e-6)
    assert abs(loss.item()) > 1e-3
    for own, librarys in zip(gradients(policy, loss), gradients(policy, library), strict=True):
        assert torch.allclose(own, librarys, rtol=1e-4, atol=1e-6)


def test_its_log_probabilities_are_those_that_were_recorded_whatever_else_is_in_the_batch(
    example: Any, groups: Any
) -> None:
    torch.manual_seed(2)
    policy = example.Policy()
    turns = turns_of(groups)
    with torch.no_grad():
        again = example.logprobs(policy, turns)
    for turn, logprobs in zip(turns, again, strict=True):
        assert logprobs.tolist() == pytest.approx(turn.logprobs, abs=1e-5)


def test_it_learns(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rewards = example.train(num_steps=16, seed=0)
    assert sum(rewards[:3]) / 3 < 0.25
    assert sum(rewards[-3:]) / 3 > 0.6
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in printed] == [f"{reward:.2f}" for reward in rewards]
