"""A lock between processes, held on a file. The operating system lets go of it when its process dies."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from agentflow.assets.cache import CACHE_VARIABLE
from agentflow.assets.progress import Progress
from agentflow.errors import ConfigError

POLL_SECONDS = 0.1


@contextmanager
def alone(path: Path, doing: str, progress: Progress) -> Iterator[None]:
    """Hold the lock on `path`, which lies in the cache. The user is told if another process is `doing` it already.

    A disk that fails meanwhile is a `ConfigError` that names the cache folder.
    """
    try:
        with locked(path, on_wait=lambda: progress.say(f"waiting for another process that is {doing}")):
            yield
    except OSError as error:
        raise ConfigError(
            f"the cache folder {path.parent} can not be used ({error}): set {CACHE_VARIABLE} to another folder"
        ) from error


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock on `path` (made if it is not there, and left there: to delete it would race).

    `on_wait` is called once if another process holds it; then this one waits for as long as that takes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if not _try_lock(file):
            on_wait()
            while not _try_lock(file):
                time.sleep(POLL_SECONDS)
        yield  # closing the file lets go of the lock


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
