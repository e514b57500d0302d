"""Do a tool's arguments fit its schema? Asked once, before the tool runs."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from referencing.exceptions import Unresolvable

from agentflow.errors import InfraError, ToolError
from agentflow.types import JsonSchema, Tool

SHOWN_FAULTS = 3


def check_arguments(tool: Tool, arguments: object) -> None:
    """Raise `ToolError` unless the arguments fit the tool's schema, in words that a model can act on.

    >>> check_arguments(some_tool, {"quary": "x"})  # doctest: +SKIP
    agentflow.errors.ToolError: arguments: 'query' is a required property. Wanted: {"query": string}
    """
    validator = Draft202012Validator(tool.json_schema)
    try:
        faults = sorted(validator.iter_errors(arguments), key=lambda fault: list(fault.path))
    except Unresolvable as error:
        raise InfraError(f"the schema of tool {tool.name} is broken: {error}") from error
    if faults:
        said = "; ".join(fault_line(fault) for fault in faults[:SHOWN_FAULTS])
        raise ToolError(f"{said}. Wanted: {signature(tool.json_schema)}")


def fault_line(fault: ValidationError) -> str:
    """Where and what: `arguments.limit: 'x' is not of type 'integer'`."""
    message = fault.message if len(fault.message) <= 200 else f"{fault.message[:90]} ... {fault.message[-90:]}"
    return f"{'.'.join(['arguments', *map(str, fault.path)])}: {message}"


def signature(schema: JsonSchema) -> str:
    """The shape of the arguments in a few words.

    >>> signature({"properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["query"]})
    '{"query": string, "limit": integer (optional)}'
    """
    required = schema.get("required", ())
    parts = [
        f"{json.dumps(name)}: {kind(part)}{'' if name in required else ' (optional)'}"
        for name, part in schema.get("properties", {}).items()
    ]
    return f"{{{', '.join(parts)}}}"


def kind(schema: Any) -> str:
    """
    >>> kind({"enum": ["a", "b"]})
    'one of "a", "b"'
    """
    if not isinstance(schema, Mapping):
        return "anything"
    if "enum" in schema:
        return f"one of {', '.join(json.dumps(value) for value in schema['enum'])}"
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    return str(schema.get("type", "object" if "$ref" in schema else "anything"))
