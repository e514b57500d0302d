"""Files that are there whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentflow.errors import ConfigError

SPARE = 16 * 2**20  # bytes: metadata, and a disk that is never filled to the last one


@contextmanager
def written_whole(path: Path, num_bytes: int) -> Iterator[Path]:
    """Yields the path of a file to write, beside `path`; it takes the place of `path` when all went well.

    Raises `ConfigError` when the disk has no room for `num_bytes`, before and while it is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(path.parent, num_bytes)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ConfigError(f"the disk filled up while {path} was written: free some room, nothing was lost") from error
    finally:
        partial.unlink(missing_ok=True)


def check_room(folder: Path, num_bytes: int) -> None:
    """Raise `ConfigError` if the disk of an existing folder has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < num_bytes + SPARE:
        raise ConfigError(f"{folder} has {free / 1e9:.2f} GB free, and {(num_bytes + SPARE) / 1e9:.2f} GB are wanted")
