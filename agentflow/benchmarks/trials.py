"""What is tried on an item to see whether its scorer can be trusted: spellings of its gold, and wrong answers."""

import re
from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from agentflow.scoring.numbers import parse_number, same_number
from agentflow.scoring.options import gold_option, option_texts
from agentflow.scoring.text import normal_form
from agentflow.types import Task

MOST_PAIRS = 1_000_000
MOST_MATH_PAIRS = 5_000  # each asks another process
_NUMERIC = ("math", "number", "gaia")


def spellings(task: Task) -> list[str]:
    r"""Each gold, and what else says the same under the task's scorer.

    >>> spellings(Task(question="?", answers=("Rome",), metadata={"scorer": "option", "options": ["Rome", "Oslo"]}))
    ['Rome', 'A', '(A)', 'A. Rome', 'Answer: A']
    """
    golds = list(task.answers)
    match task.metadata.get("scorer"):
        case "option" if golds:
            texts = _texts(task)
            index = gold_option(golds, texts)
            letter = ascii_uppercase[index]
            more = [letter, f"({letter})", f"{letter}. {texts[index]}", f"Answer: {letter}"]
        case "math":
            more = [spelt for gold in golds for spelt in (f"\\boxed{{{gold}}}", f"${gold}$", f"The answer is {gold}.")]
        case "number":
            more = [f"The answer is {gold}." for gold in golds]
        case "game24" | "countdown":
            more = [spelt for gold in golds for spelt in (f"\\boxed{{{gold}}}", f"${gold}$")]
        case "exact_match":
            more = [spelt for gold in golds for spelt in (gold.upper(), f"{gold}.")]
        case "gaia":
            more = [spelt for gold in golds for spelt in _gaia_spellings(gold)]
        case _:
            more = []
    return list(dict.fromkeys([*golds, *more]))


def _gaia_spellings(gold: str) -> list[str]:
    """A number with its marks, a list with the other separator, and any other text in upper case.

    >>> _gaia_spellings("-1234.5"), _gaia_spellings("Rome, 3"), _gaia_spellings("12")
    (['$-1234.5', '-1234.5%', '-1,234.5'], ['ROME, 3', 'Rome; 3'], ['$12', '12%', '12'])
    """
    if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", gold):
        whole, point, rest = gold.partition(".")
        return [f"${gold}", f"{gold}%", f"{int(whole):,}{point}{rest}"]
    return [gold.upper(), gold.replace(",", ";")] if "," in gold else [gold.upper()]


def coincide(task: Task, answer: str, origin: Task) -> bool:
    """Whether what is wrong for a task by where it comes from is its answer all the same, whatever the scorer says.

    `origin` is the item whose gold it is, or the task itself for one of its wrong options.
    """
    scorer = task.metadata.get("scorer")
    if scorer in ("game24", "countdown"):
        return _puzzle(task) == _puzzle(origin)
    if origin is task:
        return False
    same_words = normal_form(answer) in [normal_form(gold) for gold in task.answers]
    return same_words or (scorer in _NUMERIC and any(_same_number(answer, gold) for gold in task.answers))


def _same_number(answer: str, gold: str) -> bool:
    """
    >>> _same_number("33.0", "33"), _same_number("33", "34"), _same_number("x", "x")
    (True, False, False)
    """
    number, wanted = parse_number(answer), parse_number(gold)
    return number is not None and wanted is not None and same_number(number, wanted)


def foreign_answers(tasks: Sequence[Task], others: int | None) -> Iterator[tuple[Task, str, Task]]:
    """Each item with answers that should be wrong for it, and the item that they are the gold of."""
    num = len(tasks)
    for place, task in enumerate(tasks):
        if task.metadata.get("scorer") == "option":
            texts = _texts(task)
            right = gold_option(task.answers, texts)
            letters = ascii_uppercase[: len(texts)]
            for letter, text in zip(letters, texts, strict=True):
                if _words(text) != _words(texts[right]):  # options of one text are one answer
                    yield task, letter, task
                    if text.upper() not in letters:  # such a text names the option of that letter
                        yield task, text, task
        for step in range(1, min(num, num if others is None else others + 1)):
            other = tasks[(place + step) % num]
            yield from ((task, answer, other) for answer in other.answers)


def enough_others(tasks: Sequence[Task]) -> int:
    """With how many other items each is tried: all of them, or so many that a check of the whole file takes minutes."""
    pairs = MOST_MATH_PAIRS if any(task.metadata.get("scorer") == "math" for task in tasks) else MOST_PAIRS
    return max(0, min(len(tasks) - 1, pairs // max(1, len(tasks))))


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _texts(task: Task) -> list[str]:
    options = task.metadata.get("options")
    return option_texts([str(option) for option in options]) if isinstance(options, list) else []


def _puzzle(task: Task) -> list[str]:
    numbers = task.metadata.get("numbers")
    return sorted(map(str, numbers)) if isinstance(numbers, list) else []
