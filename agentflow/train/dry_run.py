"""Everything about a run that can be checked, and what it will cost, before anything is spent on it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.errors import AgentFlowError
from agentflow.rollout import Group, derive_seed, rollout_groups
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE, Judge
from agentflow.train.batch import scored_trajectories
from agentflow.train.config import TrainConfig, TrainSection
from agentflow.train.learner.metrics import means
from agentflow.train.metrics import peak_memory, rollout_metrics
from agentflow.train.samples import Sample, flow_grpo_samples
from agentflow.train.trainer import Team
from agentflow.types import Task

SCORED_TASKS = 50  # that the scorer is tried on
JUDGED_TASKS = 4  # that the judge is tried on
SAMPLE_GROUPS = 4
ENOUGH_VARYING = 0.25  # share of groups with two different rewards; below it most of a step is thrown away


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `ok` False means: do not start the run like this."""

    name: str
    ok: bool
    found: str


async def dry_run(config: TrainConfig, team: Team) -> list[Check]:
    """Sample a few groups and compute their gradient, without an update; what that says about the run.

    No checkpoint and no metrics are written. Raises `ConfigError` where the parts do not work together at all.
    """
    settings = config.train
    some_tasks = team.tasks.batch(0, SCORED_TASKS)
    checks = [_check_splits(team, settings), _check_scorer(some_tasks)]
    if team.judge:
        checks.append(await _check_judge(team.judge, some_tasks))
    await team.publisher.publish("dry-run")
    tasks = team.tasks.batch(0, min(SAMPLE_GROUPS, settings.tasks_per_step))
    started = time.monotonic()
    groups = await rollout_groups(
        team.flow,
        tasks,
        group_size=settings.group_size,
        seed=derive_seed(settings.seed, 0),
        concurrency=settings.concurrency,
        attempts=1,
        judge=team.judge,
    )
    rollout_seconds = time.monotonic() - started
    checks += _check_rollouts(groups)
    usable = [group for group in groups if len(scored_trajectories(group)) >= 2]
    if not usable:
        return [
            *checks,
            Check("learning", False, "no group has two scored trajectories: there is nothing to learn from"),
        ]
    samples = flow_grpo_samples([scored_trajectories(group) for group in usable])
    started = time.monotonic()
    checks += await asyncio.to_thread(_check_learner, config, team, samples)
    learn_seconds = time.monotonic() - started
    return [*checks, _estimate(config, groups, rollout_seconds, learn_seconds)]


def _check_splits(team: Team, settings: TrainSection) -> Check:
    num_validation, num_test = len(team.tasks.validation), len(team.tasks.test)
    enough = num_validation > 0 or settings.validation.num_tasks == 0
    return Check("tasks", enough, f"{num_validation} validation and {num_test} test tasks")


def _check_scorer(tasks: Sequence[Task]) -> Check:
    """By rules gold scores 1, the gold of another task 0, unless the two have an answer in common."""
    wrong = []
    with_gold = [task for task in tasks if task.answers and task.metadata.get("scorer") != JUDGE]
    for task, other in zip(with_gold, [*with_gold[1:], *with_gold[:1]], strict=True):
        if score(task, task.answers[0]) != 1:
            wrong.append(f"{task.id}: its own gold {task.answers[0]!r} does not score 1")
        if not set(task.answers) & set(other.answers) and score(task, other.answers[0]) != 0:
            wrong.append(f"{task.id}: {other.answers[0]!r}, the gold of another task, does not score 0")
    found = "; ".join(wrong[:3]) or f"gold scores 1 and another task's gold 0, on {len(with_gold)} tasks"
    return Check("scorer", not wrong, found)


async def _check_judge(judge: Judge, tasks: Sequence[Task]) -> Check:
    """The judge says RIGHT to gold, and WRONG to the gold of another task."""
    judged = [task for task in tasks if task.answers and task.metadata.get("scorer") == JUDGE][:JUDGED_TASKS]
    wrong = []
    try:
        for task, other in zip(judged, [*judged[1:], *judged[:1]], strict=True):
            if await judge.score(task, task.answers[0]) != 1:
                wrong.append(f"{task.id}: says WRONG to its own gold {task.answers[0]!r}")
            if not set(task.answers) & set(other.answers) and await judge.score(task, other.answers[0]) != 0:
                wrong.append(f"{task.id}: says RIGHT to {other.answers[0]!r}, the gold of another task")
    except AgentFlowError as error:
        return Check("judge", False, str(error))
    return Check("judge", not wrong, "; ".join(wrong[:3]) or f"right about {len(judged)} golds and foreign golds")


def _check_rollouts(groups: Sequence[Group]) -> list[Check]:
    metrics = rollout_metrics(groups)
    errors = [trajectory.error for group in groups for trajectory in group.trajectories if trajectory.reward is None]
    varying = 1 - metrics["groups/zero_variance"]
    unread = metrics["turns/plan_error"]
    return [
        Check(
            "engines",
            not errors,
            errors[0] if errors else f"all answer; reward {metrics['reward/mean']:.2f} on average",
        ),
        Check("plans", unread < 0.5, f"{unread:.0%} of the planner's turns can not be read or name no tool"),
        Check("variance", varying >= ENOUGH_VARYING, f"{varying:.0%} of {len(groups)} groups have different rewards"),
    ]


def _check_learner(config: TrainConfig, team: Team, samples: Sequence[Sample]) -> list[Check]:
    settings = config.train
    backend = team.backend
    reference = backend.logprobs(samples, reference=True) if settings.objective.needs_reference else None
    old = backend.logprobs(samples) if settings.objective.importance == "truncated" else None
    try:
        metrics = backend.forward_backward(samples, settings.objective, old_logprobs=old, reference_logprobs=reference)
    except AgentFlowError as error:
        return [Check("learner", False, str(error))]
    finally:
        backend.discard_gradient()
    gap = means(metrics)["gap"]
    return [
        Check(
            "gap",
            gap <= settings.limits.gap,
            f"sampler and learner differ by {gap:.4f} a token (limit {settings.limits.gap})",
        ),
        Check("memory", True, f"{peak_memory():.0f} MiB at most so far"),
    ]


def _estimate(config: TrainConfig, groups: Sequence[Group], rollout_seconds: float, learn_seconds: float) -> Check:
    """What the run costs if every step is like the sample: without refills, validations and faster repeats."""
    settings = config.train
    share = settings.tasks_per_step / len(groups)
    seconds = settings.steps * share * (rollout_seconds + settings.epochs * learn_seconds)
    tokens = settings.steps * share * rollout_metrics(groups)["tokens/all"]
    found = (
        f"about {seconds / 3600:.1f} hours ({rollout_seconds * share:.0f} s rollouts and {learn_seconds * share:.0f} s "
        f"learning a step) and {tokens / 1e6:.1f} million tokens for {settings.steps} steps"
    )
    return Check("cost", True, found)
