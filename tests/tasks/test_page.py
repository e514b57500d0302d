"""docs/tasks.md shows every source with settings that are valid."""

import re
import tomllib
from pathlib import Path

import pytest

from agentflow.tasks import read_source
from agentflow.tasks.sources import SOURCES

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
TABLES = [
    table
    for block in re.findall(r"^```TOML\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for table in tomllib.loads(block)["tasks"]
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table["source"])
def test_an_example_is_valid(table: dict[str, object]) -> None:
    assert read_source(table).label


def test_every_source_is_shown() -> None:
    assert {table["source"] for table in TABLES} == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_every_setting_is_named(name: str) -> None:
    for setting in SOURCES[name].model_fields:
        assert re.search(rf"`{setting}`|^{setting} = ", PAGE, re.MULTILINE), setting
