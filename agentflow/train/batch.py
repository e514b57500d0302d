"""The groups that a step learns from: rolled out, sifted, refilled, and turned into planner turns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from agentflow.errors import CapabilityError
from agentflow.rollout import Group
from agentflow.train.advantages import varies
from agentflow.train.samples import PlannerTurn, ScoredTrajectory
from agentflow.types import Task, Trajectory

Roll = Callable[[Sequence[Task], int], Awaitable[list[Group]]]  # tasks and the position of the first -> their groups
Draw = Callable[[int, int], Sequence[Task]]  # position, number -> tasks


@dataclass(frozen=True)
class Batch:
    """`kept` are the groups to learn from, `all_groups` also those that were dropped; `position` is behind them."""

    kept: list[Group]
    all_groups: list[Group]
    position: int


async def collect_batch(
    draw: Draw, roll: Roll, *, position: int, num_tasks: int, refill_rounds: int, drop_equal_rewards: bool
) -> Batch:
    """Roll out `num_tasks` tasks. Groups that can not be learned from are replaced, for at most `refill_rounds` rounds.

    Too few scored trajectories always rule a group out, equal rewards only with `drop_equal_rewards`.
    """
    kept: list[Group] = []
    all_groups: list[Group] = []
    for _ in range(1 + refill_rounds):
        missing = num_tasks - len(kept)
        if not missing:
            break
        groups = await roll(draw(position, missing), position)
        position += missing
        all_groups += groups
        kept += [group for group in groups if _teaches(group, drop_equal_rewards)]
    return Batch(kept, all_groups, position)


def _teaches(group: Group, drop_equal_rewards: bool) -> bool:
    rewards = [trajectory.reward for trajectory in scored_trajectories(group)]
    return len(rewards) >= 2 and (varies(rewards) or not drop_equal_rewards)


def scored_trajectories(group: Group) -> list[ScoredTrajectory]:
    """The trajectories of a group as the loss sees them; those that an error of the world ended are left out."""
    return [
        ScoredTrajectory(planner_turns(trajectory), trajectory.reward, f"{group.task.id}#{number}")
        for number, trajectory in enumerate(group.trajectories)
        if trajectory.reward is not None and planner_turns(trajectory)
    ]


def planner_turns(trajectory: Trajectory) -> tuple[PlannerTurn, ...]:
    """Every planner call of a trajectory, whatever came of it: a plan that does not parse is the policy's too."""
    calls = [call for turn in trajectory.turns for call in turn.calls if call.module == "planner"]
    for call in calls:
        completion = call.completion
        if not completion.token_ids or len(completion.logprobs) != len(completion.token_ids):
            raise CapabilityError(f"engine {call.engine!r} records no token ids and log-probabilities to train on")
    return tuple(
        PlannerTurn(call.completion.prompt_token_ids, call.completion.token_ids, call.completion.logprobs)
        for call in calls
    )


def check_versions(groups: Sequence[Group], version: str) -> None:
    """Every planner turn of a batch was sampled by the policy that is to be updated."""
    versions = {
        call.completion.policy_version
        for group in groups
        for trajectory in group.trajectories
        for turn in trajectory.turns
        for call in turn.calls
        if call.module == "planner"
    }
    assert versions <= {version}, f"sampled by {versions}, wanted {version}"
