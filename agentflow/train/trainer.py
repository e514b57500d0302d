"""The loop of a run, whatever a step of it learns from: go on, step, publish, record, validate, save."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from agentflow.errors import ConfigError
from agentflow.flow import Flow
from agentflow.rollout import rollout_groups
from agentflow.scoring.judge import Judge
from agentflow.train.backend import Backend
from agentflow.train.config import TrainConfig
from agentflow.train.limits import check_limits
from agentflow.train.metrics import Numbers, peak_memory, rollout_metrics
from agentflow.train.publish.publisher import Publisher
from agentflow.train.run_folder import RunFolder, State, all_trajectories
from agentflow.types import Message, Task


class Tasks(Protocol):
    """Tasks to train on, by position and without end, and two lists that are never trained on."""

    @property
    def validation(self) -> Sequence[Task]: ...

    @property
    def test(self) -> Sequence[Task]: ...

    def batch(self, position: int, num_tasks: int) -> Sequence[Task]: ...


Encode = Callable[[Sequence[Message], str], tuple[list[int], list[int]]]


class Sink(Protocol):
    """Somewhere else that metrics go."""

    def log(self, metrics: Mapping[str, float], step: int) -> None: ...

    def close(self) -> None:
        """Nothing follows: write what is not written yet."""
        ...


class Watcher:
    """What somebody who looks on is told; does nothing, override what is wanted."""

    def begin(self, step: int, num_steps: int) -> None:
        """The run begins, or goes on after `step` of its `num_steps`."""

    def phase(self, name: str, total: int = 0) -> None:
        """A phase begins: "rollout", "learn", "publish", "save", "validate", of `total` parts where that is known."""

    def advance(self) -> None:
        """A part of the phase is done."""

    def step(self, metrics: Mapping[str, float], step: int) -> None:
        """A step is done."""

    def validation(self, metrics: Mapping[str, float], step: int) -> None:
        """A validation is done; step 0 is before any training."""

    def notice(self, line: str) -> None:
        """Something that is not as one would expect."""


@dataclass(frozen=True)
class Team:
    """Everything that takes part in a run. `validation_flow` is `flow` with the planner's validation sampling.

    `encode` gives the policy's token ids of a prompt and a reply that another planner wrote; only imitation needs it.
    `judge` scores the tasks that want one.
    """

    flow: Flow
    validation_flow: Flow
    backend: Backend
    publisher: Publisher
    tasks: Tasks
    encode: Encode
    judge: Judge | None = None


class Trainer:
    """The loop; a method of training overrides `work`. `train` goes on from the last whole checkpoint of the folder.

    `stop` ends the run after the step that runs, with a checkpoint.
    """

    def __init__(
        self,
        config: TrainConfig,
        team: Team,
        run: RunFolder,
        *,
        sinks: Sequence[Sink] = (),
        watcher: Watcher | None = None,
    ) -> None:
        self.settings = config.train
        self.team, self.run, self._sinks = team, run, sinks
        self.watcher = watcher or Watcher()
        self._stopping = False
        self.state = State()

    def stop(self) -> None:
        """Finish the step that runs, save, and return."""
        self._stopping = True

    async def train(self) -> State:
        """Run all steps that are not done yet."""
        try:
            return await self._train()
        finally:
            for sink in self._sinks:
                sink.close()

    async def _train(self) -> State:
        await self._resume()
        self.watcher.begin(self.state.step, self.num_steps)
        await self.team.publisher.publish(self.state.policy_version)
        while True:
            if self._validation_is_due() and not self._stopping:
                await self._validate()
                await self._save()
            if self.state.step >= self.num_steps or self._stopping:
                return self.state
            await self._step()

    async def _resume(self) -> None:
        checkpoints = self.run.checkpoints
        last = checkpoints.find_last(self.watcher.notice)
        if last is None and checkpoints.steps():
            raise ConfigError(
                f"{checkpoints.folder} holds {len(checkpoints.steps())} checkpoints, and none is whole: "
                "bring one back, or move the folder of the run away to begin anew"
            )
        if last is None:
            self.run.rewind(self.state)
            return
        checkpoints.keep([step for step in checkpoints.steps() if step <= last])
        folder = checkpoints.path(last)
        self.state = State.read(folder)
        await asyncio.to_thread(self.team.backend.load, folder / "learner")
        self.run.rewind(self.state)
        self.watcher.notice(f"going on after step {self.state.step}, from {folder}")

    @property
    def num_steps(self) -> int:
        """How many steps the run has."""
        return self.settings.steps

    async def work(self, state: State, clock: "Clock") -> Numbers:
        """What one step learns: changes the backend's weights and `state`, and tells its metrics."""
        raise NotImplementedError

    async def _step(self) -> None:
        """One step. The state changes at its end alone, so that an exception leaves the last checkpoint true."""
        state, clock = replace(self.state), Clock()
        metrics = await self.work(state, clock)
        state.step += 1
        state.policy_version = f"step-{state.step:06}"
        self.watcher.phase("publish")
        with clock.phase("publish"):
            await self.team.publisher.publish(state.policy_version)
        self.state = state
        metrics |= clock.metrics() | {"memory/peak": peak_memory()}
        self._record("train", metrics)
        self.watcher.step(metrics, state.step)
        check_limits(metrics, state, self.settings.limits)
        last = state.step == self.num_steps
        if last or self._stopping or self._validation_is_due() or state.step % self.settings.checkpoint_every == 0:
            await self._save()

    def _validation_is_due(self) -> bool:
        """Before the first step, after every so many and after the last. A run that was cut off there catches up."""
        step, settings = self.state.step, self.settings.validation
        wanted = step == self.num_steps or step % settings.every == 0
        return wanted and settings.num_tasks > 0 and self.state.validated_step != step

    async def _validate(self) -> None:
        tasks = self.team.tasks.validation[: self.settings.validation.num_tasks]
        self.watcher.phase("validate", len(tasks))
        started = time.monotonic()
        groups = await rollout_groups(
            self.team.validation_flow,
            tasks,
            group_size=1,
            seed=self.settings.seed,
            concurrency=self.settings.concurrency,
            attempts=self.settings.attempts,
            judge=self.team.judge,
            on_done=lambda _trajectory: self.watcher.advance(),
        )
        self.run.write_trajectories("validation", self.state.step, all_trajectories(groups))
        metrics = rollout_metrics(groups) | {"seconds/validation": time.monotonic() - started}
        self._record("validation", metrics)
        self.watcher.validation(metrics, self.state.step)
        self.state.validated_step = self.state.step
        reward, errors = metrics["reward/mean"], metrics["errors/infra"]
        if errors > self.settings.limits.error_rate:
            self.watcher.notice(f"{errors:.0%} of the validation ended in errors of the world: it can not be the best")
        elif self.state.best_reward is None or reward > self.state.best_reward:
            self.state.best_reward, self.state.best_step = reward, self.state.step

    def _record(self, kind: str, metrics: Numbers) -> None:
        line: dict[str, float | str] = {"kind": kind, "step": self.state.step, **metrics}
        self.state.metrics_bytes = self.run.append_metrics(line)
        for sink in self._sinks:
            sink.log({f"{kind}/{name}": value for name, value in metrics.items()}, self.state.step)

    async def _save(self) -> None:
        """A checkpoint of the state as it is; the best and the last few stay."""
        self.watcher.phase("save")
        step, checkpoints = self.state.step, self.run.checkpoints

        def fill(folder: Path) -> None:
            self.state.write(folder)
            shutil.copy(self.run.config, folder)
            (folder / "learner").mkdir()
            self.team.backend.save(folder / "learner")

        await asyncio.to_thread(checkpoints.write, step, fill)
        newest = [saved for saved in checkpoints.steps() if saved <= step][-self.settings.keep_checkpoints :]
        checkpoints.keep({*newest, step, *([self.state.best_step] if self.state.best_step is not None else [])})


@dataclass
class Clock:
    """Seconds by phase of one step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def metrics(self) -> Numbers:
        return {f"seconds/{name}": seconds for name, seconds in self.seconds.items()}
