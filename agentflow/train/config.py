"""Everything that determines a training run: the settings of the flow, and a table `[train]`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from agentflow.config import BudgetConfig, Config, ModuleConfig, Section
from agentflow.errors import UnknownName
from agentflow.scoring.judge import JUDGE
from agentflow.scoring.rules import RULES
from agentflow.tasks.sources import SourceConfig
from agentflow.train.advantages import Baseline
from agentflow.train.learner.config import LearnerConfig
from agentflow.train.objective import ObjectiveConfig
from agentflow.train.samples import Aggregate

POLICY = "policy"  # the specification of the engine that is trained


class AdvantageConfig(Section):
    """How rewards become advantages (Eq. 7) and terms become one number (Eq. 5).

    - `baseline`: "trajectory" (the paper) or "turn" (the reference implementation). Rewards of 4 one-turn right and 4
      three-turn wrong trajectories: +0.935 / -0.935 or +1.677 / -0.559.
    - `divide_by_std`: [1, 0] -> [0.71, -0.71], without it [0.5, -0.5].
    - `ddof`: 1 divides the variance by n - 1, 0 by n. [1, 0] -> [0.71, -0.71] or [1, -1].
    - `aggregate`: "turn-mean" (the paper), "token-mean" (the reference implementation) or "sequence-sum"; see
      `agentflow.train.samples.flow_grpo_samples`.
    """

    baseline: Baseline = "trajectory"
    divide_by_std: bool = True
    ddof: Literal[0, 1] = 1
    aggregate: Aggregate = "turn-mean"


class ScheduleConfig(Section):
    """The learning rate: it rises over `warmup_steps`, then follows `shape` down to `final` times itself at the end."""

    shape: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)
    final: float = Field(default=0.0, ge=0, le=1)


class LimitsConfig(Section):
    """What stops a run, because it would go on for nothing.

    - `gap`: the mean absolute difference between the sampler's and the learner's log-probabilities of a step.
    - `error_rate`: the share of a step's trajectories that ended in an error of the world, after the retries.
    - `skipped_updates`: updates in a row whose loss or gradient was not finite.
    - `empty_steps`: steps in a row in which no group had two different rewards.
    """

    gap: float = Field(default=0.1, gt=0)
    error_rate: float = Field(default=0.2, gt=0, le=1)
    skipped_updates: int = Field(default=3, ge=1)
    empty_steps: int = Field(default=5, ge=1)


class ValidationConfig(Section):
    """Every `every` steps the planner answers `num_tasks` tasks of the validation split, at `temperature`."""

    every: int = Field(default=10, ge=1)
    num_tasks: int = Field(default=50, ge=0)
    temperature: float = Field(default=0.0, ge=0)


class SftConfig(Section):
    """Offline imitation: the planner turns of trajectories with at least `min_reward`, from files of trajectories.

    `epochs` passes, `batch_turns` planner turns an update.
    """

    trajectories: tuple[Path, ...] = ()
    min_reward: float = 1.0
    epochs: int = Field(default=1, ge=1)
    batch_turns: int = Field(default=32, ge=1)


class TrainSection(Section):
    """The table `[train]`. The defaults are the paper's where it gives them.

    `model` is the planner's base: a name of the registry, a GGUF file or a transformers folder. Everything of the run
    is in `folder`. `sampler` is the engine that samples from it: "local" (llama.cpp), "transformers" (the learner's own
    weights, in batches) or "vllm:MODEL" (a server); its settings are those of the engine "policy".
    A step takes `tasks_per_step` tasks and rolls each out `group_size` times, at most `concurrency` at once, trying
    again what failed through no fault of the policy (`attempts` in all). A group whose rewards are all equal teaches
    nothing: with `drop_equal_rewards` other tasks take its place, for at most `refill_rounds` rounds. Each step makes
    `epochs` passes over `minibatches` parts of its groups, an update each.
    Tasks whose scorer is "judge" are scored by the engine `judge`; all others by rules.
    Every `checkpoint_every` steps a checkpoint is written; the last `keep_checkpoints` stay, and the best.
    """

    method: Literal["flow-grpo", "sft"] = "flow-grpo"
    model: str = "qwen2.5-coder-0.5b"
    folder: Path = Path("runs/flow-grpo")
    seed: int = 0
    steps: int = Field(default=100, ge=1)
    tasks_per_step: int = Field(default=32, ge=1)
    group_size: int = Field(default=8, ge=2)
    concurrency: int = Field(default=32, ge=1)
    attempts: int = Field(default=2, ge=1)
    drop_equal_rewards: bool = True
    refill_rounds: int = Field(default=2, ge=0)
    minibatches: int = Field(default=1, ge=1)
    epochs: int = Field(default=1, ge=1)
    lr: float = Field(default=1e-6, gt=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    checkpoint_every: int = Field(default=1, ge=1)
    keep_checkpoints: int = Field(default=2, ge=2)
    save_samples: bool = False
    judge: str = ""
    sampler: str = Field(default="local", pattern=r"^(local|transformers|vllm:.+)$")
    sinks: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ()
    tasks: tuple[SourceConfig, ...] = ()
    advantage: AdvantageConfig = AdvantageConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    learner: LearnerConfig = LearnerConfig()
    limits: LimitsConfig = LimitsConfig()
    validation: ValidationConfig = ValidationConfig()
    sft: SftConfig = SftConfig()

    @field_validator("folder")
    @classmethod
    def _home(cls, folder: Path) -> Path:
        return folder.expanduser()

    @model_validator(mode="after")
    def _minibatches_fit(self) -> "TrainSection":
        if self.minibatches > self.tasks_per_step:
            raise ValueError(f"minibatches = {self.minibatches} are more than tasks_per_step = {self.tasks_per_step}")
        return self

    @model_validator(mode="after")
    def _somebody_scores(self) -> "TrainSection":
        for source in self.tasks:
            scorer = getattr(source, "scorer", None)  # generators know theirs
            if scorer == JUDGE and not self.judge:
                raise ValueError(f"the tasks {source.label!r} have the scorer 'judge': set train.judge to an engine")
            if scorer is not None and scorer not in (*RULES, JUDGE):
                raise ValueError(str(UnknownName("scorer", scorer, (*RULES, JUDGE))))
        return self


class TrainConfig(Config):
    """A flow and how its planner is trained. The planner samples freely: its distribution is the one that is trained.

    A solve has no limit of wall time unless one is set: a busy machine must not become a reward of 0.

    >>> TrainConfig().planner.engine, TrainConfig().planner.temperature
    ('policy', 0.5)
    """

    planner: ModuleConfig = ModuleConfig(engine=POLICY, temperature=0.5, max_tokens=256, constrained=False)
    budget: BudgetConfig = BudgetConfig(max_seconds=None)
    trace: Path | None = None
    train: TrainSection = TrainSection()

    @model_validator(mode="after")
    def _the_loss_assumes_the_sampler(self) -> "TrainConfig":
        planner = self.planner
        if self.flow != "agentflow":
            raise ValueError(f"flow is {self.flow!r}: a baseline has no planner to train, leave it out")
        if planner.engine != POLICY:
            raise ValueError(f"planner.engine is {planner.engine!r}: in training it is the policy, leave it out")
        if planner.constrained:
            raise ValueError("planner.constrained must be false in training: a schema changes what is sampled")
        if not planner.temperature:
            raise ValueError("planner.temperature must be above 0 in training: equal rollouts teach nothing")
        cut = [name for name in ("top_p", "top_k", "min_p") if getattr(planner, name) is not None]
        if cut:
            raise ValueError(f"planner.{cut[0]} must not be set in training: the learner knows the temperature alone")
        if planner.seed is not None:
            raise ValueError(
                "planner.seed must not be set in training: every rollout would be the same; set train.seed"
            )
        if planner.stop:
            raise ValueError("planner.stop must not be set in training: the learner would not see what was cut")
        return self

    def identity(self) -> dict[str, Any]:
        """The settings that decide what a run computes, by dotted name. A run goes on only where they are the same."""
        flat = _flatten(self.model_dump(mode="json"))
        return {name: value for name, value in flat.items() if not name.startswith(FREE_TO_CHANGE)}


# What may be changed when a run goes on: how long, how fast, what is written and when to give up.
FREE_TO_CHANGE = (
    "trace",
    "solo.",  # has no part in training
    "prices.",  # neither have they
    "train.folder",
    "train.steps",
    "train.concurrency",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.save_samples",
    "train.sinks",
    "train.limits.",
    "train.validation.every",
    # the same gradient up to rounding, and what to turn when memory is short
    "train.learner.token_budget",
    "train.learner.share_prefixes",
    "train.learner.gradient_checkpointing",
    "train.learner.threads",
)


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """
    >>> _flatten({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': [2]}
    """
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
