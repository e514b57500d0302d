"""Arguments against a tool's schema, in words that a model can act on."""

from typing import Any

import pytest

from agentflow.errors import ToolError
from agentflow.flow.arguments import check_arguments
from agentflow.tools import tool


@tool
async def search(query: str, limit: int = 3, near: tuple[float, float] | None = None) -> str:
    """Search."""
    return query


@pytest.mark.parametrize("arguments", [{"query": "a"}, {"query": "a", "limit": 1, "near": None}])
def test_arguments_that_fit(arguments: dict[str, Any]) -> None:
    check_arguments(search, arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "arguments: 'query' is a required property"),
        ({"quary": "a"}, "'quary' was unexpected"),
        ({"query": 3}, "arguments.query: 3 is not of type 'string'"),
        ({"query": "a", "limit": "b"}, "arguments.limit: 'b' is not of type 'integer'"),
        ({"query": "x" * 1_000_000, "limit": None}, "arguments.limit"),
        ({"query": "a", "limit": "x" * 1_000_000}, "arguments.limit"),
        ({"query": "a", "near": [1]}, "arguments.near"),
        ("a string", "arguments: 'a string' is not of type 'object'"),
        (None, "None is not of type 'object'"),
        ([1], "is not of type 'object'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_shortly(arguments: Any, said: str) -> None:
    with pytest.raises(ToolError) as error:
        check_arguments(search, arguments)
    message = str(error.value)
    assert said in message
    assert message.endswith('Wanted: {"query": string, "limit": integer (optional), "near": array or null (optional)}')
    assert len(message) < 700
