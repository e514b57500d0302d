r"""Mathematical answers: the same text, the same number, or equal by math-verify.

What is read: the final answer (its tags, its last `\boxed{}`, or what follows "answer is"), or all of it. Texts are
compared without spaces and without the LaTeX that only changes the looks, words in their normal form, whole numbers as
numbers, and that settles it for these. Everything else is for math-verify. What is written outside LaTeX becomes LaTeX,
and LaTeX without dollar signs is given them, since it would be read in part (`2^{10}` as 2); of a sentence the library
takes the last expression. So an answer that takes its number back, or gives several, is wrong before it is asked.
"""

import re
from collections.abc import Sequence

from agentflow.scoring.final import final_answer
from agentflow.scoring.latex import WRAPPED, unwrapped
from agentflow.scoring.math_pool import MathPool, math_pool, require_math_verify
from agentflow.scoring.math_signs import as_latex
from agentflow.scoring.numbers import Number, parse_number, same_number
from agentflow.scoring.text import exact_match

MAX_CHARACTERS = 2000
_LOOKS = re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])|\\[!,;: ()\[\]]|[$~]|(?<!\d)\s+|\s+(?!\d)")
_DELIMITED = re.compile(r"\$|\\\(|\\\[|\\begin\b")
_MATRIX = re.compile(r"\\begin\{[a-zA-Z]*(?:matrix|array)\}")
_BASE = re.compile(r"[0-9A-Z]+_\{?(?P<base>[0-9]+)\}?")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{3,}")
_FUNCTIONS = {
    *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
    *("log", "exp", "sqrt", "max", "min", "mod", "gcd", "lcm"),
}
_WORDS_ONLY = re.compile(r"[A-Za-z][A-Za-z' -]*")
_POWER_OF_UNIT = re.compile(r"(?<=[0-9] )([mcdk]m|in|ft|yd|mi)\^\{?[23]\}?")
_ONE_NUMBER = re.compile(
    r"(?:[A-Za-z']{2,}[\s:,]+)*[-+$€£]*\d[\d,./\s]*(?:[eE][-+]?\d{1,3})?%?(?:\s[A-Za-z']{2,})*[\s.]*"
)
_BARE_NUMBER = re.compile(r"[-+]?\d[\d,./]*(?:\\?%)?")
_AND = re.compile(r",?\s+and\s+")
_OR = re.compile(r"(?<![A-Za-z])or(?![A-Za-z])")
_CHAIN = re.compile(r"=|\n|->|→|\\to(?![A-Za-z])|\\(?:long)?[rR]ightarrow|\\implies")
_DOUBT = re.compile(r"(?<![\\A-Za-z])(?:not|either|neither|nor|between)(?![A-Za-z])|n['’]t\b", re.IGNORECASE)


def math_match(answer: str, golds: Sequence[str], pool: MathPool | None = None) -> float:
    r"""1.0 if the answer is mathematically equal to one of the golds, else 0.0; `pool` is that of this process.

    An item that takes too long, or breaks the process that compares, is not equal: 0.0, and the pool counts it.
    Raises `ConfigError` if math-verify is not installed, `InfraError` if its process does not start.

    >>> math_match(r"so \boxed{33}", ["33"]), math_match("The answer is 33.", ["33"]), math_match("3", ["33"])
    (1.0, 1.0, 0.0)
    >>> math_match(r"\dfrac{1}{2}", [r"\frac12"]), math_match("$x = 2^{10}$", ["1024"])
    (1.0, 1.0)
    """
    require_math_verify()
    said = _said(answer)
    if not said or len(said) > MAX_CHARACTERS:
        return 0.0
    said, plain_golds = as_latex(said), [as_latex(gold.replace(r"\$", "").strip()) for gold in golds]
    return float(any(_equal(said, gold, pool or math_pool()) for gold in plain_golds))


def _said(answer: str) -> str:
    r"""The part of an answer that is compared.

    >>> _said(r"We get **12**. Final answer: \$36."), _said(r"\boxed{x^2}.")
    ('36', 'x^2')
    """
    text = final_answer(answer)
    return text.replace(r"\$", "").strip(" \n\t*`").removesuffix(".").strip(" *`")


