"""How an evaluation is run, apart from how a question is solved."""

from pydantic import Field

from agentflow.config import Section


class RunSettings(Section):
    """`limit` items (all where it is None), each tried `trials` times with seeds drawn from `seed`.

    `concurrency` solves run at once. `attempts` are made at a solve that ends in an error of the world, and at a
    verdict. The run stops when more than `error_rate` of the solves in its receipt failed.
    """

    seed: int = 0
    trials: int = Field(default=1, ge=1)
    limit: int | None = Field(default=None, ge=1)
    concurrency: int = Field(default=8, ge=1)
    attempts: int = Field(default=2, ge=1)
    error_rate: float = Field(default=0.5, gt=0, le=1)
