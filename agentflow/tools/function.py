"""A tool out of a typed async function: its name, its docstring and its annotations are all there is to say."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast, get_args, get_type_hints, overload

import docstring_parser
from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ArgsKwargs

from agentflow.errors import ConfigError, ToolError
from agentflow.types import JsonSchema, ToolResult

ToolFunction = Callable[..., Awaitable[str | ToolResult]]
Returned = str | ToolResult


@dataclass(frozen=True)
class FunctionTool:
    """A function as a `Tool`; calling it calls the function."""

    name: str
    description: str
    json_schema: JsonSchema
    function: ToolFunction
    adapter: TypeAdapter[Any]

    async def run(self, arguments: dict[str, JsonValue]) -> ToolResult:
        """Call the function with arguments that fit its annotations; raises `ToolError` if they do not."""
        try:
            answer = self.adapter.validate_python(ArgsKwargs((), arguments))  # makes the coroutine, runs nothing yet
        except ValidationError as error:
            raise ToolError(what_is_wrong(error)) from None
        returned = await answer
        return returned if isinstance(returned, ToolResult) else ToolResult(text=returned)

    def __call__(self, *args: Any, **kwargs: Any) -> Awaitable[Returned]:
        return self.function(*args, **kwargs)


@overload
def tool(function: ToolFunction, name: str | None = None) -> FunctionTool: ...
@overload
def tool(function: None = None, name: str | None = None) -> Callable[[ToolFunction], FunctionTool]: ...
def tool(
    function: ToolFunction | None = None, name: str | None = None
) -> FunctionTool | Callable[[ToolFunction], FunctionTool]:
    """Make a tool of an async function, or decorate one with `@tool` or `@tool(name="other_name")`.

    The description is the docstring without its sections, the JSON schema (2020-12) comes from the annotations, and
    the parameters' descriptions from the docstring's `Args`. Raises `ConfigError` for a function that does not say
    enough about itself.

    >>> @tool
    ... async def repeat(text: str, times: int = 2) -> str:
    ...     '''Repeat a text.
    ...
    ...     Args:
    ...         text: What to repeat.
    ...         times: How often.
    ...     '''
    ...     return text * times
    >>> repeat.name, repeat.description
    ('repeat', 'Repeat a text.')
    >>> repeat.json_schema["properties"]["text"]
    {'type': 'string', 'description': 'What to repeat.'}
    """
    if function is None:
        return lambda decorated: tool(decorated, name)
    return from_function(function, name or str(getattr(function, "__name__", "")))


def from_function(function: ToolFunction, name: str) -> FunctionTool:
    check_function(function, name)
    docstring = docstring_parser.parse(inspect.getdoc(function) or "")
    parts = (docstring.short_description, docstring.long_description)
    described = {parameter.arg_name: parameter.description or "" for parameter in docstring.params}
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, function))
        schema = adapter.json_schema(schema_generator=Untitled)
    except (PydanticUserError, NameError) as error:
        raise ConfigError(f"tool {name}: no JSON schema can be made of its annotations: {error}") from error
    return FunctionTool(
        name=name,
        description="\n\n".join(part for part in parts if part),
        json_schema=with_descriptions(schema, described, name),
        function=function,
        adapter=adapter,
    )


class Untitled(GenerateJsonSchema):
    """Without the titles that repeat each name: a model reads every word of a schema."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def check_function(function: ToolFunction, name: str) -> None:
    """Raise `ConfigError` unless this is an async function that says what it takes, returns and does."""
    if not inspect.iscoroutinefunction(function):
        raise ConfigError(f"tool {name or function!r}: an async function is wanted (async def), not {function!r}")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"tool {name}: {parameter} can not be given by name; name each parameter")
        if parameter.annotation is parameter.empty:
            raise ConfigError(f"tool {name}: parameter {parameter.name} wants a type annotation")
    try:
        returned = get_type_hints(function).get("return")
    except NameError as error:
        raise ConfigError(f"tool {name}: an annotation can not be resolved: {error}") from error
    if not {returned, *get_args(returned)} & {str, ToolResult}:
        raise ConfigError(f"tool {name}: its return annotation must be str or ToolResult")
    if not inspect.getdoc(function):
        raise ConfigError(f"tool {name}: a docstring is wanted; its text is what the planner reads")


def with_descriptions(schema: JsonSchema, described: dict[str, str], name: str) -> JsonSchema:
    """The schema with the docstring's words on each parameter; an annotation's own words come first."""
    properties = schema.setdefault("properties", {})
    strangers = sorted(described.keys() - properties.keys())
    if strangers:
        raise ConfigError(f"tool {name}: the docstring describes {', '.join(strangers)}, which it does not take")
    for parameter, description in described.items():
        properties[parameter].setdefault("description", description)
    return schema


def what_is_wrong(error: ValidationError) -> str:
    """One line a fault: where, what is wanted, what came."""
    faults = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(part) for part in fault["loc"])
        came = "" if isinstance(fault["input"], ArgsKwargs) else f" (got {shown(fault['input'])})"
        faults.append(f"{where}: {fault['msg']}{came}")
    return "; ".join(faults)


def shown(value: object) -> str:
    """
    >>> shown("x" * 1000)[-5:]
    'xx...'
    """
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
