"""The four modules, their memory, and the loop. Knows the two protocols of `types.py`, and no engine and no tool."""

from agentflow.flow.flow import Flow
from agentflow.flow.prompt_set import known_prompt_sets
from agentflow.flow.solving import Solving

__all__ = ["Flow", "Solving", "known_prompt_sets"]
