"""From groups of trajectories to `Sample`s: one planner turn each, ready to train on.

The loss only sums `weight * term` over action tokens; every mean of Eq. 5 is in `weight`. So no split of a minibatch,
over micro-batches or machines, can change the gradient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentflow.train.advantages import Baseline, group_advantages

Aggregate = Literal["turn-mean", "token-mean", "sequence-sum"]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PlannerTurn:
    """What the engine recorded of one planner call: the tokens that went in, those that were sampled, and their
    log-probabilities at the sampling temperature, at the time they were drawn."""

    prompt_ids: tuple[int, ...]
    action_ids: tuple[int, ...]
    rollout_logprobs: tuple[float, ...]


@dataclass(frozen=True)
class ScoredTrajectory:
    """The planner turns of one trajectory and the reward of its outcome."""

    turns: tuple[PlannerTurn, ...]
    reward: float
    name: str = ""  # task and rollout, to find it again on disk


@dataclass(frozen=True)
class Sample:
    """One planner turn. All arrays have one length, that of `token_ids`: the prompt and then the action.

    `mask` is true at action tokens; the other arrays are 0 elsewhere. `rollout_logprobs` are those of the sampler,
    `advantage` is that of the trajectory at every action token, `weight` the token's share of the mean in Eq. 5.
    """

    token_ids: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    rollout_logprobs: Floats
    advantage: Floats
    weight: Floats
    name: str = ""

    @property
    def num_actions(self) -> int:
        """Action tokens, those that are trained on."""
        return int(self.mask.sum())


def flow_grpo_samples(
    groups: Sequence[Sequence[ScoredTrajectory]],
    *,
    baseline: Baseline = "trajectory",
    divide_by_std: bool = True,
    ddof: Literal[0, 1] = 1,
    aggregate: Aggregate = "turn-mean",
) -> list[Sample]:
    """The samples of one minibatch, a sample a planner turn, in the order of the trajectories.

    The advantage comes once from the rewards of a group and goes to every turn of the trajectory (Eq. 4, Eq. 7).

    `aggregate` says how the terms of tokens become one number, for G trajectories in each of N groups:
    - "turn-mean": the mean over groups, trajectories, turns, tokens, each inside the one before (Eq. 5):
      a token weighs 1 / (N G T |a|). With 1 turn of 2 tokens, and 2 turns of 1 and 3, a group weighs them
      [1/4, 1/4], [1/4], [1/12, 1/12, 1/12].
    - "token-mean": the mean over all tokens, as in the reference implementation; long actions and long trajectories
      weigh more: [1/6] each.
    - "sequence-sum": the sum over the tokens of a turn, then the mean over turns of the minibatch: [1/3] each.

    >>> turn = PlannerTurn(prompt_ids=(1, 2), action_ids=(3, 4), rollout_logprobs=(-0.5, -0.1))
    >>> group = [ScoredTrajectory((turn,), 1.0), ScoredTrajectory((turn, turn), 0.0)]
    >>> [sample.weight.round(3).tolist() for sample in flow_grpo_samples([group])]
    [[0.0, 0.0, 0.25, 0.25], [0.0, 0.0, 0.125, 0.125], [0.0, 0.0, 0.125, 0.125]]
    """
    all_turns = [turn for group in groups for trajectory in group for turn in trajectory.turns]
    num_tokens = sum(len(turn.action_ids) for turn in all_turns)
    samples = []
    for group in groups:
        advantages = group_advantages(
            [trajectory.reward for trajectory in group],
            [len(trajectory.turns) for trajectory in group],
            baseline=baseline,
            divide_by_std=divide_by_std,
            ddof=ddof,
        )
        for trajectory, advantage in zip(group, advantages, strict=True):
            for index, turn in enumerate(trajectory.turns, start=1):
                weight = {
                    "turn-mean": 1 / (len(groups) * len(group) * len(trajectory.turns) * len(turn.action_ids)),
                    "token-mean": 1 / num_tokens,
                    "sequence-sum": 1 / len(all_turns),
                }[aggregate]
                samples.append(make_sample(turn, float(advantage), weight, f"{trajectory.name}/{index}"))
    return samples


def make_sample(turn: PlannerTurn, advantage: float, weight: float, name: str = "") -> Sample:
    """One sample, with the same advantage and weight at each of its action tokens."""
    if not turn.prompt_ids or not turn.action_ids:
        raise ValueError(f"{name}: a planner turn needs a prompt and at least one sampled token")
    if len(turn.rollout_logprobs) != len(turn.action_ids):
        raise ValueError(f"{name}: {len(turn.action_ids)} tokens, but {len(turn.rollout_logprobs)} log-probabilities")
    start, end = len(turn.prompt_ids), len(turn.prompt_ids) + len(turn.action_ids)
    mask = np.arange(end) >= start
    rollout_logprobs = np.zeros(end, dtype=np.float32)
    rollout_logprobs[start:] = turn.rollout_logprobs
    return Sample(
        token_ids=np.array((*turn.prompt_ids, *turn.action_ids), dtype=np.int64),
        mask=mask,
        rollout_logprobs=rollout_logprobs,
        advantage=np.where(mask, advantage, 0).astype(np.float32),
        weight=np.where(mask, weight, 0).astype(np.float32),
        name=name,
    )
