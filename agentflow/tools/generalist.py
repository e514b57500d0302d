"""The tool `generalist`: an engine answers from what it knows."""

import time

from pydantic import Field, JsonValue, field_validator

from agentflow.clock import clock_stopped
from agentflow.errors import PromptTooLong, ToolError
from agentflow.tools.registry import ToolContext
from agentflow.types import Call, Engine, JsonSchema, Message, Noun, Sampling, ToolResult

INSTRUCTION = "Answer the question directly and briefly. If you do not know, say so."


class Settings(Noun):
    """`engine` is a specification, "default" being the executor's engine; `max_tokens` bounds the answer.

    A `temperature` of "none" is left to the engine, for those that take none.
    """

    engine: str = "default"
    temperature: float | None = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=400, ge=1)

    @field_validator("temperature", mode="before")
    @classmethod
    def _none_by_name(cls, value: object) -> object:
        return None if value == "none" else value


class Generalist:
    """Asks an engine one question, without any memory of the others."""

    name = "generalist"
    description = (
        "A language model that answers from what it knows. For questions of language and common knowledge, for "
        "rewriting, summing up and explaining. It can not look anything up, and it does not compute exactly."
    )

    def __init__(self, engine: Engine, sampling: Sampling) -> None:
        self._engine = engine
        self._sampling = sampling

    @property
    def version(self) -> str:
        """Who answers, and how that is sampled."""
        temperature = self._sampling.temperature
        how = "its own temperature" if temperature is None else f"temperature {temperature:g}"
        return f"{self._engine.name}, {how}, at most {self._sampling.max_tokens} tokens"

    @property
    def json_schema(self) -> JsonSchema:
        query = {"type": "string", "description": "The question or task, with all that is needed to answer it."}
        return {"type": "object", "properties": {"query": query}, "required": ["query"], "additionalProperties": False}

    async def run(self, arguments: dict[str, JsonValue]) -> ToolResult:
        """The engine's answer, and the call that it took.

        Its limits are those of a module's call: `max_tokens`, what the engine sets, and the time of the whole solve.
        How long an engine takes that many solves share says nothing of the call.
        """
        messages = (
            Message(role="system", content=INSTRUCTION),
            Message(role="user", content=str(arguments["query"])),
        )
        begun = time.monotonic()
        try:
            with clock_stopped():
                completion = await self._engine.complete(messages, self._sampling)
        except PromptTooLong as error:
            raise ToolError(f"the query is too long: {error}") from error
        call = Call(
            module="tool",
            engine=self._engine.name,
            messages=messages,
            sampling=self._sampling,
            completion=completion,
            seconds=time.monotonic() - begun,
        )
        text = completion.text.strip() or "(the model gave no answer)"
        cut_off = " ... (cut off)" if completion.finish_reason == "length" else ""
        return ToolResult(text=text + cut_off, calls=(call,))


def build(context: ToolContext) -> Generalist:
    """The tool for these settings; raises `ConfigError` for wrong ones, and for an engine that can not take them."""
    settings = context.settings_as(Settings, "generalist")
    engine = context.open_engine(settings.engine)
    sampling = Sampling(temperature=settings.temperature, max_tokens=settings.max_tokens)
    engine.capabilities.require(engine.name, sampling)
    return Generalist(engine, sampling)
