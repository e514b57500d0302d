"""Where questions come from."""

from agentflow.tasks.files import read_tasks, sample

__all__ = ["read_tasks", "sample"]
