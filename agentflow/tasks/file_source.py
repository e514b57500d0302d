"""Tasks out of files: JSONL, JSON (gzipped or not) and parquet."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from agentflow.errors import ConfigError
from agentflow.tasks.parquet import read_parquet
from agentflow.tasks.rows import SUFFIXES, Row, read_rows
from agentflow.tasks.splits import Split
from agentflow.tasks.table import Table

_PARQUET = ".parquet"


class FileSource(Table):
    """`source = "file"`: the rows of `path`, cut into splits by lot; or a file of their own for validation and test.

    >>> FileSource(source="file", path="data/sums.jsonl").label
    'sums'
    """

    source: Literal["file"]
    path: Path
    validation_path: Path | None = None
    test_path: Path | None = None

    @property
    def label(self) -> str:
        return self.name or self.path.name.partition(".")[0]

    def rows(self, split: Split) -> Iterable[Row] | None:
        paths = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        path = paths[split]
        return _rows(path.expanduser()) if path else None


def _rows(path: Path) -> Iterable[Row]:
    if not path.name.endswith((*SUFFIXES, _PARQUET)):
        raise ConfigError(f"{path}: a file of tasks ends in one of {', '.join((*SUFFIXES, _PARQUET))}")
    return read_parquet(path) if path.suffix == _PARQUET else read_rows(path)
