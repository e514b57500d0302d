"""From a `TrainConfig` to everything that takes part in a run: learner, policy engine, publisher, flow, tasks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from agentflow.assemble import open_flow
from agentflow.config import MODULES, ToolsConfig
from agentflow.engines import open_engine
from agentflow.engines.greedy_memo import GreedyMemo
from agentflow.engines.models import find_model
from agentflow.errors import ConfigError
from agentflow.flow import Flow
from agentflow.flow.checks import check_question
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE, Judge
from agentflow.tasks import WORLD_DESCRIPTION, open_tasks, write_corpus
from agentflow.tasks.splits import Split
from agentflow.train.config import POLICY, TrainConfig
from agentflow.train.encode import encoder
from agentflow.train.flow_grpo import FlowGrpoTrainer
from agentflow.train.learner import LocalLearner
from agentflow.train.publish.open import open_publisher
from agentflow.train.run_folder import RunFolder
from agentflow.train.sft import SftTrainer, read_turns
from agentflow.train.trainer import Sink, Team, Trainer, Watcher
from agentflow.types import Engine, Task

SEARCH = "wikipedia_search"
Notice = Callable[[str], None]


@asynccontextmanager
async def open_team(config: TrainConfig, run: RunFolder, *, notice: Notice = lambda _line: None) -> AsyncIterator[Team]:
    """Open all parts of a run, and close them again. Raises `ConfigError` for what can not work together."""
    needs: list[Split] = ["train", "validation"] if config.train.validation.num_tasks else ["train"]
    tasks = await asyncio.to_thread(open_tasks, config.train.tasks, seed=config.train.seed, needs=needs)
    config = await asyncio.to_thread(with_corpus, config, run)
    learner_config = config.train.learner.model_copy(update={"temperature": config.planner.temperature})
    learner = await asyncio.to_thread(LocalLearner.open, config.train.model, learner_config)
    async with AsyncExitStack() as stack:
        settings: dict[str, Any] = config.engines.get(POLICY, {})
        base = find_model(config.train.model)
        publisher = await open_publisher(
            config.train.sampler, learner.model, base, run.folder / "policy", name=POLICY, settings=settings
        )
        stack.push_async_callback(publisher.close)
        frozen = remembered_engines(config)
        for engine in frozen.values():
            stack.push_async_callback(engine.close)
        engines = {POLICY: publisher.engine, **frozen}
        flow = await stack.enter_async_context(open_flow(config, notice=notice, engines=engines))
        assert isinstance(flow, Flow)  # `TrainConfig` takes no other
        await asyncio.to_thread(check_tasks, [*tasks.train.tasks, *tasks.validation], config, publisher.engine)
        yield Team(
            flow=flow,
            validation_flow=flow.with_config(_validation_config(config)),
            backend=learner,
            publisher=publisher,
            tasks=tasks,
            encode=encoder(base),
            judge=open_judge(config, frozen),
        )


def check_tasks(tasks: Iterable[Task], config: TrainConfig, policy: Engine) -> None:
    """Raise `ConfigError` for the first task that could not be asked or scored: at start, and not in mid-run."""
    for task in tasks:
        try:
            check_question(task, config, policy)
            if task.metadata.get("scorer") != JUDGE:
                score(task, "")
            elif not config.train.judge:
                raise ConfigError("its scorer is 'judge': set train.judge to an engine")
        except ConfigError as error:
            raise ConfigError(f"task {task.id or task.question[:60]!r} can not be trained on: {error}") from None


def open_trainer(
    config: TrainConfig, team: Team, run: RunFolder, *, sinks: Sequence[Sink] = (), watcher: Watcher | None = None
) -> Trainer:
    """The trainer of the config's method."""
    if config.train.method == "flow-grpo":
        return FlowGrpoTrainer(config, team, run, sinks=sinks, watcher=watcher)
    turns = read_turns(config.train.sft, team.encode, engine=POLICY)
    return SftTrainer(config, team, run, sinks=sinks, watcher=watcher, turns=turns)


def with_corpus(config: TrainConfig, run: RunFolder) -> TrainConfig:
    """The articles of the worlds that the tasks come from are what is searched, unless the config names a corpus."""
    settings = config.tools.settings
    if "corpus" in settings.get(SEARCH, {}) or SEARCH not in config.tools.enabled:
        return config
    corpus = write_corpus(config.train.tasks, run.folder)
    if corpus is None:
        return config
    search = {"description": WORLD_DESCRIPTION, **settings.get(SEARCH, {}), "corpus": str(corpus)}
    tools = {**config.tools.model_dump(), SEARCH: search}
    return config.model_copy(update={"tools": ToolsConfig.model_validate(tools)})


def _validation_config(config: TrainConfig) -> TrainConfig:
    planner = config.planner.model_copy(update={"temperature": config.train.validation.temperature})
    return config.model_copy(update={"planner": planner})


def remembered_engines(config: TrainConfig) -> dict[str, GreedyMemo]:
    """The engines that the frozen modules and the judge name, each asked once for what is asked greedily.

    Whoever asks for them closes them.
    """
    named = {getattr(config, module).engine or config.engine for module in MODULES} | {config.train.judge}
    opened = {name: open_engine(name, settings=config.engines.get(name, {})) for name in sorted(named - {POLICY, ""})}
    return {name: GreedyMemo(engine) for name, engine in opened.items()}


def open_judge(config: TrainConfig, engines: Mapping[str, GreedyMemo]) -> Judge | None:
    """The judge of a config, if it has one. It remembers verdicts itself, and failures never."""
    if not config.train.judge:
        return None
    return Judge(engines[config.train.judge].engine, max_tokens=config.judge.max_tokens)
