r"""Mathematics in the signs of Unicode or of a program, as LaTeX: `√2`, `½`, `2**10`, `pi`."""

import re
import unicodedata
from functools import lru_cache

from agentflow.scoring.characters import plain_characters

_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_LOWERED = re.compile("[₀-₉]+")
_FRACTION = re.compile("[¼-¾⅐-⅞]")
_ROOT = re.compile(r"√\s*(?:\((?P<group>[^()√]*)\)|(?P<one>[0-9]+(?:\.[0-9]+)?|[A-Za-z]))")
_WRITTEN_ROOT = re.compile(r"(?<![\\A-Za-z])sqrt\s*(?:\((?P<round>[^()]*)\)|\{(?P<curly>[^{}]*)\})")
_REPEATING = re.compile(r"(?<![\d.,])(?P<whole>\d{1,9})\.(?P<once>\d{0,9})\\overline\{(?P<again>\d{1,9})\}")
_PI = re.compile(r"π|(?<![A-Za-z\\])pi(?![A-Za-z])")
_POWER = re.compile(r"(?:(?<=[\w)}\]])\*\*(?=[\w({\\-])|(?<=\S) \*\* (?=\S))(?P<exponent>-?[0-9]+)?")
_SIGNS = {ord("∞"): r"\infty ", ord("·"): r"\cdot ", ord("⋅"): r"\cdot ", ord("⁄"): "/"}


@lru_cache(maxsize=4096)
def as_latex(text: str) -> str:
    r"""A text whose mathematics is LaTeX; LaTeX stays as it is.

    >>> as_latex("3√2 − ½"), as_latex("(-∞, 2π)"), as_latex("x² + 2**10"), as_latex(r"\frac{\pi}{2}")
    ('3\\sqrt{2} - \\frac{1}{2}', '(-\\infty , 2\\pi )', 'x^{2} + 2^{10}', '\\frac{\\pi}{2}')
    """
    signs = _REPEATING.sub(_ratio, text if text.isascii() else _without_unicode(text))
    rooted = _WRITTEN_ROOT.sub(lambda match: rf"\sqrt{{{match['round'] or match['curly'] or ''}}}", signs)
    return _POWER.sub(_exponent, _PI.sub(r"\\pi ", rooted))


def _without_unicode(text: str) -> str:
    text = _FRACTION.sub(lambda match: r"\frac{{{}}}{{{}}}".format(*_plain(match).split("⁄")), text)
    text = _RAISED.sub(lambda match: f"^{{{_plain(match)}}}", text)
    text = _LOWERED.sub(lambda match: f"_{{{_plain(match)}}}", text)
    text = plain_characters(text).translate(_SIGNS)
    return _ROOT.sub(lambda match: rf"\sqrt{{{match['group'] or match['one']}}}", text)


def _plain(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0]).replace("−", "-")


def _ratio(match: re.Match[str]) -> str:
    r"""A decimal that repeats, of which math-verify would read no more than what stands before the bar.

    >>> _REPEATING.sub(_ratio, r"0.1\overline{6}")
    '\\frac{15}{90}'
    """
    whole, once, again = match.group("whole", "once", "again")
    top = int(whole + once + again) - int(whole + once)
    return rf"\frac{{{top}}}{{{'9' * len(again)}{'0' * len(once)}}}"


def _exponent(match: re.Match[str]) -> str:
    return f"^{{{match['exponent']}}}" if match["exponent"] else "^"