def _equal(said: str, gold: str, pool: MathPool) -> bool:
    if _tight(said) == _tight(gold) != "":
        return True
    if _is_words(gold):
        return exact_match(unwrapped(said), [unwrapped(gold)]) == 1.0
    if _matrix_and_number(said, gold) or _matrix_and_number(gold, said) or _other_base(said, gold):
        return False
    if _DOUBT.search(said) or (parse_number(gold) and _several_numbers(said)):
        return False
    settled = _same_whole_number(said.strip("$ "), gold.strip("$ "))
    return pool.equal(_delimited(gold), _delimited(said)) if settled is None else settled


def _several_numbers(said: str) -> bool:
    """Whether a text gives different numbers for one: with `or`, in lines of their own, or in a chain of equalities.

    >>> [_several_numbers(said) for said in ("32 or 33 miles", "34 = 33", "x = 66/2 = 33", "2 and 33 in all")]
    [True, True, False, False]
    """
    alternatives = [_plain_number(part) for part in _OR.split(said)] if _OR.search(said) else []
    links = [part.strip(" $*.") for part in _CHAIN.split(said)]
    chained = [_plain_number(link) for link in links if _BARE_NUMBER.fullmatch(link)]
    numbers = [number for number in alternatives + chained if number is not None]
    return any(not same_number(number, numbers[0]) for number in numbers[1:])


def _tight(text: str) -> str:
    r"""A text without what only changes its looks.

    >>> _tight(r"\left( \dfrac{1}{2},\, 2 \right)") == _tight(r"$(\frac{1}{2}, 2)$"), _tight("2 1/2")
    (True, '2 1/2')
    """
    plain = unwrapped(text).replace(r"\%", "%")
    return re.sub(r"\\[dt]frac", r"\\frac", _LOOKS.sub("", plain))


def _is_words(gold: str) -> bool:
    """
    >>> _is_words(r"\\text{ellipse}"), _is_words("no"), _is_words("xy"), _is_words("2 cm")
    (True, True, False, False)
    """
    plain = unwrapped(gold).strip()
    if not _WORDS_ONLY.fullmatch(plain):
        return False
    return plain.lower() in ("yes", "no") or bool(set(_WORD.findall(plain)) - _FUNCTIONS)


def _matrix_and_number(matrix: str, number: str) -> bool:
    """For math-verify a number is equal to its multiple of the unit matrix."""
    return _MATRIX.search(matrix) is not None and _MATRIX.search(number) is None and "," not in number


def _other_base(said: str, gold: str) -> bool:
    """Whether both are numerals with a base, and not the same one: math-verify does not read the base.

    >>> _other_base("52_8", "52_{9}"), _other_base("52_8", "52_{8}"), _other_base("52", "52_8")
    (True, False, False)
    """
    bases = [_BASE.fullmatch(text.strip("$ ")) for text in (said, gold)]
    return len({base["base"] for base in bases if base}) > 1


def _same_whole_number(said: str, gold: str) -> bool | None:
    """Whether two numbers are the same; None where one side is more than a number, or a matter of rounding.

    >>> _same_whole_number("33 miles", "33"), _same_whole_number("34", "33"), _same_whole_number("3x", "3")
    (True, False, None)
    """
    numbers = [_plain_number(said), _plain_number(gold)]
    if numbers[0] is None or numbers[1] is None:
        return None
    same = same_number(numbers[0], numbers[1])
    whole = all(number is not None and number.value.denominator == 1 for number in numbers)
    return same if same or whole else None


def _plain_number(text: str) -> Number | None:
    plain = _POWER_OF_UNIT.sub(r"\1", unwrapped(text).replace("\\ ", " ").strip("$ "))
    return parse_number(plain) if _ONE_NUMBER.fullmatch(plain) else None


def _delimited(text: str) -> str:
    r"""Mathematics between dollar signs; a sentence, and what has delimiters, as it is.

    >>> _delimited("2^{10}"), _delimited("it is 1/2"), _delimited(r"\sin x"), _delimited("the value is 1/2")
    ('$2^{10}$', '$it is 1/2$', '$\\sin x$', 'the value is 1/2')
    """
    listed = _AND.sub(", ", text)
    words = set(_WORD.findall(_COMMAND.sub(" ", WRAPPED.sub(" ", listed)))) - _FUNCTIONS
    return text if words or _DELIMITED.search(text) else f"${listed}$"
