"""Do a tool's arguments fit its schema? Asked once, before the tool runs."""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import JsonValue

from agentflow.errors import ToolError
from agentflow.types import Tool


def check_arguments(tool: Tool, arguments: dict[str, JsonValue]) -> None:
    """Raise `ToolError`, in words that a model can act on, if `arguments` break the tool's JSON schema."""
    schema: dict[str, Any] = tool.json_schema
    error = best_match(Draft202012Validator(schema).iter_errors(arguments))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ToolError(f"{place + ': ' if place else ''}{error.message[:300]}")
