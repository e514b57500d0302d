"""Everything that can be wrong before anything is asked of an engine: raised as `ConfigError`, with the numbers."""

from collections.abc import Mapping

from jsonschema import Draft202012Validator, SchemaError

from agentflow.config import Config
from agentflow.errors import CapabilityError, ConfigError, PromptTooLong
from agentflow.flow.ledger import Role
from agentflow.flow.memory import Memory
from agentflow.flow.modules import Modules
from agentflow.flow.unicode import replace_surrogates
from agentflow.types import Engine, ModuleName, Task, Tool

TURN_TOKENS = 32  # the words around a turn in a prompt, such as "Turn 2 of 6. Choose the next step."


def check_flow(modules: Modules, memory: Memory, config: Config) -> None:
    """Tools, capabilities and lengths: whether a flow can work. `memory` is an empty one."""
    if not modules.tools:
        raise ConfigError("a flow needs at least one tool")
    for tool in modules.tools.values():
        _check_schema(tool)
    _check_capabilities(modules)
    check_seed(config.seed, modules.roles)
    memory.check()
    _check_context(modules, memory, config)


def check_seed(seed: int | None, roles: Mapping[ModuleName, Role]) -> None:
    """A seed reaches every engine, or is refused."""
    for module, role in roles.items():
        if seed is not None and not role.engine.capabilities.seed:
            raise CapabilityError(f"a seed is set, but engine {role.engine.name!r} ({module}) takes none")


def check_question(task: Task, config: Config, engine: Engine) -> None:
    """A question has words, and leaves room for the rest of the prompt."""
    if not task.question.strip():
        raise ConfigError("the question is empty")
    if task.question != replace_surrogates(task.question):
        raise ConfigError("the question is no valid text: it holds bytes that are not UTF-8")
    limit = config.memory.question_tokens
    tokens = engine.count_tokens(task.question)
    if tokens > limit:
        raise PromptTooLong(
            f"the question has {len(task.question)} characters, {tokens} tokens; at most {limit} tokens are taken: "
            "shorten it, or raise memory.question_tokens"
        )


def _check_schema(tool: Tool) -> None:
    try:
        Draft202012Validator.check_schema(tool.json_schema)
    except SchemaError as error:
        raise ConfigError(f"the schema of tool {tool.name} is no JSON schema: {error.message}") from None


def _check_capabilities(modules: Modules) -> None:
    schemas = {
        "analyst": modules.format.analysis_schema is not None,
        "planner": modules.format.plan_schema is not None,
        "executor": True,
        "verifier": modules.format.verdict_schema is not None,
        "generator": modules.format.answer_schema is not None,
    }
    for module, role in modules.roles.items():
        constrained = role.constrained and schemas[module]
        role.engine.capabilities.require(role.engine.name, role.sampling, json_schema=constrained)


def _check_context(modules: Modules, memory: Memory, config: Config) -> None:
    """The longest prompt must fit: static text, question, analysis, memory and the new tokens."""
    count = modules.roles["planner"].engine.count_tokens
    static = sum(count(message.content) for message in modules.planner_messages(Task(question="?"), "", memory))
    growing = config.memory.question_tokens + modules.roles["analyst"].sampling.max_tokens
    growing += config.memory.tokens + TURN_TOKENS * config.budget.max_turns
    for module, role in modules.roles.items():
        limit = role.engine.capabilities.context_length
        if limit is not None and static + growing + role.sampling.max_tokens > limit:
            raise PromptTooLong(
                f"the {module}'s prompt can grow to {static + growing} tokens and its reply to "
                f"{role.sampling.max_tokens}, but the context of {role.engine.name} holds {limit}: "
                "lower memory.tokens or memory.question_tokens"
            )
