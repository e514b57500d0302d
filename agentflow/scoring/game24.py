r"""Game of 24: an expression over four given numbers, each used exactly once, that makes 24. Arithmetic is the judge.

What may surround the expression: `\boxed{...}`, `$...$`, back-quotes, `**...**`, a trailing `= 24` and a full stop.
Words, a chain of steps, or any other equation score 0.0. A sign in front of a number is refused: the numbers are
joined, not changed, and no puzzle needs it, since a negative result can be turned round at its subtraction.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from agentflow.scoring.arithmetic import read_expression
from agentflow.scoring.latex import boxed, plain_signs

TARGET = 24
_WRAPPING = str.maketrans("", "", "$`")


def game24(answer: str, numbers: Sequence[int], target: int = TARGET) -> float:
    r"""1.0 if the answer makes `target` exactly and uses each of `numbers` exactly once, else 0.0; never an error.

    >>> game24("(10 - 4) × (5 - 1)", [1, 4, 5, 10]), game24(r"\boxed{8 \div (3 - \frac{8}{3})} = 24", [3, 3, 8, 8])
    (1.0, 1.0)
    >>> game24("4 * 6", [1, 4, 5, 10]), game24("(10 - 4) × (5 - 1)", [1, 4, 5, 9])
    (0.0, 0.0)
    >>> game24("53 * 58 / 53 + 53 = 111", [53, 58, 53, 53], target=111)
    1.0
    """
    expression = read_expression(_bare(answer, target))
    right = (
        expression is not None
        and expression.value == target
        and Counter(expression.numbers) == Counter(map(Fraction, numbers))
    )
    return float(right)


def _bare(answer: str, target: int) -> str:
    """The expression without what may surround it."""
    inside = boxed(answer)
    text = plain_signs(answer if inside is None else inside).translate(_WRAPPING).strip().removesuffix(".")
    if text.startswith("**") and text.endswith("**"):
        text = text[2:-2]
    text = text.strip().removesuffix(".")
    expression, equals, claim = text.rpartition("=")
    return expression if equals and claim.strip() in (f"{target}", f"{target}.0") else text
