"""What a text says of options: which of their texts stand in it as a whole, and which letters stand alone."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from agentflow.scoring.notation import one_notation
from agentflow.scoring.text import normal_form

_LOOKS = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}|\*\*|[`$\"“”]")
_MARKED_LETTER = re.compile(r"(?<!\w)['‘’*_<]{1,3}(\(?[A-Za-z]\)?[.:]?)['‘’*_>]{1,3}(?!\w)")
_FULL_WIDTH = {ord("！") + place: ord("!") + place for place in range(ord("~") - ord("!") + 1)}
_STANDS_ALONE = re.compile(r"(?<![\w'’-])(?:(?P<bare>[A-Z])(?![\w'’-])(?P<article>\s+[a-z])?|\((?P<round>[A-Za-z])\))")
_ONE_LETTER = re.compile(r"\W*(?P<small>[a-z])\W*")
_FINAL_A = re.compile(r"\w\W+a\W*$", re.IGNORECASE)
_SYMBOL = re.compile(r"[\\^_<>=+*/|~±×÷≤≥≈→]")


def plain(text: str) -> str:
    """A text without what only changes its looks.

    >>> plain("**(Ｂ)** Rome’s"), plain("'B'"), plain("<b>.")
    ("(B) Rome's", 'B', 'b.')
    """
    unmarked = _LOOKS.sub(r"\1", text.translate(_FULL_WIDTH))
    return _MARKED_LETTER.sub(r"\1", unmarked).replace("’", "'").strip()


def exactly(text: str) -> str:
    r"""A text but for its looks, its notation, its case, its spaces and a full stop at its end.

    >>> exactly(r"$10^{-4}$ eV."), exactly("10⁻⁴  eV")
    ('10^-4 ev', '10^-4 ev')
    """
    return " ".join(one_notation(plain(text)).casefold().split()).removesuffix(".")


def loosely(text: str) -> str:
    """The normal form, but of a text with symbols only what it says: `x < y` is not `x > y`. A last `A` is no article.

    >>> loosely("The café,"), loosely("x < Y"), loosely("Vitamin A")
    ('cafe', 'x < y', 'vitamin a')
    """
    if _SYMBOL.search(text):
        return exactly(text)
    return normal_form(text) + (" a" if _FINAL_A.search(text) else "")


def by_text(said: str, texts: Sequence[str], form: Callable[[str], str]) -> int | None:
    """The option with that text, in some form of both; None where options that differ share the form."""
    wanted = form(said)
    found = [index for index, text in enumerate(forms(tuple(texts), form)) if text == wanted != ""]
    exact = forms(tuple(texts), exactly)
    return found[0] if len({exact[index] for index in found}) == 1 else None


@lru_cache(maxsize=1024)
def forms(texts: tuple[str, ...], form: Callable[[str], str]) -> tuple[str, ...]:
    """Some form of each of the texts."""
    return tuple(map(form, texts))


def texts_named(said: str, texts: Sequence[str]) -> list[int]:
    """The options whose whole texts stand in a text, in its order. One within the text of another is not named by it.

    >>> texts_named("Iron deficiency, not iron, nor zincum", ["Iron", "Iron deficiency", "Zinc"])
    [1, 0]
    """
    exact = forms(tuple(texts), exactly)
    return [exact.index(match[0]) for match in _whole_text(tuple(texts)).finditer(exactly(said))]


def letters_named(text: str) -> set[str]:
    """The letters that stand alone in a text; not `A` and `I` where they are words.

    >>> sorted(letters_named("A cat (b), or C. But I was")), sorted(letters_named("or A")), letters_named(", c")
    (['B', 'C'], ['A'], {'C'})
    """
    found = [match for match in _STANDS_ALONE.finditer(text) if not (match["bare"] in ("A", "I") and match["article"])]
    alone = _ONE_LETTER.fullmatch(text)
    return {(match["bare"] or match["round"]).upper() for match in found} | (
        {alone["small"].upper()} if alone else set()
    )


def without(text: str, option: str) -> str:
    """A text without the text of an option, in any case."""
    return re.sub(re.escape(option), " ", text, flags=re.IGNORECASE)


def any_of(texts: Sequence[str]) -> str:
    """A pattern of the exact forms of texts, the longest first."""
    longest_first = sorted({form for form in forms(tuple(texts), exactly) if form}, key=len, reverse=True)
    return "|".join(map(re.escape, longest_first)) or "(?!)"


@lru_cache(maxsize=1024)
def _whole_text(texts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?<![0-9][.,])(?:{any_of(texts)})(?![\w-])(?![.,][0-9])")
