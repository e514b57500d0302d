"""Flow-GRPO (Algorithm 1): groups of rollouts of the live system, and updates of its planner from their rewards."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from agentflow.rollout import Group, derive_seed, rollout_groups
from agentflow.train.batch import Batch, check_versions, collect_batch
from agentflow.train.metrics import Numbers, rollout_metrics
from agentflow.train.run_folder import State, all_trajectories
from agentflow.train.trainer import Clock, Trainer
from agentflow.train.update import Updater
from agentflow.types import Task


class FlowGrpoTrainer(Trainer):
    """A step: roll out groups with the policy as it is, sift them, and make the updates."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._updater = Updater(self.settings, self.team.backend)

    async def work(self, state: State, clock: Clock) -> Numbers:
        judge = self.team.judge
        judged = judge.seconds if judge else 0.0
        with clock.phase("rollout"):
            batch = await self._roll_out(state)
        if judge:  # a part of the rollouts, as long as its calls were together
            clock.seconds["judge"] = judge.seconds - judged
        check_versions(batch.all_groups, state.policy_version)
        metrics = rollout_metrics(batch.all_groups)
        self.run.write_trajectories("trajectories", state.step + 1, all_trajectories(batch.all_groups))
        self.watcher.phase("learn")
        save = partial(self.run.write_samples, state.step + 1) if self.settings.save_samples else None
        with clock.phase("learn"):
            learned = await asyncio.to_thread(self._updater.update, batch.kept, state.step, save)
        state.position = batch.position
        state.empty_steps = 0 if batch.kept else state.empty_steps + 1
        state.skipped_updates = 0 if learned.updates else state.skipped_updates + learned.skipped
        return metrics | learned.metrics | {"tokens/second": metrics["tokens/all"] / clock.seconds["rollout"]}

    async def _roll_out(self, state: State) -> Batch:
        async def roll(tasks: Sequence[Task], position: int) -> list[Group]:
            self.watcher.phase("rollout", len(tasks) * self.settings.group_size)
            return await rollout_groups(
                self.team.flow,
                tasks,
                group_size=self.settings.group_size,
                seed=derive_seed(self.settings.seed, position),
                concurrency=self.settings.concurrency,
                attempts=self.settings.attempts,
                judge=self.team.judge,
                on_done=lambda _trajectory: self.watcher.advance(),
            )

        return await collect_batch(
            self.team.tasks.batch,
            roll,
            position=state.position,
            num_tasks=self.settings.tasks_per_step,
            refill_rounds=self.settings.refill_rounds,
            drop_equal_rewards=self.settings.drop_equal_rewards,
        )
