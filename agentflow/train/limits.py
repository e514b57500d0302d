"""What stops a run that goes on for nothing: an error that names the limit, what came, and what to look at."""

from agentflow.errors import AgentFlowError
from agentflow.train.config import LimitsConfig
from agentflow.train.metrics import Numbers
from agentflow.train.run_folder import State


class TrainingStopped(AgentFlowError):
    """A limit of `[train.limits]` was passed. The last checkpoint is whole."""


def check_limits(metrics: Numbers, state: State, limits: LimitsConfig) -> None:
    """Raise `TrainingStopped` for the first limit that a step has passed."""
    gap = metrics.get("gap", 0.0)
    if gap > limits.gap:  # not so if it is no number: then the update was skipped, and that is counted
        raise TrainingStopped(
            f"step {state.step}: sampler and learner differ by {gap:.4f} in log-probability on average, the limit is "
            f"{limits.gap} (train.limits.gap): they do not hold the same weights, or do not sample by the same settings"
        )
    errors = metrics["errors/infra"]
    if errors > limits.error_rate:
        raise TrainingStopped(
            f"step {state.step}: {errors:.0%} of the trajectories ended in errors that are not the policy's, the limit "
            f"is {limits.error_rate:.0%} (train.limits.error_rate): see `error` in the trajectories of this step"
        )
    if state.skipped_updates >= limits.skipped_updates:
        raise TrainingStopped(
            f"step {state.step}: {state.skipped_updates} updates in a row had a loss or gradient that is not finite "
            "(train.limits.skipped_updates): lower train.lr"
        )
    if state.empty_steps >= limits.empty_steps:
        raise TrainingStopped(
            f"step {state.step}: in {state.empty_steps} steps in a row no group had two different rewards "
            "(train.limits.empty_steps), so nothing can be learned: take easier or harder tasks, a higher "
            "planner.temperature, or a prompt set with worked examples"
        )
