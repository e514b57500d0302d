"""One trial of one item: solved, scored, and put into a record with all that it took."""

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from agentflow.errors import ConfigError, PromptTooLong
from agentflow.evaluation.cost import Bill, Prices
from agentflow.evaluation.describe import now
from agentflow.evaluation.receipt import Failure, Key, Record
from agentflow.evaluation.selection import seed_of
from agentflow.evaluation.settings import RunSettings
from agentflow.flow import Solver
from agentflow.rollout import Scored, scored, solved
from agentflow.scoring.judge import Judge
from agentflow.types import Outcome, Status, Task, Trajectory

Notice = Callable[[str], None]


class Interrupted:
    """What is left of solves that raised: the sink of a flow.

    A solve runs in the asyncio task of whoever waits for it, and there each finds its own.
    """

    def __init__(self) -> None:
        self._left = dict[asyncio.Task[object] | None, Trajectory]()

    def __call__(self, trajectory: Trajectory) -> None:
        if trajectory.outcome is Outcome.INTERRUPTED:
            self._left[asyncio.current_task()] = trajectory

    def take(self) -> Trajectory | None:
        """That of the solve which this asyncio task was waiting for."""
        return self._left.pop(asyncio.current_task(), None)


@dataclass(frozen=True)
class Trials:
    """Who solves and who judges, under which settings, and at which prices."""

    solver: Solver
    judge: Judge | None
    settings: RunSettings
    prices: Prices
    interrupted: Interrupted
    notice: Notice

    async def run(self, task: Task, key: Key, before: Record | None = None) -> Record:
        """The record of one trial. A fault of ours, or a prompt too long for its engine, ends it alone.

        `before` is a failure at the same trial. What it took is counted in; and where a judge failed, the answer is
        there, and only the verdict is asked for.
        """
        seed, bill = seed_of(self.settings.seed, *key), Bill(self.prices)
        if before:
            bill.add_record(before)
        found = await self._scored(_answered(before) or await self._solved(task, seed, bill), bill)
        return _record_of(found, key, seed, bill)

    async def _solved(self, task: Task, seed: int, bill: Bill) -> Trajectory:
        attempts = self.settings.attempts
        try:
            trajectory = await solved(self.solver, task, seed=seed, attempts=attempts, on_retry=bill.add_solve)
        except Exception as error:
            if _concerns_all(error):
                raise
            trajectory = self.interrupted.take() or Trajectory(task=task, outcome=Outcome.INTERRUPTED)
            trajectory = self._crashed(trajectory, error)
        bill.add_solve(trajectory)
        return trajectory

    async def _scored(self, trajectory: Trajectory, bill: Bill) -> Scored:
        if trajectory.outcome in (Outcome.INFRA_ERROR, Outcome.INTERRUPTED):
            return Scored(trajectory)
        try:
            found = await scored(trajectory, self.judge, self.settings.attempts)
        except Exception as error:
            if _concerns_all(error):
                raise
            return Scored(self._crashed(trajectory, error))
        if self.judge:
            bill.add_judge(self.judge.engine.name, found.judge_usage)
        return found

    def _crashed(self, trajectory: Trajectory, error: Exception) -> Trajectory:
        self.notice(f"{trajectory.task.id}: {''.join(traceback.format_exception(error)).strip()}")
        told = f"{type(error).__name__}: {error}"
        return trajectory.model_copy(update={"outcome": Outcome.INTERRUPTED, "error": told})


def _concerns_all(error: Exception) -> bool:
    """Whether no other item would fare better."""
    return isinstance(error, ConfigError) and not isinstance(error, PromptTooLong)


def _answered(before: Record | None) -> Trajectory | None:
    """The solve of a trial on which the judge failed."""
    if before is None or before.failure != "judge" or before.trajectory is None:
        return None
    return before.trajectory.model_copy(update={"error": ""})


def _record_of(found: Scored, key: Key, seed: int, bill: Bill) -> Record:
    trajectory = found.trajectory
    return Record(
        id=key[0],
        trial=key[1],
        seed=seed,
        score=trajectory.reward,
        reason=found.reason,
        failure=_failure(trajectory),
        error=trajectory.error,
        outcome=trajectory.outcome,
        answer=trajectory.answer,
        golds=trajectory.task.answers,
        scorer=str(trajectory.task.metadata.get("scorer", "")),
        num_turns=len(trajectory.turns),
        usage=bill.usage,
        judge_usage=bill.judge_usage,
        dollars=bill.dollars,
        seconds=round(trajectory.seconds, 3),
        num_uncompared=found.num_uncompared,
        num_timeouts=sum(turn.status is Status.TOOL_TIMEOUT for turn in trajectory.turns),
        ended=now(),
        trajectory=trajectory,
    )


def _failure(trajectory: Trajectory) -> Failure:
    if trajectory.reward is not None:
        return ""
    failures: dict[Outcome, Failure] = {Outcome.INFRA_ERROR: "infra", Outcome.INTERRUPTED: "crash"}
    return failures.get(trajectory.outcome, "judge")
