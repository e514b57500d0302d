"""An option that a sentence names: `The best treatment is B. Iron.`, `The diagnosis is anaemia.`, `Iron helps (B).`

The letter or the whole text must be what the sentence says: behind `is`, `choose`, a colon and the like, and at an end.
All else that stands in the answer must fit: no other option's text or letter, no `not`, `or`, `except` or `maybe`.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase

from agentflow.scoring.option_names import any_of, exactly, forms, letters_named, texts_named, without

MAX_CHARACTERS = 2000
_SAYING = (
    r"(?:\b(?:is|are|be|was|choose|chose|pick|select|think|say|go with|going with|thus|therefore|hence|so|indeed"
    r"|correct|answer|option|choice)\b[,:]?\s+|'s\s+|(?:->|→|:)\s*)(?:(?:option|choice|answer)\s+)?"
)
_REASON = r",?\s+(?:(?:because|since|due|which)\b|\()"
_FRAMED_LETTER = re.compile(
    rf"(?i:{_SAYING})(?:\((?P<round>[A-Z])\)|(?P<bare>[A-Z])(?=\W*$|\s*\n|[.:;!](?:\s|$)|{_REASON}))"
)
_LAST_LETTER = re.compile(r"\((?:(?i:option|choice|answer)\s)?(?P<letter>[A-Z])\)\W*$")
_SMALL_LETTERS = re.compile(r"\. (?=[a-z])")
_DOUBT = re.compile(
    r"n't\b|\b(?:not|cannot|never|neither|nor|either|or|except|unless|wrong|incorrect|unlikely|false|least"
    r"|might|could|may|maybe|perhaps|possibly)\b",
    re.IGNORECASE,
)


def named_in_sentence(said: str, texts: Sequence[str]) -> int | None:
    """The one option that a text says by letter or by its whole text; None where it says none, or leaves doubt.

    >>> texts = ["Madrid", "Rome", "Paris"]
    >>> [named_in_sentence(said, texts) for said in ("The capital is Rome.", "So I choose B.", "It is Rome (B).")]
    [1, 1, 1]
    >>> [named_in_sentence(said, texts) for said in ("It is not Rome.", "It is B or C.", "It is Rome (C).")]
    [None, None, None]
    """
    if len(said) > MAX_CHARACTERS:
        return None
    found = _letters_said(said, texts) | _texts_said(said, texts)
    return found.pop() if len(found) == 1 and not _contradicted(said, min(found), texts) else None


def _letters_said(said: str, texts: Sequence[str]) -> set[int]:
    found = [match for match in _FRAMED_LETTER.finditer(said) if not _is_genus(match, texts)]
    last = _LAST_LETTER.search(said)
    letters = {match["round"] or match["bare"] for match in found} | ({last["letter"]} if last else set())
    return {index for index in map(ascii_uppercase.index, letters) if index < len(texts)}


def _is_genus(letter: re.Match[str], texts: Sequence[str]) -> bool:
    """Whether a letter stands as in `C. difficile`, and not before its own text."""
    behind = _SMALL_LETTERS.match(letter.string, letter.end())
    if behind is None:
        return False
    index = ascii_uppercase.index(letter["round"] or letter["bare"])
    return index >= len(texts) or not exactly(letter.string[behind.end() :]).startswith(exactly(texts[index]))


def _texts_said(said: str, texts: Sequence[str]) -> set[int]:
    exact = forms(tuple(texts), exactly)
    return {exact.index(match["text"]) for match in _framed_text(tuple(texts)).finditer(exactly(said))}


@lru_cache(maxsize=1024)
def _framed_text(texts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"{_SAYING}(?:the |an? )?(?P<text>{any_of(texts)})(?=\W*$|[.;:!]\s|{_REASON})")


def _contradicted(said: str, index: int, texts: Sequence[str]) -> bool:
    """Whether a text that says one option speaks of another one too, or takes it back."""
    exact = forms(tuple(texts), exactly)
    if any(exact[other] != exact[index] for other in texts_named(said, texts)):
        return True
    rest = without(said, texts[index])
    letters = set(ascii_uppercase[: len(texts)]) - {ascii_uppercase[index]}
    return _DOUBT.search(rest) is not None or bool(letters & letters_named(rest))
