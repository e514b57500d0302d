"""The settings of the engine that samples with torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TransformersSettings(BaseModel):
    """How the engine runs. All have defaults.

    `cells`: size of the KV cache in tokens: running generations times the longest of them.
    `max_concurrency`: generations in one batch; more wait.
    `prefill_tokens`: prompt tokens that are evaluated in one go; what bounds the memory for activations.
    `device`: such as "cuda:1"; a GPU where there is one unless it is given.
    `dtype`: float32 on a CPU and bfloat16 on a GPU unless it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = Field(default=65536, ge=256, le=2**24)
    max_concurrency: int = Field(default=32, ge=1, le=1024)
    prefill_tokens: int = Field(default=8192, ge=256)
    device: str | None = None
    dtype: Literal["float32", "bfloat16"] | None = None
