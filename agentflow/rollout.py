"""Many tasks at once: a rollout is a solve with its reward, a group is several rollouts of one task."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from agentflow.errors import ConfigError, InfraError, NotRecorded, PromptTooLong
from agentflow.flow import Solver
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE, Judge
from agentflow.scoring.math_pool import uncompared
from agentflow.types import Outcome, Task, Trajectory, Usage

Done = Callable[[Trajectory], None]


@dataclass(frozen=True)
class Group:
    """The trajectories of one task. Those without a reward ended in an error that is not the policy's."""

    task: Task
    trajectories: tuple[Trajectory, ...]

    @property
    def scored(self) -> tuple[Trajectory, ...]:
        """The trajectories that can be learned from."""
        return tuple(trajectory for trajectory in self.trajectories if trajectory.reward is not None)

    @property
    def rewards(self) -> list[float]:
        """The rewards there are."""
        return [trajectory.reward for trajectory in self.trajectories if trajectory.reward is not None]


@dataclass(frozen=True)
class Scored:
    """A trajectory that was scored.

    `reason` is what the judge said, where one was asked, and `judge_usage` what that took: nothing for a verdict that
    was there already. `num_uncompared` counts the comparisons of mathematics that came to no end.
    """

    trajectory: Trajectory
    reason: str = ""
    judge_usage: Usage = field(default_factory=Usage)
    num_uncompared: int = 0


async def rollout(flow: Solver, task: Task, *, seed: int, attempts: int = 2, judge: Judge | None = None) -> Trajectory:
    """Solve a task and score the answer: `solved`, and then `scored`."""
    trajectory = await solved(flow, task, seed=seed, attempts=attempts)
    if trajectory.outcome is Outcome.INFRA_ERROR:
        return trajectory
    return (await scored(trajectory, judge, attempts)).trajectory


async def solved(
    flow: Solver, task: Task, *, seed: int, attempts: int = 2, on_retry: Done = lambda _failed: None
) -> Trajectory:
    """Solve a task. `seed` fixes all that is sampled, where every engine takes seeds.

    A solve that ends in `infra_error` is tried again, at most `attempts` times in all; `on_retry` gets the one that
    failed. One that ends because a replay lacks a result is not: with other seeds, only what happens to be recorded
    would ever count.
    """
    for attempt in range(attempts):
        trajectory = await flow.solve(task, seed=derive_seed(seed, attempt) if flow.takes_seeds else None)
        if trajectory.outcome is not Outcome.INFRA_ERROR or trajectory.error.startswith(f"{NotRecorded.__name__}:"):
            break
        if attempt + 1 < attempts:
            on_retry(trajectory)
    return trajectory


async def scored(trajectory: Trajectory, judge: Judge | None = None, attempts: int = 2) -> Scored:
    """A trajectory with the reward of its answer: by the rule of its task, or by the judge where the task wants one.

    Where the world fails `attempts` times, or the judge's engine takes no prompt as long, there is no reward: the
    outcome stays, and `error` says why.
    """
    usage = Usage()

    def spend(more: Usage) -> None:
        nonlocal usage
        usage += more

    for _ in range(attempts):
        try:
            found = await _scored(trajectory, judge, spend)
            return replace(found, judge_usage=usage)
        except InfraError as error:
            failure = str(error)
        except PromptTooLong as error:
            failure = str(error)
            break
    return Scored(trajectory.model_copy(update={"error": f"no verdict: {failure}"}), judge_usage=usage)


async def _scored(trajectory: Trajectory, judge: Judge | None, spend: Callable[[Usage], None]) -> Scored:
    task, answer = trajectory.task, trajectory.answer
    if task.metadata.get("scorer") == JUDGE:
        if judge is None:
            raise ConfigError(f"task {task.id or task.question[:60]!r} wants a judge: set train.judge to an engine")
        judgement = await judge.judge(task, answer, spend)
        return Scored(trajectory.model_copy(update={"reward": float(judgement.right)}), judgement.reason)
    with uncompared() as found:
        reward = await asyncio.to_thread(score, task, answer)  # mathematics can take a while
    return Scored(trajectory.model_copy(update={"reward": reward}), num_uncompared=found.num)


async def rollout_groups(
    flow: Solver,
    tasks: Sequence[Task],
    *,
    group_size: int,
    seed: int,
    concurrency: int,
    attempts: int = 2,
    judge: Judge | None = None,
    on_done: Done = lambda _trajectory: None,
) -> list[Group]:
    """Roll out `group_size` trajectories of every task, at most `concurrency` at once. Groups are in their order.

    The seed of a rollout depends on `seed`, the task's place and the rollout's number alone.
    """
    gate = asyncio.Semaphore(concurrency)

    async def one(place: int, number: int) -> Trajectory:
        async with gate:
            own_seed = derive_seed(seed, place, number)
            trajectory = await rollout(flow, tasks[place], seed=own_seed, attempts=attempts, judge=judge)
        on_done(trajectory)
        return trajectory

    try:
        async with asyncio.TaskGroup() as running:
            solves = [
                [running.create_task(one(place, number)) for number in range(group_size)] for place in range(len(tasks))
            ]
    except BaseExceptionGroup as failed:  # one is enough, and a caller waits for it as it is
        raise failed.exceptions[0] from None
    return [
        Group(task, tuple(solve.result() for solve in of_task)) for task, of_task in zip(tasks, solves, strict=True)
    ]


def derive_seed(*parts: int) -> int:
    """One seed from several numbers, the same everywhere.

    >>> derive_seed(1, 2) == derive_seed(1, 2), derive_seed(1, 2) == derive_seed(2, 1)
    (True, False)
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
