"""What is counted in a step: plain numbers by name, from the trajectories of its rollouts."""

import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from agentflow.rollout import Group
from agentflow.tool_use import NO_CALL, calling_error_rate
from agentflow.train.advantages import varies
from agentflow.types import Outcome, Status, Trajectory

Numbers = dict[str, float]


def rollout_metrics(groups: Sequence[Group]) -> Numbers:
    """Rewards, outcomes, turns, tools and tokens of all trajectories of a step, those that teach nothing included."""
    trajectories = [trajectory for group in groups for trajectory in group.trajectories]
    scored = [group for group in groups if group.rewards]
    return {
        "groups/num": len(groups),
        "groups/zero_variance": _mean(not varies(group.rewards) for group in scored),
        "errors/infra": _mean(trajectory.reward is None for trajectory in trajectories),
        **reward_metrics(trajectories),
        **_outcomes(trajectories),
        **_turns(trajectories),
        **_wrong_calls(trajectories),
        **_tools(trajectories),
    }


def reward_metrics(trajectories: Sequence[Trajectory]) -> Numbers:
    """Mean and standard deviation of the rewards, and the mean of each source."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for trajectory in trajectories:
        if trajectory.reward is not None:
            by_source[trajectory.task.source or "tasks"].append(trajectory.reward)
    rewards = [reward for of_source in by_source.values() for reward in of_source]
    metrics = {"reward/mean": _mean(rewards), "reward/std": float(np.std(rewards)) if rewards else 0.0}
    return metrics | {f"reward/{source}": _mean(of_source) for source, of_source in sorted(by_source.items())}


def _outcomes(trajectories: Sequence[Trajectory]) -> Numbers:
    counted = Counter(trajectory.outcome for trajectory in trajectories)
    return {f"outcome/{outcome.value}": counted[outcome] / max(1, len(trajectories)) for outcome in Outcome}


def _turns(trajectories: Sequence[Trajectory]) -> Numbers:
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    planner = [call.completion for turn in turns for call in turn.calls if call.module == "planner"]
    return {
        "turns/mean": _mean(len(trajectory.turns) for trajectory in trajectories),
        "turns/plan_error": _mean(turn.status in (Status.PLAN_ERROR, Status.UNKNOWN_TOOL) for turn in turns),
        "planner/tokens": _mean(completion.usage.completion_tokens for completion in planner),
        "planner/cut_off": _mean(completion.finish_reason == "length" for completion in planner),
        "tokens/all": sum(trajectory.usage.total_tokens for trajectory in trajectories),
    }


def _wrong_calls(trajectories: Sequence[Trajectory]) -> Numbers:
    """Nothing where no call was attempted: of none there is no share."""
    rate = calling_error_rate(trajectories)
    return {} if rate is None else {"errors/calls": rate}


def _tools(trajectories: Sequence[Trajectory]) -> Numbers:
    """Calls, share of calls, errors and mean seconds by tool. A turn's seconds that no module took are the tool's."""
    calls: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for trajectory in trajectories:
        for turn in trajectory.turns:
            if turn.action and turn.status not in NO_CALL:
                calls[turn.action.tool] += 1
                errors[turn.action.tool] += turn.status is not Status.OK
                of_modules = sum(call.seconds for call in turn.calls if call.module != "tool")
                seconds[turn.action.tool] += max(0.0, turn.seconds - of_modules)
    metrics = {}
    for tool, num_calls in sorted(calls.items()):
        metrics[f"tool/{tool}/calls"] = float(num_calls)
        metrics[f"tool/{tool}/share"] = num_calls / calls.total()
        metrics[f"tool/{tool}/errors"] = errors[tool] / num_calls
        metrics[f"tool/{tool}/seconds"] = seconds[tool] / num_calls
    return metrics


def peak_memory() -> float:
    """The most memory this process has had so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)


def _mean(values: Iterable[float | bool]) -> float:
    counted = [float(value) for value in values]
    return sum(counted) / len(counted) if counted else 0.0
