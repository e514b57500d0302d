r"""Exact arithmetic over an expression in text: a tokenizer and a recursive-descent parser, nothing is executed.

    sum     = product (("+" | "-") product)*
    product = atom (("×" | "÷") atom | touching)*
    atom    = numeral | bracket | "\frac" "{" sum "}" "{" sum "}"
    bracket = "(" sum ")" | "[" sum "]" | "{" sum "}"

Times is any of `* × · ⋅ ∙ • ⨯ ✕ ✖ x \times \cdot times`, or nothing beside a bracket (`touching`: `2(3)`, `(2)(3)`,
`(2)3`), but not behind a divisor: `8/2(3)` is read in two ways. Division is any of `/ ÷ ∕ : \div`. Every operator
stands between two operands: a sign in front (`-4`) is refused, as are powers and anything else. Length and depth are
bounded.
"""

import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from agentflow.scoring.characters import plain_characters
from agentflow.scoring.latex import plain_signs

MAX_CHARACTERS = 1000
MAX_DEPTH = 32
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\\[cdt]?frac|\S")
_SHORT_FRACTION = re.compile(r"(\\[cdt]?frac)\s*([0-9])\s*([0-9])")
_TIMES = dict.fromkeys(map(ord, "×·⋅∙•⨯✕✖∗xX"), "*")
_EMOJI = {0xFE0F: ""}  # behind a sign: as a picture
_WRITTEN_TIMES = re.compile(r"\\\*|(?<![A-Za-z\\])times(?![A-Za-z])")
_DIVIDED = dict.fromkeys(map(ord, "÷∕:"), "/")
_Operators = Mapping[str, Callable[[Fraction, Fraction], Fraction]]
_SUMS: _Operators = {"+": operator.add, "-": operator.sub}
_PRODUCTS: _Operators = {"*": operator.mul, "/": operator.truediv}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_END = ""


class Expression(NamedTuple):
    """An expression's exact value, and the numerals it is made of, in the order they stand."""

    value: Fraction
    numbers: tuple[Fraction, ...]


def read_expression(text: str) -> Expression | None:
    r"""Parse and evaluate a whole text; None if it is no expression, divides by zero, or is too long or too deep.

    >>> read_expression("(10 − 4) × 6")
    Expression(value=Fraction(36, 1), numbers=(Fraction(10, 1), Fraction(4, 1), Fraction(6, 1)))
    """
    if len(text) > MAX_CHARACTERS:
        return None
    signs = _WRITTEN_TIMES.sub("*", plain_signs(text))
    plain = plain_characters(signs).translate(_TIMES | _DIVIDED | _EMOJI)
    parser = _Parser(_TOKEN.findall(_SHORT_FRACTION.sub(r"\1{\2}{\3}", plain)))
    try:
        value = parser.sum()
        parser.take(_END)
    except (_NoExpression, ZeroDivisionError):
        return None
    return Expression(value, tuple(parser.numbers))


def expression_value(text: str) -> Fraction | None:
    r"""The exact value of an expression; None where `read_expression` is None.

    >>> expression_value("8 / (3 - 8/3)"), expression_value(r"\frac{1+2}{4} \times 2")
    (Fraction(24, 1), Fraction(3, 2))
    >>> [expression_value(text) for text in ("1/0", "-4+1", "2**3", "2 3", "print(1)", "")]
    [None, None, None, None, None, None]
    """
    expression = read_expression(text)
    return None if expression is None else expression.value


class _NoExpression(Exception):
    """The tokens do not fit the grammar, or go too deep."""


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        self.numbers: list[Fraction] = []

    @property
    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else _END

    def take(self, wanted: str | None = None) -> str:
        """Move past the next token, which must be `wanted` where one is given."""
        token = self.next
        if wanted is not None and token != wanted:
            raise _NoExpression
        self.position += 1
        return token

    def sum(self) -> Fraction:
        value = self.product()
        while self.next in _SUMS:
            join = _SUMS[self.take()]
            value = join(value, self.product())
        return value

    def product(self) -> Fraction:
        value, divides = self.atom(), False
        while self.next in _PRODUCTS or (self.touches and not divides):
            sign = self.take() if self.next in _PRODUCTS else "*"
            divides = sign == "/"
            value = _PRODUCTS[sign](value, self.atom())
        return value

    @property
    def touches(self) -> bool:
        """Whether the next operand stands beside the last one, and one of them is in brackets."""
        behind_bracket = self.tokens[self.position - 1] in _CLOSERS.values()
        return self.next in _CLOSERS or (behind_bracket and self.is_numeral)

    @property
    def is_numeral(self) -> bool:
        return self.next[:1].isdigit() and self.next.isascii()

    def atom(self) -> Fraction:
        if self.is_numeral:
            self.numbers.append(Fraction(self.take()))
            return self.numbers[-1]
        if self.next.endswith("frac"):
            self.take()
            return self.group("{") / self.group("{")
        return self.group(self.next)

    def group(self, opener: str) -> Fraction:
        """A sum in brackets that open with `opener`."""
        if opener not in _CLOSERS or self.depth == MAX_DEPTH:
            raise _NoExpression
        self.take(opener)
        self.depth += 1
        value = self.sum()
        self.depth -= 1
        self.take(_CLOSERS[opener])
        return value
