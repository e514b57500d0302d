"""GAIA, the part that is text only: questions for a general assistant that browses, reads and computes."""

from typing import Any

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.hub import Fields, Hub
from agentflow.benchmarks.reference import ANSWER_TAGS, task_of
from agentflow.tasks.rows import Row
from agentflow.types import Task

_KEPT = ("Level", "file_name", "task_id")


def _to_task(row: Row, number: int) -> Task:
    metadata = {name: row.fields[name] for name in _KEPT if name in row.fields}
    return task_of(row, number, "gaia", "gaia", suffix=ANSWER_TAGS, metadata=metadata)


def _reshape(fields: Fields) -> dict[str, Any] | None:
    """The hub's rows; those with a file beside them are left out, which leaves the text-only part."""
    if fields["file_name"]:
        return None
    return {"question": fields["Question"], "answer": fields["Final answer"], **{name: fields[name] for name in _KEPT}}


GAIA = Benchmark(
    name="gaia",
    title="GAIA (text)",
    about="questions for a general assistant, validation set, those without a file",
    scorer="gaia",
    to_task=_to_task,
    protocol=Protocol(items="all 127 without a file"),
    column="GAIA",
    source="Mialon et al., GAIA: A Benchmark for General AI Assistants, 2023",
    licence="gated; its items must not be published again",
    aliases=("gaia_text",),
    hub=Hub(
        dataset="gaia-benchmark/GAIA",
        revision="682dd723ee1e1697e00360edccf2366dc8418dd9",
        config="2023_all",
        split="validation",
        reshape=_reshape,
    ),
)
