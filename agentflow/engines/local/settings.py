"""The settings of the embedded engine."""

from pydantic import BaseModel, ConfigDict, Field

from agentflow.engines.local.cores import num_cores


class LocalSettings(BaseModel):
    """How the embedded engine runs. All have defaults.

    `cells`: size of the KV cache in tokens, shared by all that runs: 28 KB each for the 1.5B model.
    `max_concurrency`: generations that are evaluated together; more wait.
    `threads`: as many as this process has cores to use (affinity, quota of its container), 8 at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = Field(default=16384, ge=256, le=2**24)
    max_concurrency: int = Field(default=16, ge=1, le=64)  # llama.cpp holds 256 sequences, and each has four
    threads: int = Field(default_factory=num_cores, ge=1, le=512)  # llama.cpp's own limit
