"""AgentFlow: a planner, an executor, a verifier and a generator answer questions in turns, with tools and one memory.

Example::

    import agentflow

    trajectory = agentflow.solve("What is the 12th Fibonacci number times 1001?")
    print(trajectory.answer)

Names are imported when they are first used, so that `import agentflow` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.assemble import open_flow as open_flow
    from agentflow.assemble import solve as solve
    from agentflow.config import Config as Config
    from agentflow.config import load_config as load_config
    from agentflow.engines import open_engine as open_engine
    from agentflow.flow import Flow as Flow
    from agentflow.tools import tool as tool
    from agentflow.types import Message as Message
    from agentflow.types import Outcome as Outcome
    from agentflow.types import Sampling as Sampling
    from agentflow.types import Task as Task
    from agentflow.types import Trajectory as Trajectory

_HOMES = {
    "Config": "config",
    "Flow": "flow",
    "Message": "types",
    "Outcome": "types",
    "Sampling": "types",
    "Task": "types",
    "Trajectory": "types",
    "load_config": "config",
    "open_engine": "engines",
    "open_flow": "assemble",
    "solve": "assemble",
    "tool": "tools",
}

__all__ = ["Config", "Flow", "Message", "Outcome", "Sampling", "Task", "Trajectory"]
__all__ += ["load_config", "open_engine", "open_flow", "solve", "tool"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agentflow' has no attribute {name!r}")
    return getattr(import_module(f"agentflow.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
