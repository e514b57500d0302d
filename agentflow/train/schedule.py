"""The learning rate of a step: a pure function, so that nothing about it has to be saved."""

import math

from agentflow.train.config import ScheduleConfig


def learning_rate(step: int, num_steps: int, peak: float, schedule: ScheduleConfig) -> float:
    """The rate of step `step` (from 0) of `num_steps`.

    >>> [learning_rate(step, 4, 1.0, ScheduleConfig(shape="linear", warmup_steps=2)) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    if step < schedule.warmup_steps:
        return peak * (step + 1) / schedule.warmup_steps
    done = (step - schedule.warmup_steps) / max(1, num_steps - schedule.warmup_steps)
    share = {"constant": 1.0, "linear": 1 - done, "cosine": 0.5 * (1 + math.cos(math.pi * done))}[schedule.shape]
    return peak * (schedule.final + (1 - schedule.final) * share) if schedule.shape != "constant" else peak
