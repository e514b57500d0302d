"""The loop: plan, execute, verify, until memory suffices or a budget is used up; then the answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from typing import Any

from agentflow.config import MODULES, Config
from agentflow.errors import ConfigError, InfraError, PromptTooLong, ToolError
from agentflow.flow.arguments import check_arguments
from agentflow.flow.draft import Draft, TurnDraft
from agentflow.flow.formats import Unreadable
from agentflow.flow.ledger import BudgetSpent, Ledger, Role
from agentflow.flow.memory import Memory
from agentflow.flow.modules import Modules
from agentflow.types import Engine, ModuleName, Outcome, Status, Task, Tool, Trajectory, Turn

Stages = Callable[[str], None]
Sink = Callable[[Trajectory], None]


class Flow:
    """A planner, an executor, a verifier and a generator over one memory and a set of tools.

    `engines` is one engine for all modules, or one for each name in `config.MODULES`. `sink` is given every
    trajectory once, also one that was interrupted. Settings that can not work together raise `ConfigError` here,
    before anything is asked of an engine. A flow holds no state of its solves: any number may run at once.

    Example::

        flow = Flow(engine, {"python": python_tool})
        trajectory = await flow.solve(Task(question="What is 17 * 23?"))

        async for turn in flow.solve(Task(question="What is 17 * 23?")):
            print(turn.action)
    """

    def __init__(
        self,
        engines: Engine | Mapping[ModuleName, Engine],
        tools: Mapping[str, Tool],
        config: Config | None = None,
        *,
        sink: Sink | None = None,
    ) -> None:
        self.config = config or Config()
        self._roles = _roles(engines, self.config)
        self._modules = Modules.of(self.config, self._roles, tools)
        self._sink = sink
        self._check()

    def solve(self, task: Task | str, *, seed: int | None = None, on_stage: Stages | None = None) -> "Solving":
        """Start a solve: await it for its `Trajectory`, or iterate over its turns as they come.

        `seed` gives each call a seed of its own. `on_stage` is told which module or tool begins. Raises `ConfigError`
        for an empty question and `PromptTooLong` for one over `memory.question_tokens`.
        """
        task = Task(question=task) if isinstance(task, str) else task
        self._check_question(task)
        ledger = Ledger(self.config.budget, seed=self.config.seed if seed is None else seed)
        if on_stage:
            ledger.on_stage = on_stage
        return Solving(self._run(task, ledger))

    async def _run(self, task: Task, ledger: Ledger) -> AsyncGenerator[Turn | Trajectory, None]:
        """Yields every turn when it is over, and the trajectory at the end."""
        draft = Draft(task, ledger)
        try:
            outcome = Outcome.OUT_OF_TURNS
            try:
                draft.analysis = await self._modules.analyse(task, ledger)
                for _ in range(self.config.budget.max_turns):
                    await self._take_turn(draft)
                    yield draft.close_turn()
                    if draft.memory_suffices:
                        outcome = Outcome.ANSWERED
                        break
            except BudgetSpent as spent:
                outcome = spent.outcome
            yield self._finish(draft, await self._answer(draft, outcome))
        except InfraError as error:
            draft.error = f"{type(error).__name__}: {error}"
            yield self._finish(draft, Outcome.INFRA_ERROR)
        except (asyncio.CancelledError, GeneratorExit):
            self._finish(draft, Outcome.INTERRUPTED)
            raise

    def _finish(self, draft: Draft, outcome: Outcome) -> Trajectory:
        trajectory = draft.trajectory(outcome)
        if self._sink:
            self._sink(trajectory)
        return trajectory

    async def _take_turn(self, draft: Draft) -> None:
        """Plan, execute, verify. What the model gets wrong ends the turn with a status and is no exception."""
        turn = draft.open_turn()
        try:
            turn.action = await self._modules.plan(draft.task, draft.analysis, self._memory(draft), draft.ledger)
        except Unreadable as error:
            turn.fail(Status.PLAN_ERROR, f"your reply could not be read: {error}")
            return
        tool = self._modules.tools.get(turn.action.tool)
        if tool is None:
            known = ", ".join(sorted(self._modules.tools))
            turn.fail(Status.UNKNOWN_TOOL, f"there is no tool {turn.action.tool!r}; the tools are: {known}")
            return
        if await self._execute(draft, turn, tool):
            turn.verdict = await self._modules.verify(draft.task, self._memory(draft, turn), draft.ledger)

    async def _execute(self, draft: Draft, turn: TurnDraft, tool: Tool) -> bool:
        """Write the arguments and run the tool: whether there is a result to verify."""
        assert turn.action
        try:
            turn.arguments = await self._modules.write_arguments(draft.task, turn.action, tool, draft.ledger)
            check_arguments(tool, turn.arguments)
        except (Unreadable, ToolError) as error:
            turn.fail(Status.ARGUMENTS_ERROR, f"the arguments do not fit: {error}")
            return False
        draft.ledger.on_stage(tool.name)
        seconds = self.config.budget.tool_seconds
        timer = asyncio.timeout(seconds)
        try:
            async with draft.ledger.deadline(), timer:
                result = await tool.run(turn.arguments)
        except ToolError as error:
            turn.fail(Status.TOOL_ERROR, str(error))
            return False
        except TimeoutError:
            if not timer.expired():
                raise InfraError(f"tool {tool.name} timed out by itself") from None
            turn.fail(Status.TOOL_TIMEOUT, f"the tool gave no answer within {seconds:g} seconds")
            return False
        except (InfraError, BudgetSpent):
            raise
        except Exception as error:
            raise InfraError(f"tool {tool.name} broke: {error!r}") from error
        draft.ledger.record(result.calls)
        turn.result = result.text
        return True

    async def _answer(self, draft: Draft, outcome: Outcome) -> Outcome:
        """The generator's answer, also when a budget is used up. No answer is the model's fault."""
        try:
            answer = await self._modules.generate(draft.task, self._memory(draft), draft.ledger)
        except Unreadable as error:
            draft.error = f"no answer came out: {error}"
            return Outcome.POLICY_ERROR
        draft.output, draft.answer = answer.output, answer.short
        return outcome

    def _memory(self, draft: Draft, turn: TurnDraft | None = None) -> Memory:
        turns = (*draft.turns, turn.freeze(draft.ledger)) if turn else tuple(draft.turns)
        planner = self._roles["planner"]
        return Memory(
            turns,
            self.config.memory,
            max_turns=self.config.budget.max_turns,
            planner_tokens=planner.sampling.max_tokens,
            count=planner.engine.count_tokens,
        )

    def _check(self) -> None:
        """Everything that can be wrong before the first question."""
        if not self._modules.tools:
            raise ConfigError("a flow needs at least one tool")
        schemas = {
            "analyst": self._modules.format.analysis_schema is not None,
            "planner": self._modules.format.plan_schema is not None,
            "executor": True,
            "verifier": self._modules.format.verdict_schema is not None,
            "generator": self._modules.format.answer_schema is not None,
        }
        for module, role in self._roles.items():
            constrained = role.constrained and schemas.get(module, False)
            role.engine.capabilities.require(role.engine.name, role.sampling, json_schema=constrained)
            if self.config.seed is not None and not role.engine.capabilities.seed:
                raise ConfigError(f"a seed is set, but engine {role.engine.name!r} ({module}) takes none")
        empty = Draft(Task(question="?"), Ledger(self.config.budget))
        self._memory(empty).check()
        self._check_context(empty)

    def _check_context(self, empty: Draft) -> None:
        """The longest prompt must fit: static text, question, analysis, memory and the new tokens."""
        role = self._roles["planner"]
        messages = self._modules.planner_messages(empty.task, "", self._memory(empty))
        static = sum(role.engine.count_tokens(message.content) for message in messages)
        growing = self.config.memory.question_tokens + self._roles["analyst"].sampling.max_tokens
        growing += self.config.memory.tokens + 32 * self.config.budget.max_turns  # a turn's own words
        for module, other in self._roles.items():
            limit = other.engine.capabilities.context_length
            if limit is not None and static + growing + other.sampling.max_tokens > limit:
                raise PromptTooLong(
                    f"the {module}'s prompt can grow to {static + growing} tokens and its reply to "
                    f"{other.sampling.max_tokens}, but the context of {other.engine.name} holds {limit}: "
                    "lower memory.tokens or memory.question_tokens"
                )

    def _check_question(self, task: Task) -> None:
        if not task.question.strip():
            raise ConfigError("the question is empty")
        limit = self.config.memory.question_tokens
        tokens = self._roles["planner"].engine.count_tokens(task.question)
        if tokens > limit:
            raise PromptTooLong(
                f"the question has {len(task.question)} characters, {tokens} tokens; at most {limit} tokens are taken: "
                "shorten it, or raise memory.question_tokens"
            )


class Solving:
    """A solve under way: `await` it for the trajectory, or iterate over its turns and await it afterwards.

    Nothing happens before one of the two. Giving up in the middle records the trajectory as interrupted.
    """

    def __init__(self, steps: AsyncGenerator[Turn | Trajectory, None]) -> None:
        self._steps = steps
        self._trajectory: Trajectory | None = None

    def __aiter__(self) -> AsyncIterator[Turn]:
        return self

    async def __anext__(self) -> Turn:
        async for step in self._steps:
            if isinstance(step, Turn):
                return step
            self._trajectory = step
        raise StopAsyncIteration

    def __await__(self) -> Generator[Any, None, Trajectory]:
        return self._drain().__await__()

    async def _drain(self) -> Trajectory:
        async for _ in self:
            pass
        if self._trajectory is None:
            raise asyncio.CancelledError("this solve was interrupted before")
        return self._trajectory


def _roles(engines: Engine | Mapping[ModuleName, Engine], config: Config) -> dict[ModuleName, Role]:
    roles: dict[ModuleName, Role] = {}
    for module in MODULES:
        settings = getattr(config, module)
        if isinstance(engines, Mapping):
            if module not in engines:
                raise ConfigError(f"no engine for the {module}: wanted one for each of {', '.join(MODULES)}")
            engine = engines[module]
        else:
            engine = engines
        roles[module] = Role(engine, settings.sampling, settings.constrained)
    return roles
