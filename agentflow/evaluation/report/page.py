"""What a report is made of, before it is Markdown or HTML."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row of a table; `published` ones are from the paper and are marked as such."""

    cells: Sequence[str]
    published: bool = False


@dataclass(frozen=True)
class Table:
    """The first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Line:
    """A curve of a chart; `published` ones are dashed. `read_off` are the places whose values were read off a plot,
    `intervals` the low and high end of each point of a bar, where they are known.
    """

    label: str
    points: Sequence[tuple[float, float]]
    published: bool = False
    read_off: Collection[float] = ()
    intervals: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Chart:
    """Curves over numbers, or, with `names`, bars side by side: the place of a point is then the number of a name."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A heading, some sentences, what there is to see, and what must be known of it."""

    title: str
    text: str
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    text: str
    sections: Sequence[Section]

    @property
    def labels(self) -> Sequence[str]:
        """Whatever is drawn in a chart of the page, each once: a system has one colour on all of it."""
        charts = [chart for section in self.sections for chart in section.charts]
        return list(dict.fromkeys(line.label for chart in charts for line in chart.lines))


def percent(value: float) -> str:
    """
    >>> percent(0.4567)
    '45.7'
    """
    return f"{100 * value:.1f}"
