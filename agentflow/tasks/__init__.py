"""Where questions come from: files, data sets, generators, and the mixture that is trained on."""

from agentflow.tasks.files import read_tasks, sample
from agentflow.tasks.source import TaskSource
from agentflow.tasks.sources import SourceConfig, TaskSplits, open_tasks, read_source, write_corpus
from agentflow.tasks.world import WORLD_DESCRIPTION, write_world

__all__ = [
    "WORLD_DESCRIPTION",
    "SourceConfig",
    "TaskSource",
    "TaskSplits",
    "open_tasks",
    "read_source",
    "read_tasks",
    "sample",
    "write_corpus",
    "write_world",
]
