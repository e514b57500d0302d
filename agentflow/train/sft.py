"""The offline baseline: imitation of planner turns that led to a right answer (SFT), with the same learner.

The gradient of Flow-GRPO with advantage 1, without a KL term and at the policy itself, is that of the log-likelihood.
So imitation is that: the log-probabilities before an update take the place of those of a sampler.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agentflow.errors import ConfigError
from agentflow.trace import read_trajectories
from agentflow.train.config import SftConfig
from agentflow.train.learner.metrics import means
from agentflow.train.metrics import Numbers
from agentflow.train.objective import ObjectiveConfig
from agentflow.train.run_folder import State
from agentflow.train.samples import Floats, PlannerTurn, Sample, make_sample
from agentflow.train.schedule import learning_rate
from agentflow.train.trainer import Clock, Encode, Trainer
from agentflow.types import Call, Status, Trajectory

LIKELIHOOD = ObjectiveConfig(kl="off")


class SftTrainer(Trainer):
    """A step: one update on the next `batch_turns` planner turns."""

    def __init__(self, *arguments: Any, turns: Sequence[PlannerTurn], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._turns = turns

    @property
    def num_steps(self) -> int:
        return num_updates(len(self._turns), self.settings.sft)

    async def work(self, state: State, clock: Clock) -> Numbers:
        self.watcher.phase("learn")
        turns = draw_turns(self._turns, state.step, self.settings.sft, self.settings.seed)
        with clock.phase("learn"):
            return await asyncio.to_thread(self._update, turns, state)

    def _update(self, turns: Sequence[PlannerTurn], state: State) -> Numbers:
        backend = self.team.backend
        weights = [1 / (len(turns) * len(turn.action_ids)) for turn in turns]
        samples = [make_sample(turn, 1.0, weight) for turn, weight in zip(turns, weights, strict=True)]
        before = backend.logprobs(samples)
        measured = backend.forward_backward(
            [as_sampled(sample, row) for sample, row in zip(samples, before, strict=True)], LIKELIHOOD
        )
        lr = learning_rate(state.step, self.num_steps, self.settings.lr, self.settings.schedule)
        norm = backend.optim_step(lr, max_grad_norm=self.settings.max_grad_norm)
        state.skipped_updates = 0 if np.isfinite(norm) else state.skipped_updates + 1
        nats = -sum(weight * float(row.sum()) for weight, row in zip(weights, before, strict=True))
        return {"loss": nats, "entropy": means(measured)["entropy"], "grad_norm": norm, "lr": lr, "errors/infra": 0.0}


def as_sampled(sample: Sample, logprobs: Floats) -> Sample:
    """The sample as if the policy had just drawn it."""
    rollout_logprobs = np.zeros_like(sample.rollout_logprobs)
    rollout_logprobs[sample.mask] = logprobs
    return replace(sample, rollout_logprobs=rollout_logprobs)


def num_updates(num_turns: int, config: SftConfig) -> int:
    """
    >>> num_updates(65, SftConfig(epochs=2, batch_turns=32))
    6
    """
    return config.epochs * -(-num_turns // config.batch_turns)


def draw_turns(turns: Sequence[PlannerTurn], step: int, config: SftConfig, seed: int) -> list[PlannerTurn]:
    """The turns of update `step`: each epoch in an order of its own, which the seed decides."""
    epoch, place = divmod(step, num_updates(len(turns), config) // config.epochs)
    order = np.random.default_rng([seed, epoch]).permutation(len(turns))
    return [turns[index] for index in order[place * config.batch_turns : (place + 1) * config.batch_turns]]


def read_turns(config: SftConfig, encode: Encode, *, engine: str) -> list[PlannerTurn]:
    """The planner turns to imitate, from the files of `config`: those that led somewhere, of good trajectories.

    Turns that `engine` (the policy) sampled itself keep their token ids; what another planner wrote is encoded as if
    the policy had. Raises `ConfigError` where nothing is left.
    """
    paths = [path for given in config.trajectories for path in _files(given)]
    if not paths:
        raise ConfigError("--method sft imitates trajectories: set train.sft.trajectories to files or folders of them")
    trajectories = [trajectory for path in paths for trajectory in read_trajectories(path)]
    good = [t for t in trajectories if t.reward is not None and t.reward >= config.min_reward]
    turns = [turn for trajectory in good for turn in _turns(trajectory, encode, engine)]
    if not turns:
        raise ConfigError(
            f"{len(trajectories)} trajectories in {', '.join(map(str, paths[:3]))}: none has a reward of at least "
            f"{config.min_reward} (train.sft.min_reward)"
        )
    return turns


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def _turns(trajectory: Trajectory, encode: Encode, engine: str) -> list[PlannerTurn]:
    calls = [call for turn in trajectory.turns if turn.status is Status.OK for call in turn.calls]
    return [_turn(call, encode, engine) for call in calls if call.module == "planner"]


def _turn(call: Call, encode: Encode, engine: str) -> PlannerTurn:
    completion = call.completion
    prompt_ids, action_ids = encode(call.messages, completion.text)
    if call.engine == engine and completion.prompt_token_ids == tuple(prompt_ids):  # else it was another model's policy
        return PlannerTurn(completion.prompt_token_ids, completion.token_ids, completion.logprobs)
    return PlannerTurn(tuple(prompt_ids), tuple(action_ids), (0.0,) * len(action_ids))
