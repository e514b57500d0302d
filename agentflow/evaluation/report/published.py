"""The numbers that the paper prints, to stand beside ours."""

import functools
import importlib.resources
import tomllib
from collections.abc import Sequence
from typing import Any

from agentflow.evaluation.report.page import Line

Number = float | str  # a text is a number that was read off a plot: "~61.4"


@functools.cache
def published() -> dict[str, Any]:
    """`published.toml`, as it stands.

    >>> published()["paper"]
    'arXiv 2510.05592'
    """
    text = importlib.resources.files("agentflow.evaluation.report").joinpath("published.toml").read_text("utf-8")
    return tomllib.loads(text)


def printed(number: Number | None) -> str:
    """As a table shows it.

    >>> printed(60), printed("~61.4"), printed(None)
    ('60.0', '~61.4', '')
    """
    return "" if number is None else f"{number:.1f}" if not isinstance(number, str) else number


def value(number: Number) -> float:
    """
    >>> value(60.0), value("~61.4")
    (60.0, 61.4)
    """
    return float(str(number).removeprefix("~"))


def line(label: str, places: Sequence[float], numbers: Sequence[Number]) -> Line:
    """A published curve, or a published group of bars.

    >>> line("theirs", [3, 10], ["~61.4", 77.2]).read_off
    [3]
    """
    points = [(place, value(number)) for place, number in zip(places, numbers, strict=True)]
    read_off = [place for place, number in zip(places, numbers, strict=True) if isinstance(number, str)]
    return Line(label, points, published=True, read_off=read_off)
