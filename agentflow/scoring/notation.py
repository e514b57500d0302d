r"""One notation for the powers, signs and spaces of a formula, whether LaTeX, Unicode or plain text wrote it."""

import re

from agentflow.scoring.characters import plain_characters

_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_DELIMITER = re.compile(r"\\[()\[\]]")
_SPACE = re.compile(r"\\[,;: ]")
_BRACES = re.compile(r"(?<=[\^_])\{([-+]?[0-9]+)\}(?!\w)")  # those of x^{2}y tell it from x^{2y}
_TIMES_TEN = re.compile(r"(?<=[0-9])\s*(?:\\times|\\cdot|[×x*·⋅])\s*(?=10\b)")


def one_notation(text: str) -> str:
    r"""A text whose formulas can be compared sign by sign.

    >>> one_notation(r"3\times10^{-4}\,eV"), one_notation("3 x 10⁻⁴ eV"), one_notation("x = −1")
    ('3×10^-4 eV', '3×10^-4 eV', 'x = -1')
    """
    raised = _RAISED.sub(lambda match: "^" + plain_characters(match[0]), text)
    spaced = _SPACE.sub(" ", _DELIMITER.sub("", plain_characters(raised)))
    return _TIMES_TEN.sub("×", _BRACES.sub(r"\1", spaced))
