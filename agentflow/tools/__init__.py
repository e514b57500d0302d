"""Things that the executor can call.

A tool is a typed async function with a docstring (`tool`), or anything else that fulfils `agentflow.types.Tool`.
Installed packages offer theirs under the entry point group `agentflow.tools` (`known_tools`, `open_tools`).
"""

from agentflow.tools.function import tool
from agentflow.tools.registry import ToolContext, known_tools, open_tools

__all__ = ["ToolContext", "known_tools", "open_tools", "tool"]
