"""From a `TrainConfig` to everything that takes part in a run: learner, policy engine, publisher, flow, tasks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from agentflow.assemble import open_flow
from agentflow.config import MODULES, ToolsConfig
from agentflow.engines import open_engine
from agentflow.engines.greedy_memo import GreedyMemo
from agentflow.engines.models import find_model
from agentflow.scoring.judge import Judge
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
from agentflow.types import Engine

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
        frozen = remembered_engines(config, {config.train.judge: config.train.judge} if config.train.judge else None)
        for engine in frozen.values():
            stack.push_async_callback(engine.close)
        engines = {POLICY: publisher.engine, **frozen}
        flow = await stack.enter_async_context(open_flow(config, notice=notice, engines=engines))
        yield Team(
            flow=flow,
            validation_flow=flow.with_config(_validation_config(config)),
            backend=learner,
            publisher=publisher,
            tasks=tasks,
            encode=encoder(base),
            judge=Judge(frozen[config.train.judge]) if config.train.judge else None,
        )


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
    tools = {"enabled": config.tools.enabled, **settings, SEARCH: search}
    return config.model_copy(update={"tools": ToolsConfig.model_validate(tools)})


def _validation_config(config: TrainConfig) -> TrainConfig:
    planner = config.planner.model_copy(update={"temperature": config.train.validation.temperature})
    return config.model_copy(update={"planner": planner})


def remembered_engines(config: TrainConfig, instead: Mapping[str, str] | None = None) -> dict[str, Engine]:
    """The engines that the modules name, each asked once for what is asked greedily. Whoever asks for them closes them.

    `instead` opens another engine in the place of one, such as that of a trained planner in the place of the policy.
    The policy itself is left out.
    """
    instead = instead or {}
    named = {getattr(config, module).engine or config.engine for module in MODULES}
    engines: dict[str, Engine] = {}
    for name in sorted(named - {POLICY} | instead.keys()):
        specification = instead.get(name, name)
        settings = config.engines.get(name, {})
        engines[name] = GreedyMemo(open_engine(specification, settings=settings))
    return engines
