"""MedQA: questions of the United States medical licensing examination, with four options."""

from typing import Any

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.hub import Fields, Hub
from agentflow.benchmarks.reference import REFERENCE_FILE, task_of
from agentflow.errors import ConfigError
from agentflow.scoring.options import option_texts
from agentflow.tasks.rows import Row
from agentflow.types import Task


def _to_task(row: Row, number: int) -> Task:
    options = row.fields.get("options")
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options) or len(options) < 2:
        raise ConfigError(f"{row.place}: field 'options' must be a list of texts, not {options!r}")
    return task_of(row, number, "medqa", "option", metadata={"options": option_texts(options)})


def _reshape(fields: Fields) -> dict[str, Any]:
    options = [f"{letter}. {text}" for letter, text in sorted(fields["options"].items()) if text]
    query = "\n".join([fields["question"], *options, "Choose the correct option."])
    # With its letter in front: the text of an option can be a letter itself, such as that of a blood group.
    return {"query": query, "options": options, "answer": f"{fields['answer_idx']}. {fields['answer']}"}


MEDQA = Benchmark(
    name="medqa",
    title="MedQA",
    about="questions of the medical licensing examination of the United States with four options",
    scorer="option",
    to_task=_to_task,
    protocol=Protocol(items="the first 100 of the 300 in the file", first=100),
    column="MedQA",
    source="Jin et al., What Disease does this Patient Have?, 2021",
    licence="MIT; the hub's copy CC BY 4.0",
    aliases=("medqa_usmle",),
    known={"85932929cc8ae4be9c41e9d51af478516959a4673510ab732dc8f9bd58b253b1": REFERENCE_FILE},
    hub=Hub(
        dataset="GBaker/MedQA-USMLE-4-options",
        revision="0fb93dd23a7339b6dcd27e241cb9b5eca62d4d18",
        split="test",
        reshape=_reshape,
        differs="the whole test set, in another order",
    ),
)
