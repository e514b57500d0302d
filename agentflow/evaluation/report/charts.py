"""A chart as SVG text, by matplotlib. Names come from receipts and are shown as they are: none is a formula."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

from agentflow.errors import ConfigError
from agentflow.evaluation.report.page import Chart, Line

MOST_TICKS = 8  # of so few places each is named
COLOURS = 10  # that can be told apart; behind them they begin anew, with other marks
_MARKERS, _DASHES, _HATCHES = "os^Dv", ("--", ":", "-."), ("", "//", "..", "xx")
# With `parse_math` a dollar sign would begin a formula; without a font of its own, text has the reader's.
_STYLE: Any = {"svg.hashsalt": "agentflow", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}


def as_svg(chart: Chart, labels: Sequence[str]) -> str:
    """The picture, without the lines of a file of its own. The same chart gives the same text.

    `labels` holds those of its lines at least: a line's place among them is its look. Raises `ConfigError` with the
    remedy where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("a page with charts needs matplotlib: pip install 'agentflow-grpo[report]'") from error
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # it is the reader's font that must have it
        figure = Figure(figsize=(7, 3.2 + 0.2 * len(chart.lines)), layout="constrained")
        axes: Any = figure.add_subplot()
        looks = [labels.index(line.label) for line in chart.lines]
        handles = (_bars if chart.names else _curves)(axes, chart, looks)
        axes.set(title=chart.title, xlabel=chart.x, ylabel=chart.y)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
        legend = figure.legend(handles, ["of a line"] * len(handles), loc="outside lower center", frameon=False)
        for text, line in zip(legend.get_texts(), chart.lines, strict=True):
            text.set_text(_label(line))  # as a label, one that begins with `_` would be left out
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    return svg[svg.index("<svg") :]


def _curves(axes: Any, chart: Chart, looks: Sequence[int]) -> list[Any]:
    drawn = []
    for line, look in zip(chart.lines, looks, strict=True):
        dashes, marker = (marks[look // COLOURS % len(marks)] for marks in (_DASHES, _MARKERS))
        style = {"linestyle": dashes, "alpha": 0.5} if line.published else {"marker": marker}
        drawn += axes.plot(*zip(*line.points, strict=True), color=f"C{look % COLOURS}", **style)
    places = sorted({place for line in chart.lines for place, _ in line.points})
    if len(places) <= MOST_TICKS:
        axes.set_xticks(places)
    return drawn


def _bars(axes: Any, chart: Chart, looks: Sequence[int]) -> list[Any]:
    width = 0.8 / len(chart.lines)
    drawn = []
    for number, (line, look) in enumerate(zip(chart.lines, looks, strict=True)):
        places, heights = [x + number * width for x, _ in line.points], [y for _, y in line.points]
        style = {"color": f"C{look % COLOURS}", "hatch": _HATCHES[look // COLOURS % len(_HATCHES)]}
        drawn.append(axes.bar(places, heights, width, alpha=0.4 if line.published else 1.0, **style))
        if line.intervals:
            ends = [(y - low, high - y) for y, (low, high) in zip(heights, line.intervals, strict=True)]
            axes.errorbar(places, heights, yerr=list(zip(*ends, strict=True)), fmt="none", ecolor="0.3", capsize=2)
    middle = 0.4 - width / 2
    axes.set_xticks([place + middle for place in range(len(chart.names))], chart.names)
    return drawn


def _label(line: Line) -> str:
    label = f"published, {line.label}" if line.published else line.label
    if not line.read_off:
        return label
    return f"{label} ({'partly ' if len(line.read_off) < len(line.points) else ''}read off a plot)"
