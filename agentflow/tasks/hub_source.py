"""Tasks out of Hugging Face data sets."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from agentflow.errors import ConfigError, DownloadError
from agentflow.tasks.rows import Row
from agentflow.tasks.splits import Split
from agentflow.tasks.table import Table


class HubSource(Table):
    """`source = "hub"`: the rows of a data set of the Hugging Face hub, or of a folder in the hub's layout.

    `dataset` is its name or folder, `config` one of its configurations, `revision` a commit, tag or branch (name a
    commit to get the same rows next year). `split` is what the data set calls its training rows. Validation and test
    rows are cut from those, unless `validation_split` or `test_split` names rows of their own.

    >>> HubSource(source="hub", dataset="openai/gsm8k", config="main").label
    'openai/gsm8k'
    """

    source: Literal["hub"]
    dataset: str
    config: str | None = None
    revision: str | None = None
    split: str = "train"
    validation_split: str | None = None
    test_split: str | None = None

    @property
    def label(self) -> str:
        return self.name or self.dataset

    def rows(self, split: Split) -> Iterable[Row] | None:
        names = {"train": self.split, "validation": self.validation_split, "test": self.test_split}
        name = names[split]
        return self._read(name) if name else None

    def _read(self, split: str) -> Iterator[Row]:
        place = f"{self.dataset}, {split}"
        for number, fields in enumerate(_load(self.dataset, self.config, split, self.revision, place), start=1):
            yield Row(f"{place}: row {number}", dict(fields))


def _load(name: str, config: str | None, split: str, revision: str | None, place: str) -> Iterable[dict[str, Any]]:
    try:
        from datasets import load_dataset
        from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
    except ImportError as error:
        raise ConfigError("source 'hub' needs the library datasets: pip install 'agentflow-grpo[data]'") from error
    try:
        rows: Iterable[dict[str, Any]] = load_dataset(name, config, split=split, revision=revision)
    except (DatasetNotFoundError, DataFilesNotFoundError, FileNotFoundError) as error:
        raise ConfigError(f"{place}: there is no such data set, or no access to it: {_line(error)}") from error
    except ConnectionError as error:
        raise DownloadError(f"{place}: the hub can not be reached: {_line(error)}") from error
    except (ValueError, TypeError) as error:  # an unknown configuration or split, rows of different kinds
        raise ConfigError(f"{place}: can not be read: {_line(error)}") from error
    return rows


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
