"""The five prompts of a flow. A module is always the same three moves: render the prompt, ask the engine, read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from agentflow.config import Config
from agentflow.flow.formats import (
    ANSWER_CHARACTERS,
    FORMATS,
    Answer,
    Format,
    Unreadable,
    program_argument,
    read_object,
    read_program,
)
from agentflow.flow.inert import inert, inert_line
from agentflow.flow.ledger import Ledger, Role
from agentflow.flow.memory import Memory
from agentflow.flow.prompt_set import Prompt, format_name, load_prompt_set
from agentflow.types import Action, Completion, Message, ModuleName, Task, Tool, Verdict


@dataclass(frozen=True)
class Modules:
    """The analyst, planner, executor, verifier and generator of a flow.

    Every method raises `Unreadable` where the model's text does not follow its format (the analyst writes free text).
    """

    roles: Mapping[ModuleName, Role]
    tools: Mapping[str, Tool]
    prompts: Mapping[str, Prompt]
    format: Format
    max_turns: int

    @classmethod
    def of(cls, config: Config, roles: Mapping[ModuleName, Role], tools: Mapping[str, Tool]) -> "Modules":
        """The modules that a config asks for. Raises `UnknownName` for its prompt set."""
        prompts = load_prompt_set(config.prompts)
        return cls(roles, tools, prompts, FORMATS[format_name(config.prompts)], config.budget.max_turns)

    @property
    def wants_analysis(self) -> bool:
        """Whether the planner's prompt shows the analysis at all; nobody else reads it."""
        return any("analysis" in section.get_identifiers() for section in self.prompts["planner"].sections.values())

    async def analyse(self, task: Task, ledger: Ledger) -> str:
        """What the question asks for, written once. It is shown to the planner as it is, and never read."""
        messages = self.prompts["analyst"].messages(tools=self._tool_list(), question=task.question)
        completion = await ledger.ask("analyst", self.roles["analyst"], messages, self.format.analysis_schema)
        return completion.text.strip()

    def planner_messages(self, task: Task, analysis: str, memory: Memory) -> tuple[Message, ...]:
        """The planner's prompt: that of one turn begins with all of that of the turn before.

        A prompt file with a section `next` gets memory as a conversation; one without gets it at the end of its one
        user message.
        """
        values = {"question": task.question, "analysis": analysis, "tools": self._tool_list()}
        if "next" not in self.prompts["planner"].sections:
            return self.prompts["planner"].messages(memory=memory.render(), max_turns=self.max_turns, **values)
        messages = list(self.prompts["planner"].messages(max_turns=self.max_turns, **values))
        for number, entry in enumerate(memory.entries(), start=1):
            text = self.prompts["planner"].render(
                "next", result=entry.outcome, turn=number + 1, max_turns=self.max_turns
            )
            messages += [
                Message(role="assistant", content=entry.plan_as_written),
                Message(role="user", content=text),
            ]
        return tuple(messages)

    async def plan(self, task: Task, analysis: str, memory: Memory, ledger: Ledger) -> Action:
        """The next action."""
        prompt, of_plans = self.prompts["planner"], self.format.plan_schema
        schema = of_plans(sorted(self.tools), prompt.text) if of_plans else None
        messages = self.planner_messages(task, analysis, memory)
        role = self.roles["planner"]
        return self.format.read_plan(whole_text(role, await ledger.ask("planner", role, messages, schema)))

    async def write_arguments(self, task: Task, action: Action, tool: Tool, ledger: Ledger) -> dict[str, JsonValue]:
        """The JSON arguments of the tool call. Never executed, and not yet validated.

        A tool whose one argument is a program gets it from a fenced code block: small models write far better programs
        there than escaped inside a JSON string.
        """
        program = program_argument(tool.json_schema)
        context, sub_goal = inert(action.context) or "none", inert(action.sub_goal)
        values = {"question": task.question, "context": context, "sub_goal": sub_goal}
        messages = self.prompts[_prompt_for(tool)].messages(**_values_of(tool), **values)
        role = self.roles["executor"]
        schema = None if program else tool.json_schema
        text = whole_text(role, await ledger.ask("executor", role, messages, schema))
        return {program: read_program(text)} if program else read_object(text)

    async def verify(self, task: Task, memory: Memory, ledger: Ledger) -> Verdict:
        """Whether memory suffices. An unreadable verdict is no reason to stop."""
        messages = self.prompts["verifier"].messages(question=task.question, memory=memory.render())
        role = self.roles["verifier"]
        completion = await ledger.ask("verifier", role, messages, self.format.verdict_schema)
        try:
            return self.format.read_verdict(whole_text(role, completion))
        except Unreadable as error:
            return Verdict(stop=False, reason=f"(the verifier's reply could not be read: {error})")

    async def generate(self, task: Task, memory: Memory, ledger: Ledger) -> Answer:
        """The final answer, whatever is left of the budget."""
        memory_text = memory.render() or "No turn has been taken."
        messages = self.prompts["generator"].messages(question=task.question, memory=memory_text)
        role = self.roles["generator"]
        schema = self.format.answer_schema(ANSWER_CHARACTERS) if self.format.answer_schema else None
        completion = await ledger.ask("generator", role, messages, schema, last=True)
        return self.format.read_answer(whole_text(role, completion))

    def prompts_of(self, module: ModuleName) -> list[tuple[Prompt, Mapping[str, object]]]:
        """The prompts of a module, each with those of its values that are known before any question."""
        if module == "executor":
            return [(self.prompts[_prompt_for(tool)], _values_of(tool)) for tool in self.tools.values()]
        return [(self.prompts[module], {"tools": self._tool_list(), "max_turns": self.max_turns})]

    def _tool_list(self) -> str:
        return tool_list(list(self.tools.values()))


def whole_text(role: Role, completion: Completion) -> str:
    """The text of a reply that came to its end."""
    if completion.finish_reason == "length":
        raise Unreadable(f"it was cut off after {role.sampling.max_tokens} tokens; write less")
    return completion.text


def _prompt_for(tool: Tool) -> str:
    """Which file the executor's prompt for a tool is."""
    return "program" if program_argument(tool.json_schema) else "executor"


def _values_of(tool: Tool) -> dict[str, str]:
    return {"tool": inert_line(tool.name), "description": inert(tool.description), "schema": schema_text(tool)}


def schema_text(tool: Tool) -> str:
    """The schema of a tool's arguments as it is shown."""
    return inert(json.dumps(tool.json_schema, ensure_ascii=False))


def tool_list(tools: Sequence[Tool]) -> str:
    """One line a tool, as the planner sees it."""
    return "\n".join(f"- {inert_line(tool.name)}: {inert_line(tool.description)}" for tool in tools)
