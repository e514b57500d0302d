"""Whether the answers came from the benchmark itself: queries that restate the question, results that contain it.

A benchmark whose items are on the web can be answered by finding the item. Neither sign proves that it was, so the
score is given with and without the items that show one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product, takewhile

from pydantic import JsonValue

from agentflow.evaluation.receipt import Estimate, Record
from agentflow.evaluation.summary import estimate
from agentflow.types import Status, Task, Turn

FROM_WITHIN = ("python", "generalist")  # tools that bring no text from elsewhere
RESTATED = 0.8  # share of the question's words that the query has
LEAST_WORDS = 6  # a shorter question can hardly be asked for otherwise
WINDOW = 8  # words in a row: by chance, two texts have none in common
CONTAINED = 0.5  # share of the question's windows that the result has
EARLY = 80  # characters of a result in which a tool says what it was asked
INSTRUCTIONS = ("When ready, output the final answer", "Choose the correct option")
_QUOTE = re.compile(r"[\"'`“‘«「]")
_LETTER = re.compile(r"\(?[A-Z][).:]\s*$")
_ESCAPED = re.compile(r"\\[nrt]")  # the end of a line inside a quotation
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SPACED = rf"(?:(?![{_UNSPACED}])\w)+"
_WORD = re.compile(rf"[{_UNSPACED}]|{_SPACED}(?:'{_SPACED})*")


@dataclass(frozen=True)
class Leak:
    """What one trial shows: the number of each turn whose query restates the question, or whose result contains it."""

    id: str
    trial: int
    restating_turns: tuple[int, ...]
    containing_turns: tuple[int, ...]


@dataclass(frozen=True)
class Leakage:
    """The trials that show a sign of leakage, and the score of all items and of those without a sign.

    `without_restated` leaves out only the items with a query that restates the question, `without_contained` those
    whose question was in a result, `without_any` both: with all their trials. None where nothing is left.
    """

    leaks: tuple[Leak, ...]
    num_records: int
    everything: Estimate
    without_restated: Estimate | None
    without_contained: Estimate | None
    without_any: Estimate | None


def find_leakage(records: Sequence[Record]) -> Leakage:
    """Look through the trajectories of a receipt; `records` are at least one, and have their trajectories."""
    leaks = tuple(leak for record in records if (leak := _leak(record)))
    restated = {leak.id for leak in leaks if leak.restating_turns}
    contained = {leak.id for leak in leaks if leak.containing_turns}

    def without(left_out: set[str]) -> Estimate | None:
        kept = [record for record in records if record.id not in left_out]
        return estimate(kept) if kept else None

    return Leakage(
        leaks=leaks,
        num_records=len(records),
        everything=estimate(records),
        without_restated=without(restated),
        without_contained=without(contained),
        without_any=without(restated | contained),
    )


def _leak(record: Record) -> Leak | None:
    if record.trajectory is None:
        return None
    turns = [turn for turn in record.trajectory.turns if _brings_text(turn)]
    question = question_of(record.trajectory.task)
    restating = tuple(turn.index for turn in turns if restates(" ".join(_asked(turn)), question))
    containing = tuple(turn.index for turn in turns if contains(without_echo(turn.result, _asked(turn)), question))
    return Leak(record.id, record.trial, restating, containing) if restating or containing else None


def _brings_text(turn: Turn) -> bool:
    return turn.status is Status.OK and turn.action is not None and turn.action.tool not in FROM_WITHIN


def _asked(turn: Turn) -> list[str]:
    """All texts among the arguments."""
    return list(_texts(turn.arguments))


def _texts(value: JsonValue) -> Iterator[str]:
    """
    >>> list(_texts({"queries": ["a", {"text": "b"}], "limit": 3}))
    ['a', 'b']
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def question_of(task: Task) -> str:
    """The question without its options, and without the instructions that some benchmarks put behind it.

    >>> asked = "Who?\\nA. Ann\\nB. Bob\\nChoose the correct option."
    >>> question_of(Task(question=asked, metadata={"options": ["Ann", "Bob"]}))
    'Who?'
    """
    question = task.question
    for instruction in INSTRUCTIONS:
        question = question.split(instruction)[0].strip()
    for option in reversed(list(_texts(task.metadata.get("options")))):
        if option and question.endswith(option):
            question = _LETTER.sub("", question.removesuffix(option)).strip()
    return question


def without_echo(result: str, asked: Sequence[str]) -> str:
    """A result without what was asked, where it begins by quoting that: to be told the question is no find.

    >>> item = "Which of the two films was released in the earlier year of that decade?"
    >>> without_echo(f"No results for {item!r}. Try fewer words.", [item])
    'try fewer words'
    >>> without_echo(f"A quiz: {item}", [item]) == f"A quiz: {item}"
    True
    """
    for quote, text in product(_QUOTE.finditer(result[:EARLY]), asked):
        if wanted := words(text):
            said = words(result[quote.end() :])
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(said, wanted, strict=False)))
            if same >= min(len(wanted), WINDOW):
                return " ".join(said[same:])
    return result


def restates(query: str, question: str) -> bool:
    """Whether a query has nearly all words of the question.

    >>> restates("who was president when Citibank was founded in US", "Who was president when Citibank was founded?")
    True
    >>> restates("Citibank founding year", "Who was president when Citibank was founded?")
    False
    """
    asked, wanted = set(words(query)), set(words(question))
    return len(wanted) >= LEAST_WORDS and len(wanted & asked) >= RESTATED * len(wanted)


def contains(text: str, question: str) -> bool:
    """Whether a text holds the question, or most of it, word by word.

    >>> item = "Which of the two films was released in the earlier year of that decade?"
    >>> contains(f"Quiz 17. {item} Answer: the first.", item)
    True
    >>> contains("Both films were released in that decade.", item)
    False
    """
    wanted = _windows(words(question))
    return bool(wanted) and len(wanted & _windows(words(text))) >= CONTAINED * len(wanted)


def _windows(of: list[str]) -> set[tuple[str, ...]]:
    return {tuple(of[start : start + WINDOW]) for start in range(len(of) - WINDOW + 1)}


def words(text: str) -> list[str]:
    """The words of a text; of a script that puts no spaces between words, the characters.

    >>> words("It's 3.5 km!"), words("'Who' sang 卡门?")
    (["it's", '3', '5', 'km'], ['who', 'sang', '卡', '门'])
    """
    return _WORD.findall(_ESCAPED.sub(" ", text.lower()))
