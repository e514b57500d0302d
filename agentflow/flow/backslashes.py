"""Backslashes in the JSON of a model, which writes LaTeX into it as if that were no escape."""

import re

# What JSON allows behind a backslash. A backspace, a form feed or a carriage return with a letter behind it, or a tab
# in front of "imes", is nothing that a model means.
_ESCAPE = re.compile(r'\\(["\\/n]|u[0-9a-fA-F]{4}|t(?!imes|heta|ext\{|frac\{)|[bfr](?![A-Za-z]))|\\')


def double_stray_backslashes(text: str) -> str:
    r"""JSON in which every backslash that is no escape is one of the text.

    >>> print(double_stray_backslashes(r'{"answer": "\frac{1}{2}", "found": "\sqrt{3}\n\\pi"}'))
    {"answer": "\\frac{1}{2}", "found": "\\sqrt{3}\n\\pi"}
    """
    return _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text)
