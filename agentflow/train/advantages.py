"""Group-relative advantages (Eq. 7): how much better a trajectory did than the others of its task."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Baseline = Literal["trajectory", "turn"]
EPSILON = 1e-6  # added to the standard deviation, so that equal rewards give 0 and not a division by 0


def group_advantages(
    rewards: Sequence[float],
    num_turns: Sequence[int],
    *,
    baseline: Baseline = "trajectory",
    divide_by_std: bool = True,
    ddof: Literal[0, 1] = 1,
) -> npt.NDArray[np.float64]:
    """One advantage a trajectory, from the rewards of a group (the scored trajectories of one task).

    `baseline` says what the mean and the standard deviation are taken over: "trajectory" counts each trajectory once
    (Eq. 7), "turn" as often as it has planner turns, as the reference implementation does, so that long trajectories
    pull the baseline towards themselves. `ddof` 1 divides the variance by n - 1, 0 by n.

    >>> rewards, num_turns = [1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 3, 3, 3, 3]
    >>> group_advantages(rewards, num_turns)[[0, 4]].round(3).tolist()
    [0.935, -0.935]
    >>> group_advantages(rewards, num_turns, baseline="turn")[[0, 4]].round(3).tolist()
    [1.677, -0.559]
    >>> group_advantages([1, 0], [1, 1], divide_by_std=False).tolist()
    [0.5, -0.5]
    """
    if len(rewards) < 2:
        raise ValueError(f"a group needs at least two scored trajectories, this one has {len(rewards)}")
    if len(num_turns) != len(rewards) or min(num_turns) < 1:
        raise ValueError("wanted the number of turns, at least 1, of every trajectory")
    values = np.asarray(rewards, dtype=np.float64)
    counted = np.repeat(values, num_turns) if baseline == "turn" else values
    centred: npt.NDArray[np.float64] = values - counted.mean()
    if not divide_by_std:
        return centred
    advantages: npt.NDArray[np.float64] = centred / (counted.std(ddof=ddof) + EPSILON)
    return advantages


def varies(rewards: Sequence[float]) -> bool:
    """Whether a group teaches anything: without a difference in reward every advantage is 0.

    >>> varies([1, 1, 0]), varies([1, 1, 1])
    (True, False)
    """
    return len(set(rewards)) > 1
