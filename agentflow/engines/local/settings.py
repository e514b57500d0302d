"""The settings of the embedded engine."""

import os

from pydantic import BaseModel, ConfigDict, Field


class LocalSettings(BaseModel):
    """How the embedded engine runs. All have defaults.

    `cells`: size of the KV cache in tokens, shared by all that runs: 28 KB each for the 1.5B model.
    `max_concurrency`: generations that are evaluated together; more wait.
    `threads`: counted from the cores that this process may use unless it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = Field(default=32768, ge=256, le=2**24)
    max_concurrency: int = Field(default=16, ge=1, le=64)  # llama.cpp holds 256 sequences, and each has four
    threads: int = Field(default_factory=lambda: _num_cores(), ge=1, le=512)  # llama.cpp's own limit


def _num_cores() -> int:
    """Cores that this process may use; more than eight gain little and disturb the rest of the machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)
