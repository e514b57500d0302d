"""An option's letter at the beginning or the end of an answer, and whether what stands beside it agrees."""

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import NamedTuple

from agentflow.scoring.option_names import by_text, exactly, forms, letters_named, loosely, texts_named, without

MAX_CHARACTERS = 2000
_LETTER = re.compile(
    r"[(\[{]?\s*(?P<letter>[A-Za-z])"
    r"(?:\s*[)\]}.:,;!]+|[^\S\n]*\n|\s+[-–—]|(?=\s+(?:is|was|because|since|as|and|or|but)\b)|\s*$)(?P<rest>.*)",
    re.DOTALL,
)
_BESIDE = re.compile(
    r"(?P<front>[A-Z]) (?P<after>.+)|(?P<before>.+)[(\[](?:(?i:option|choice|answer) )?(?P<back>[A-Z])[)\]]\W*",
    re.DOTALL,
)
_GENUS = re.compile(r"[A-Za-z]\. (?P<species>[a-z]{4,})")
_AFTER_A_LETTER = frozenset({"because", "since", "that", "this"})
_TAKEN_BACK = re.compile(
    r"\W*(?:or|and)\b|\W*(?:(?:is|was|seems|looks|can be|could be|would be)\s+)?(?:[a-z]+ly\s+)?(?:the\s+)?"
    r"(?:not|never|cannot|[a-z]+n't|wrong|incorrect|unlikely|false|least|ruled out|excluded)\b"
)
_CONTRAST = re.compile(r"\s?[,;(]\s?not\b")


class Letter(NamedTuple):
    """An option whose letter a text begins with, and what stands behind the letter."""

    option: int
    rest: str


def leading_letter(said: str, texts: Sequence[str]) -> Letter | None:
    """The option whose letter a text begins with; None if it begins with something else."""
    match = _LETTER.match(said.strip())
    index = ascii_uppercase.index(match["letter"].upper()) if match else len(texts)
    return Letter(index, match["rest"].strip()) if match and index < len(texts) else None


def letter_beside(said: str, texts: Sequence[str]) -> Letter | None:
    """A letter before or behind what is the text of an option; not the article of `A rome`, where it is `Rome`.

    >>> [letter_beside(said, ["Madrid", "Rome"]) for said in ("B Rome", "Rome (A)", "A rome")]
    [Letter(option=1, rest='Rome'), Letter(option=0, rest='Rome'), None]
    """
    match = _BESIDE.fullmatch(said) if len(said) <= MAX_CHARACTERS else None
    if match is None:
        return None
    found = Letter(ascii_uppercase.index(match["front"] or match["back"]), (match["after"] or match["before"]).strip())
    index = by_text(found.rest, texts, loosely)
    article = match["front"] == "A" and index is not None and found.rest[0].islower() and texts[index][0].isupper()
    return None if index is None or article or found.option >= len(texts) else found


def is_doubtful(letter: Letter, said: str, texts: Sequence[str]) -> bool:
    """Whether what stands behind a letter speaks of another option, or takes the letter back."""
    exact, rest = forms(tuple(texts), exactly), exactly(letter.rest)
    own = exact[letter.option]
    named = [exact[index] for index in texts_named(rest, texts)]
    if named and (named[0] != own or (len(set(named)) > 1 and re.search(r"\bor\b", rest))):
        return True
    if not named and (_begins_another(rest, own, exact) or _is_genus(said, own)):
        return True
    others = set(ascii_uppercase[: len(texts)]) - {ascii_uppercase[letter.option]}
    return _taken_back(rest, own) or bool(others & letters_named(without(letter.rest, texts[letter.option])))


def _taken_back(rest: str, own: str) -> bool:
    """Whether the rest says that its option is wrong, or goes on with `or`. A letter with its own text may say `, not`.

    >>> [_taken_back(rest, "rome") for rest in ("rome, not paris", "rome is not right", "is clearly wrong", "or c")]
    [False, True, True, True]
    """
    after = rest.removeprefix(own)
    contrast = len(after) < len(rest) and _CONTRAST.match(after)
    return not contrast and _TAKEN_BACK.match(after) is not None


def _begins_another(rest: str, own: str, texts: Sequence[str]) -> bool:
    """Whether the rest is the beginning of another option's text, and not of its own."""
    return rest != "" and not own.startswith(rest) and any(text.startswith(rest) for text in texts)


def _is_genus(said: str, own: str) -> bool:
    """Whether a text begins like `C. difficile`, and the option's own text does not hold that word."""
    match = _GENUS.match(said)
    return match is not None and match["species"] not in _AFTER_A_LETTER and match["species"] not in own
