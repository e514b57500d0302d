"""Any planner in the seat of the policy: rollouts on a split of a training config, with their rewards, on disk.

For measuring planners side by side, and for the trajectories of a stronger one to imitate.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agentflow.assemble import open_flow
from agentflow.engines import open_engine
from agentflow.rollout import derive_seed, rollout
from agentflow.scoring.judge import Judge
from agentflow.tasks import open_tasks
from agentflow.tasks.splits import Split
from agentflow.trace import append_trajectory, read_trajectories
from agentflow.train.config import POLICY, TrainConfig
from agentflow.train.run_folder import RunFolder
from agentflow.train.team import Notice, open_judge, remembered_engines, with_corpus
from agentflow.types import Engine, Task, Trajectory

Progress = Callable[[str, int], None]  # planner, tasks done


async def collect(
    config: TrainConfig,
    planners: Mapping[str, str],
    tasks: Sequence[Task],
    out: Path,
    *,
    notice: Notice = lambda _line: None,
    progress: Progress = lambda _name, _done: None,
) -> dict[str, list[Trajectory]]:
    """Solve the tasks with each planner (name -> engine), and score them; the trajectories by name.

    They are appended to `out/NAME.jsonl` as they end. What is there already with a reward is not done again. All
    planners are asked with `config.planner`'s sampling and the same seeds, and the frozen modules say to one what they
    said to the others. Raises as `open_flow` does.
    """
    config = await asyncio.to_thread(with_corpus, config, RunFolder(out))
    frozen = remembered_engines(config)
    judge = open_judge(config, frozen)
    found = {}
    try:
        for name, specification in planners.items():
            seat = _Seat(config, frozen, judge, out / f"{name}.jsonl")
            done = await seat.solve(specification, tasks, notice, partial(progress, name))
            found[name] = [done[task.id] for task in tasks if task.id in done]
    finally:
        for engine in frozen.values():
            await engine.close()
    return found


@dataclass(frozen=True)
class _Seat:
    """Everything but the planner, and the file that its trajectories go to."""

    config: TrainConfig
    frozen: Mapping[str, Engine]
    judge: Judge | None
    path: Path

    async def solve(
        self, specification: str, tasks: Sequence[Task], notice: Notice, progress: Callable[[int], None]
    ) -> dict[str, Trajectory]:
        """Solve what the file does not have yet; all scored trajectories by the id of their task."""
        done: dict[str, Trajectory] = {}
        if self.path.exists():
            done = {t.task.id: t for t in read_trajectories(self.path) if t.reward is not None}
        progress(len(done))
        settings = self.config.train
        gate = asyncio.Semaphore(settings.concurrency)
        engine = open_engine(specification, settings=self.config.engines.get(POLICY, {}))

        async def one(number: int, task: Task) -> None:
            async with gate:
                seed = derive_seed(settings.seed, number)
                trajectory = await rollout(flow, task, seed=seed, attempts=settings.attempts, judge=self.judge)
            append_trajectory(self.path, trajectory)
            if trajectory.reward is not None:
                done[task.id] = trajectory
            progress(len(done))

        try:
            async with (
                open_flow(self.config, notice=notice, engines={**self.frozen, POLICY: engine}) as flow,
                asyncio.TaskGroup() as running,
            ):
                for number, task in enumerate(tasks):
                    if task.id not in done:
                        running.create_task(one(number, task))
        finally:
            await engine.close()
        return done


def tasks_of(config: TrainConfig, split: Split, limit: int | None = None) -> list[Task]:
    """The tasks of a split, or `limit` of them, evenly from the whole list, so that every source has its share."""
    opened = open_tasks(config.train.tasks, seed=config.train.seed, needs=(split,))
    tasks = opened.train.tasks if split == "train" else getattr(opened, split)
    if limit is None or limit >= len(tasks):
        return list(tasks)
    return [tasks[place * len(tasks) // limit] for place in range(limit)]
