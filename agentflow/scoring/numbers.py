r"""Numbers in answers, exactly: found, read as a `Fraction`, compared.

Read: `1,234.5`, `.5`, `-3` with any minus sign, `3/4`, `2 1/2`, `2½`, `1.2e3`, `1.2 × 10^3`, `10⁶`, `3 million`, `3k`,
`$5`, `20%`, `18 km/h`, `12 m²` (a unit is whatever words stand beside), and the same in LaTeX with `\frac` and
`\boxed{}`.
Not read, so that they equal nothing: multiples of π and of roots, powers other than of ten, numerals in another base
(`52_8`), times (`12:30`), dates (`5/6/2020`), division by zero, a number that is beyond a thousand characters.
Number words (`three`) and decimal commas (`0,5`) are not known.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from agentflow.errors import ConfigError
from agentflow.scoring.characters import plain_characters
from agentflow.scoring.final import enclosed
from agentflow.scoring.latex import plain_signs

MAX_CHARACTERS = 1000  # far below what int() takes, and a larger exponent would fill the memory
_SCALES = {"k": 10**3, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NUMERAL = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_^/]) (?<!/\s) (?<![0-9][.:]) (?<!\^-) (?<!_\{{)   # not in a word, a date, a time, a power, a base
    (?: (?<![)\]}}]) (?P<sign>[-+]) )?
    (?: [$€£¥₹]\s? (?P<inner_sign>-)? )?
    (?: (?P<whole>[0-9]+)\s+ (?=[0-9]+\s?[/⁄]\s?[0-9]) )?     # the 2 of 2 1/2
    (?: 10\^(?P<power>-?[0-9]+)
      | (?P<top>{_NUMERAL})
        (?: \s?[/⁄]\s?(?P<bottom>{_NUMERAL}) | e(?P<e>[-+]?[0-9]+) | \s?[×x*·]\s?10\^(?P<ten>-?[0-9]+) )?
    )
    (?P<scale> \s?(?:thousand|million|billion|trillion)\b | (?-i:k)(?![A-Za-z]) )?      # a K may be kelvins
    (?P<percent> \s?% | \s?per\s?cent\b )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MAKES_UNREADABLE_BEFORE = re.compile(r"(?:(?:√|sqrt)\s?|\\[dt]?frac)[^\s=]*$")
_MAKES_UNREADABLE_AFTER = re.compile(r"\^|_[0-9{]|:[0-9]|\s?/\s?[0-9]|\s?[π√]")
_DIGIT_GROUP_SPACE = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?[0-9.,]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9.,]+)\s*\}|([0-9]))")
_WHOLE_BEFORE_FRACTION = re.compile(r"(?<=[0-9])\s*(?=\\[dt]?frac)")
_EXPONENT = re.compile(r"\^\{\s*([-+]?[0-9]+)\s*\}")


class Number(NamedTuple):
    """An exact value. With `percent` it was written with a percent sign, and `value` is what stood before the sign."""

    value: Fraction
    percent: bool = False


def parse_number(text: str) -> Number | None:
    r"""The number of a text that holds exactly one, units beside it or not; None otherwise. Nothing raises.

    >>> parse_number("$1,234.50")
    Number(value=Fraction(2469, 2), percent=False)
    >>> parse_number(r"-\frac{1}{2}"), parse_number("20 %")
    (Number(value=Fraction(-1, 2), percent=False), Number(value=Fraction(20, 1), percent=True))
    >>> parse_number("3 or 4"), parse_number("none"), parse_number("3π")
    (None, None, None)
    """
    numbers = _numbers(text)
    return numbers[0] if len(numbers) == 1 else None


def number_in(text: str) -> Number | None:
    r"""The number that a final answer means: the last in its `<answer>` tags or its last `\boxed{}`, or in all of it.

    None if there is no number, or if the last one can not be read. Nothing raises.

    >>> number_in("48 + 24 = 72 clips.")
    Number(value=Fraction(72, 1), percent=False)
    >>> number_in(r"\boxed{\frac{3}{4}}, since 3 of 4 are red"), number_in("9 and then 2π")
    (Number(value=Fraction(3, 4), percent=False), None)
    """
    inside = enclosed(text)
    numbers = _numbers(text if inside is None else inside)
    return numbers[-1] if numbers else None


def same_number(answer: Number, gold: Number, tolerance: Fraction = Fraction(0)) -> bool:
    """Whether two numbers differ by at most `tolerance`, in the gold's own unit.

    A percent sign on one side only is read both ways, as a unit (20% is the 20 of "what percent?") and as a
    hundredth (20% is 0.2).

    >>> twenty_percent = Number(Fraction(20), percent=True)
    >>> [same_number(twenty_percent, Number(Fraction(value))) for value in ("20", "0.2", "0.002")]
    [True, True, False]
    >>> same_number(Number(Fraction("3.14")), Number(Fraction(22, 7)), tolerance=Fraction("0.01"))
    True
    """
    readings = [answer.value]
    if answer.percent and not gold.percent:
        readings.append(answer.value / 100)
    if gold.percent and not answer.percent:
        readings.append(answer.value * 100)
    return any(abs(reading - gold.value) <= tolerance for reading in readings)


def number_match(answer: str, golds: Sequence[str], tolerance: Fraction = Fraction(0)) -> float:
    """1.0 if the number that an answer means (`number_in`) is that of one of the golds, else 0.0.

    A gold that is not exactly one number is the user's mistake: `ConfigError`.

    >>> number_match("It costs $1,080.", ["1080"]), number_match("1080.5", ["1080"]), number_match("many", ["1080"])
    (1.0, 0.0, 0.0)
    """
    wanted = [_gold_number(gold) for gold in golds]
    number = number_in(answer)
    return float(number is not None and any(same_number(number, gold, tolerance) for gold in wanted))


def _gold_number(gold: str) -> Number:
    number = parse_number(gold)
    if number is None:
        raise ConfigError(f"the number scorer wants gold answers that are one number each, and got {gold!r}")
    return number


def _numbers(text: str) -> list[Number | None]:
    """Every number of a text from left to right, None for those that can not be read."""
    plain = _plain(text)
    return [_number(match) for match in _NUMBER.finditer(plain)]


def _plain(text: str) -> str:
    text = plain_characters(plain_signs(_DIGIT_GROUP_SPACE.sub("", text)))
    text = _EXPONENT.sub(r"^\1", _WHOLE_BEFORE_FRACTION.sub(" ", text))
    return _FRACTION.sub(lambda match: f"{match[1] or match[2]}/{match[3] or match[4]}", text)


def _number(match: re.Match[str]) -> Number | None:
    before = match.string[max(0, match.start() - 40) : match.start()]
    if _MAKES_UNREADABLE_BEFORE.search(before) or _MAKES_UNREADABLE_AFTER.match(match.string, match.end()):
        return None
    magnitude = _magnitude(match) if len(match[0]) <= MAX_CHARACTERS else None
    if magnitude is None:
        return None
    negative = (match["sign"] == "-") != (match["inner_sign"] == "-")
    return Number(-magnitude if negative else magnitude, percent=match["percent"] is not None)


def _magnitude(match: re.Match[str]) -> Fraction | None:
    """The value without its sign; None for a division by zero and for an exponent beyond all measure."""
    exponent = int(match["power"] or match["e"] or match["ten"] or 0)
    bottom = _fraction(match["bottom"] or "1")
    if bottom == 0 or abs(exponent) > MAX_CHARACTERS:
        return None
    quotient = _fraction(match["top"] or "1") / bottom
    scale = _SCALES[match["scale"].strip().lower()] if match["scale"] else 1
    return (_fraction(match["whole"] or "0") + quotient) * Fraction(10) ** exponent * scale


def _fraction(numeral: str) -> Fraction:
    return Fraction(numeral.replace(",", ""))
