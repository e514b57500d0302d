"""Multiple choice: the letter of an option, or its text as a whole. A part of an option's text is no answer.

Read: `B`, `(B)`, `b.`, `B: its text`, `its text (B)`, `Answer: B`, `The correct option is (B)`, `B because ...`, the
text alone, and a sentence that says one of them (`option_sentences`). An answer that names several letters is wrong,
and so is a letter beside the text of another option, or one that is taken back. What can not be read, or leaves doubt,
is wrong, too: there is no option to fall back to.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase

from agentflow.errors import ConfigError
from agentflow.scoring.final import enclosed
from agentflow.scoring.option_letters import is_doubtful, leading_letter, letter_beside
from agentflow.scoring.option_names import by_text, exactly, forms, loosely, plain
from agentflow.scoring.option_sentences import named_in_sentence

_SAYS = re.compile(r"\b(?:answer|option|choice)\s*(?:is\b\s*:?|[:=])\s*", re.IGNORECASE)
_CALLED = re.compile(r"(?:the\s+)?(?:answer|option|choice)\s+(?=\W*\w)", re.IGNORECASE)
_PREFIXED = re.compile(r"\(?(?P<letter>[A-Z])[).:]\s*(?P<text>.+)", re.DOTALL)


def option_match(answer: str, golds: Sequence[str], options: Sequence[str]) -> float:
    """1.0 if the answer names the option that the golds name, else 0.0. Both may have their letters in front.

    Golds that name no option, or different ones, are the user's mistake: `ConfigError`.

    >>> options = ["A. Madrid", "B. Rome", "C. Paris", "D. Oslo"]
    >>> [option_match(answer, ["Rome"], options) for answer in ("B", "(b)", "B. Rome", "rome.", "The answer is B.")]
    [1.0, 1.0, 1.0, 1.0, 1.0]
    >>> [option_match(answer, ["Rome"], options) for answer in ("D", "A or B", "B: Paris", "om", "not Rome", "")]
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    texts = option_texts(options)
    right = _gold_option(tuple(golds), tuple(texts))
    chosen = chosen_option(answer, texts)
    exact = forms(tuple(texts), exactly)
    return float(chosen is not None and exact[chosen] == exact[right])


def option_texts(options: Sequence[str]) -> list[str]:
    """The options without the letters in front of them, where each has its own.

    >>> option_texts(["A. Madrid", "B. Rome"]), option_texts(["A. Madrid", "Rome"])
    (['Madrid', 'Rome'], ['A. Madrid', 'Rome'])
    """
    whole = [option.strip() for option in options]
    found = [_PREFIXED.fullmatch(option) for option in whole]
    texts = [match["text"].strip() for match in found if match]
    letters = "".join(match["letter"] for match in found if match)
    return texts if letters == ascii_uppercase[: len(whole)] else whole


def chosen_option(answer: str, texts: Sequence[str]) -> int | None:
    """Which option an answer names, counted from 0; None where it names none, or several.

    >>> texts = ["Vitamin C", "Hepatitis B", "4 cm"]
    >>> [chosen_option(answer, texts) for answer in ("B)", "vitamin C", "B. Hepatitis B", "c", "4", "Both A and B")]
    [1, 0, 1, 2, None, None]
    """
    texts, inside = forms(tuple(texts), plain), enclosed(answer)
    said = plain(answer if inside is None else inside)
    after = _SAYS.split(said)[-1].strip()
    named = _CALLED.match(after)
    bare = after[named.end() :] if named else after
    for reading in (said, bare):
        letter, index = leading_letter(reading, texts), by_text(reading, texts, exactly)
        if index is not None and (letter is None or len(reading.strip("()[]{}., ")) > 1):
            return index
        if letter is not None:
            return None if is_doubtful(letter, reading, texts) else letter.option
    beside = letter_beside(bare, texts)
    if beside is not None:
        return beside.option if by_text(beside.rest, texts, loosely) == beside.option else None
    index = by_text(bare, texts, loosely)
    return named_in_sentence(said, texts) if index is None else index


def gold_option(golds: Sequence[str], texts: Sequence[str]) -> int:
    """The option that all golds name, by text, by letter, or as `B. text`; `ConfigError` otherwise.

    >>> gold_option(["B. Rome"], ["Madrid", "Rome"]), gold_option(["A"], ["Madrid", "Rome"])
    (1, 0)
    >>> gold_option(["A. Rome"], ["Madrid", "Rome"])
    Traceback (most recent call last):
    agentflow.errors.ConfigError: the golds ['A. Rome'] do not name one option of A. Madrid, B. Rome
    """
    return _gold_option(tuple(golds), tuple(texts))


@lru_cache(maxsize=1024)
def _gold_option(golds: tuple[str, ...], texts: tuple[str, ...]) -> int:
    found = {_gold(gold.strip(), texts) for gold in golds}
    index = found.pop() if len(found) == 1 else None
    if index is None:
        listed = ", ".join(f"{letter}. {text}" for letter, text in zip(ascii_uppercase, texts, strict=False))
        raise ConfigError(f"the golds {list(golds)} do not name one option of {listed}")
    return index


def _gold(gold: str, texts: Sequence[str]) -> int | None:
    """A gold is stricter than an answer: what stands beside its letter must be the option's text."""
    letter, index = leading_letter(gold, texts), by_text(gold, texts, exactly)
    if index is not None:
        return index if len(gold) > 1 or letter is None or letter.option == index else None
    match = _PREFIXED.fullmatch(gold)
    if letter is None or match is None:
        return letter.option if letter and len(gold) == 1 else by_text(gold, texts, loosely)
    return letter.option if by_text(match["text"], [texts[letter.option]], loosely) is not None else None
