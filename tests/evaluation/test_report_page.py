"""Markdown and HTML hold what receipts say, and neither of them does anything with it."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agentflow.errors import ConfigError
from agentflow.evaluation.report.charts import as_svg
from agentflow.evaluation.report.html import as_html
from agentflow.evaluation.report.page import Chart, Line, Page, Row, Section, Table
from agentflow.evaluation.report.write import write_report

from .reports import made, page_of, texts


class Tags(HTMLParser):
    """What a browser would find on the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href") and value and value[0] != "#"]


def test_the_page_runs_nothing_and_fetches_nothing(tmp_path: Path) -> None:
    receipt = made(tmp_path, "a", "<img src=x>")
    markdown, html = texts(page_of(f"<script>alert(1)</script>={receipt}"), tmp_path / "report")
    tags = Tags()
    tags.feed(html)
    assert not tags.found & {"script", "img", "link", "iframe", "object"}
    assert tags.addresses == []
    assert "&lt;script&gt;" in html
    assert "<" not in markdown
    assert "&lt;img src=x>" in markdown


def test_a_name_in_markdown_is_no_picture(tmp_path: Path) -> None:
    markdown, _ = texts(page_of(f"![x](https://example.org/x.png)={made(tmp_path, 'a')}"), tmp_path / "report")
    assert "![" not in markdown.replace(r"!\[", "")
    assert r"!\[x](https://example.org/x.png)" in markdown


def test_the_same_receipts_give_the_same_page(tmp_path: Path) -> None:
    receipt = made(tmp_path, "a")
    assert texts(page_of(receipt), tmp_path / "one") == texts(page_of(receipt), tmp_path / "two")


@pytest.mark.parametrize("name", [r"$\frac$", "_mine", "100$ and 200$", "鶴", "a & b"])
@pytest.mark.parametrize("names", [(), ("python", "$x$")])
def test_names_stand_in_a_chart_as_they_are(name: str, names: tuple[str, ...]) -> None:
    lines = [Line(name, [(0.0, 1.0), (1.0, 2.0)]), Line("theirs", [(1.0, 2.0)], published=True, read_off=[1.0])]
    svg = as_svg(Chart(name, "x", "y", lines, names), [name, "theirs"])
    assert svg.count(f">{name.replace('&', '&amp;')}<") == 2
    assert ">published, theirs (read off a plot)<" in svg


@pytest.mark.parametrize("names", [(), ("python", "search")])
def test_a_system_has_one_colour_on_the_whole_page(names: tuple[str, ...]) -> None:
    ours, other = (Line(label, [(0.0, 1.0), (1.0, 2.0)]) for label in ("ours", "other"))
    charts = [Chart("One", "x", "y", [other, ours], names), Chart("Two", "x", "y", [ours], names)]
    page = Page("A", "", [Section(chart.title, "", charts=[chart]) for chart in charts])
    both, alone = as_html(page).split("<h2>Two")
    assert "#ff7f0e" in both
    assert "#1f77b4" in both
    assert "#ff7f0e" in alone
    assert "#1f77b4" not in alone


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("names", [(), ("python",)])
def test_two_of_many_lines_do_not_look_alike(names: tuple[str, ...], published: bool) -> None:
    labels = [f"system {number:02}" for number in range(12)]

    def drawn(label: str) -> str:
        chart = Chart("One", "x", "y", [Line(label, [(0.0, 1.0)], published)], names)
        return as_svg(chart, labels).replace(label, "")

    assert len({drawn(label) for label in labels}) == 12


def test_many_places_of_a_chart_are_rows_in_markdown(tmp_path: Path) -> None:
    lines = [
        Line("ours", [(float(step), 2.0 * step) for step in range(20)]),
        Line("theirs", [(3.0, 1.0)], published=True),
    ]
    page = Page("A", "", [Section("B", "", charts=[Chart("Over training", "step", "percent", lines)])])
    markdown, _ = texts(page, tmp_path)
    assert "| step | ours | theirs (published) |" in markdown
    assert "| 3 | 6.0 | 1.0 |\n| 4 | 8.0 |  |" in markdown


def test_numbers_stand_on_the_right_and_commands_in_their_font() -> None:
    table = Table(["", "benchmark", "turns"], [Row(["a", "2wiki", "3"])])
    html = as_html(Page("A", "See `agentflow <x>`.", [Section("B", "", [table])]))
    assert '<td>a</td><td class="text">2wiki</td><td>3</td>' in html
    assert "<p>See <code>agentflow &lt;x&gt;</code>.</p>" in html


def test_without_matplotlib_there_is_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(made(tmp_path, "a"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ConfigError, match=r"report\.md is written, and .*report\.html is not: .*agentflow-grpo\[report\]"
    ):
        write_report(page, tmp_path / "report")
    assert (tmp_path / "report/report.md").read_text().startswith("# AgentFlow")
    assert not (tmp_path / "report/report.html").exists()


def test_a_place_that_can_not_be_written_to(tmp_path: Path) -> None:
    page = page_of(made(tmp_path, "a"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can not write the report to"):
        write_report(page, tmp_path / "file")
