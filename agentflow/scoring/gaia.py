"""GAIA's match, written from its description: the gold says how an answer is compared.

- A gold that is a number: the answer must be that number; `%`, signs of currencies and thousands commas do not count.
- A gold with a comma or a semicolon: a list. The answer must have as many items, in the same order; items that are
  numbers are compared as numbers, the others without their case and spaces.
- Any other gold: the texts must be the same without case, spaces and punctuation.

Dashes, quotes and digits are the same in all their Unicode forms. An answer that holds anything beside the final
answer is wrong, as GAIA asks for the answer alone; where that is boxed, tagged or announced, the rest does not count.
"""

import re
import string
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from agentflow.scoring.characters import plain_characters
from agentflow.scoring.final import final_answer
from agentflow.scoring.latex import unwrapped
from agentflow.scoring.numbers import MAX_CHARACTERS as MAX_DIGITS

_NUMERAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_NO_UNIT = str.maketrans("", "", "$€£¥₹%,")
_QUOTES = str.maketrans("‘’“”", "''\"\"")
_SEPARATOR = re.compile("[,;]")
MAX_CHARACTERS = 10_000


def gaia_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the answer is one of the golds, number, list or text; else 0.0.

    >>> gaia_match("$1,234.50", ["1234.5"]), gaia_match("17 %", ["17"]), gaia_match("about 17", ["17"])
    (1.0, 1.0, 0.0)
    >>> gaia_match("Rome;3.0", ["rome, 3"]), gaia_match("3, Rome", ["rome, 3"])
    (1.0, 0.0)
    >>> gaia_match("Sea-Gull", ["sea gull."]), gaia_match("", ["sea gull"])
    (1.0, 0.0)
    """
    readings = {answer.strip(), unwrapped(final_answer(answer))}
    plain = [_plain(said) for said in readings if 0 < len(said) <= MAX_CHARACTERS]
    return float(any(_same(said, _plain(gold)) for said in plain for gold in golds))


def _plain(text: str) -> str:
    return plain_characters(text).translate(_QUOTES).strip()


def _same(said: str, gold: str) -> bool:
    if _is_number(gold):
        return _number(said) == _number(gold)
    if not _SEPARATOR.search(gold):
        return _without_punctuation(said) == _without_punctuation(gold) != ""
    items, wanted = _SEPARATOR.split(said.removesuffix(".")), _SEPARATOR.split(gold.removesuffix("."))
    return len(items) == len(wanted) and all(map(_same_item, items, wanted))


def _same_item(item: str, wanted: str) -> bool:
    if _is_number(wanted):
        return _number(item) == _number(wanted)
    return _squeezed(item) == _squeezed(wanted)


def _is_number(gold: str) -> bool:
    """Whether a gold is a bare number. One with commas in it is a list, in GAIA's eyes.

    >>> [_is_number(gold) for gold in ("-2.50", "1e3", "1,000", "5 cm", "nan")]
    [True, True, False, False, False]
    """
    return len(gold) <= MAX_DIGITS and _NUMERAL.fullmatch(gold.strip()) is not None


def _number(text: str) -> Fraction | None:
    plain = text.translate(_NO_UNIT).strip()
    return Fraction(plain) if len(plain) <= MAX_DIGITS and _NUMERAL.fullmatch(plain) else None


def _squeezed(text: str) -> str:
    return "".join(text.casefold().split())


def _without_punctuation(text: str) -> str:
    return "".join(character for character in _squeezed(text) if not _is_punctuation(character))


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
