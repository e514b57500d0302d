"""GPQA: graduate questions in biology, physics and chemistry, with four options."""

from string import ascii_uppercase
from typing import Any

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.hub import Fields, Hub
from agentflow.benchmarks.reference import task_of
from agentflow.errors import ConfigError
from agentflow.scoring.options import gold_option, option_texts
from agentflow.tasks.dice import Dice
from agentflow.tasks.rows import Row
from agentflow.types import Task


def _to_task(row: Row, number: int) -> Task:
    choices = row.fields.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices) or len(choices) != 4:
        raise ConfigError(f"{row.place}: field 'choices' must be four texts, not {choices!r}")
    texts = option_texts(choices)
    question = row.text("query") if "query" in row.fields else _with_options(row.text("question"), texts)
    index = _right(row, texts)
    answer = texts[index]
    if answer.upper() in list(ascii_uppercase[: len(texts)]):  # it could be taken for the option of that letter
        answer = f"{ascii_uppercase[index]}. {answer}"
    return task_of(row, number, "gpqa", "option", question=question, answer=answer, metadata={"options": texts})


def _right(row: Row, texts: list[str]) -> int:
    """The option that `answer_idx` and `answer` both name."""
    index = row.fields.get("answer_idx")
    if type(index) is not int or not 0 <= index < len(texts):
        raise ConfigError(f"{row.place}: field 'answer_idx' must be 0 to {len(texts) - 1}, not {index!r}")
    try:
        named = gold_option([row.text("answer")], texts)
    except ConfigError as error:
        raise ConfigError(f"{row.place}: {error}") from None
    if texts[named] != texts[index]:
        raise ConfigError(f"{row.place}: 'answer_idx' is {index}, and 'answer' names option {named}")
    return index


def _with_options(question: str, texts: list[str]) -> str:
    options = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, texts, strict=False)]
    return "\n".join([question.strip(), *options, "Choose the correct option."])


def _reshape(fields: Fields) -> dict[str, Any]:
    """The hub's rows, with the options in an order that the question alone decides."""
    right = str(fields["Correct Answer"]).strip()
    wrong = [str(fields[f"Incorrect Answer {number}"]).strip() for number in (1, 2, 3)]
    choices = Dice("gpqa", fields["Question"]).shuffled([right, *wrong])
    index = choices.index(right)
    answer = f"{ascii_uppercase[index]}. {right}"
    return {"question": fields["Question"], "choices": choices, "answer_idx": index, "answer": answer}


GPQA = Benchmark(
    name="gpqa",
    title="GPQA",
    about="graduate questions in the sciences with four options",
    scorer="option",
    to_task=_to_task,
    protocol=Protocol(items="the first 100 of the 300 in the file", first=100),
    column="GPQA",
    source="Rein et al., GPQA: A Graduate-Level Google-Proof Q&A Benchmark, 2023",
    licence="CC BY 4.0, gated; its items must not be published again",
    hub=Hub(
        dataset="Idavidrein/gpqa",
        revision="633f5ee89ab8ad4522a9f850766b73f62147ffdd",
        config="gpqa_main",
        split="train",
        reshape=_reshape,
        differs="448 questions; which 300 of them the reference took is not known, nor the order of its options",
    ),
)
