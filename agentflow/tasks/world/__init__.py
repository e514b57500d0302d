"""A fictional world: a searchable corpus of short articles, and questions that only it can answer."""

from agentflow.tasks.world.corpus import WORLD_DESCRIPTION, write_world, write_worlds
from agentflow.tasks.world.source import WorldSource

__all__ = ["WORLD_DESCRIPTION", "WorldSource", "write_world", "write_worlds"]
