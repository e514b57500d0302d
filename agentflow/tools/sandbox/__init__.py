"""Where programs written by a model run: `working_jail()` opens the default sandbox, or says why there is none."""

from agentflow.tools.sandbox.availability import working_jail
from agentflow.tools.sandbox.contract import Limits, Sandbox, SandboxResult, SandboxStatus

__all__ = ["Limits", "Sandbox", "SandboxResult", "SandboxStatus", "working_jail"]
