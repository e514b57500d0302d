"""Rows out of a parquet file, a batch at a time."""

from collections.abc import Iterator
from pathlib import Path

from agentflow.errors import ConfigError
from agentflow.tasks.rows import Row


def read_parquet(path: Path) -> Iterator[Row]:
    """The rows of a parquet file. `ConfigError` for a file that is none, and where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ConfigError(f"{path}: parquet needs pyarrow: pip install 'agentflow-grpo[data]'") from error
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}: row {number}", fields)
    except (OSError, pyarrow.ArrowException) as error:
        raise ConfigError(f"{path}: can not be read as parquet: {error}") from error
