r"""The little LaTeX that short answers hold: a box, operators, spacing. Not a LaTeX parser."""

import re

_BOX = "\\boxed{"
_SIGNS = {r"\times": "×", r"\div": "÷", r"\cdot": "·", r"\pi": "π", r"\sqrt": "√"}
_SIGN = re.compile(r"\\(?:times|div|cdot|pi|sqrt)(?![A-Za-z])")
_DEGREE = re.compile(r"\^(?:\\circ(?![A-Za-z])|\{\\circ\})")
_ESCAPED = re.compile(r"\\([%$])|\{(,)\}")
_INVISIBLE = re.compile(r"\\(?:left|right)(?![A-Za-z])|\\[()\[\]!,]")
WRAPPED = re.compile(r"\\(?:text|mbox|textbf|textit|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_SPACE = re.compile(r"\\[;: ]|~")


def boxed(text: str) -> str | None:
    r"""What the last `\boxed{...}` holds, with its braces matched; None without a closed box.

    >>> boxed(r"so \boxed{2}, no: \boxed{\frac{1}{2}} metres")
    '\\frac{1}{2}'
    >>> boxed("42"), boxed(r"\boxed{42")
    (None, None)
    """
    start = text.rfind(_BOX)
    if start < 0:
        return None
    depth, inside = 1, start + len(_BOX)
    for position in range(inside, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[inside:position]
    return None


def unwrapped(text: str) -> str:
    r"""A text without the commands for upright, bold and slanted words.

    >>> unwrapped(r"\text{Rome}, 5\mathrm{ cm}")
    'Rome, 5 cm'
    """
    return WRAPPED.sub(r"\1", text)


def plain_signs(text: str) -> str:
    r"""Commands for operators as the signs they draw; spacing, `\left`, `\right` and math delimiters dropped.

    >>> plain_signs(r"\(\left( 4 \times 6 \right) \div 1\)")
    '( 4 × 6 ) ÷ 1'
    """
    spaced = _DEGREE.sub("°", _SPACE.sub(" ", _INVISIBLE.sub("", text)))
    return _ESCAPED.sub(r"\1\2", _SIGN.sub(lambda match: _SIGNS[match[0]], spaced)).strip()
