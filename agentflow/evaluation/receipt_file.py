"""A receipt that is written: a line as each trial ends, so that a kill loses nothing; put in order at the end."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from agentflow.errors import ConfigError, InfraError
from agentflow.evaluation.identity import differences, drift
from agentflow.evaluation.privacy import Privacy, line_of
from agentflow.evaluation.receipt import Header, Key, Receipt, Record, read_header, read_record

SYNC_SECONDS = 5.0  # so much of the past a power cut may cost
_BEGINNING = b'{"kind":"header","schema_version":'


class ReceiptFile:
    """The receipt at a path, for as long as its evaluation runs. `records` are all that it holds, without trajectories.

    One process at a time has it. What a process left behind that was killed is gone on with; `cautions` has a line for
    whoever does that on another machine, or with other libraries.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Make the file, or go on with it. Raises `ConfigError` for one that was begun under other conditions."""
        self.path, self.records = path, dict[Key, Record]()
        self._place = Path(os.path.realpath(path))  # a link stays one
        self.cautions: list[str] = []
        self._privacy = Privacy.of(header)
        self._places: dict[Key, tuple[int, int]] = {}
        self.header = read_header(line_of(self._privacy.header(header)), str(path))  # as it will be read again
        self._file, self._synced = _locked(self._place), time.monotonic()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @classmethod
    @contextmanager
    def open(cls, path: Path, header: Header) -> "Iterator[ReceiptFile]":
        """As the constructor, closed at the end."""
        with closing(cls(path, header)) as receipt:
            yield receipt

    def close(self) -> None:
        """Let go of the file; another process may have it then."""
        self._file.close()

    def append(self, record: Record) -> None:
        """Write one record down. Raises `InfraError` where the disk does not take it."""
        if self.header.finished:
            self._reopen()
        self._write(line_of(self._privacy.record(record)), record.key)
        self.records[record.key] = record.model_copy(update={"trajectory": None})

    def read(self, key: Key) -> Record:
        """A record with its trajectory."""
        return read_record(self._bytes(key), str(self.path))

    def finish(self, keys: Sequence[Key], closing: Mapping[str, Any]) -> Receipt:
        """Rewrite the file in the order of `keys`, with the last fields of its header: all of it or nothing."""
        digest = hashlib.sha256()
        for key in keys:
            digest.update(self._bytes(key))
        header = self.header.model_copy(update={**closing, "records_hash": digest.hexdigest()})
        self._rewrite(header, keys)
        return Receipt(self.path, self.header, tuple(self.records[key] for key in keys))

    def _begin(self) -> None:
        """Read what is there, forget a line that was cut off, and check that it belongs to this evaluation."""
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                self._check_ours(number, line)
                break
            if number == 1:
                self._adopt(read_header(line, f"{self.path}, line 1"))
            else:
                record = read_record(line, f"{self.path}, line {number}", trajectories=False)
                self.records[record.key] = record
                self._places[record.key] = (end, len(line))
            end += len(line)
        os.ftruncate(self._file.fileno(), end)
        if end == 0:
            self._write(line_of(self.header))

    def _check_ours(self, number: int, line: bytes) -> None:
        """Raise `ConfigError` before a line that was cut off is forgotten, if it is not the beginning of a receipt."""
        if number == 1 and not line.startswith(_BEGINNING[: len(line)]):
            raise ConfigError(f"{self.path} is no receipt: name another file with --out")

    def _adopt(self, before: Header) -> None:
        """Go on under the header that is there."""
        changed = differences(before, self.header)
        if changed:
            raise ConfigError(
                f"{self.path} is the receipt of another evaluation ({'; '.join(changed[:5])}): "
                "name another file with --out, or run it as it was begun"
            )
        drifted = drift(before, self.header)
        if drifted:
            self.cautions.append(
                f"{self.path} goes on, though not all is as when it was begun: {'; '.join(drifted[:5])}"
            )
        self.header = before.model_copy(update={"trials": self.header.trials, "limit": self.header.limit})

    def _reopen(self) -> None:
        """Make a finished receipt an unfinished one, to which more is added."""
        undone = {"finished": "", "summary": None, "records_hash": ""}
        self._rewrite(self.header.model_copy(update=undone), list(self.records))

    def _write(self, line: bytes, key: Key | None = None) -> None:
        """Append a line, all of it or nothing."""
        with _writing(self.path):
            descriptor = self._file.fileno()
            start = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                if os.write(descriptor, line) < len(line):
                    raise OSError("no space is left")
                if time.monotonic() - self._synced >= SYNC_SECONDS:
                    os.fsync(descriptor)
                    self._synced = time.monotonic()
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, start)
                raise
        if key:
            self._places[key] = (start, len(line))

    def _bytes(self, key: Key) -> bytes:
        start, length = self._places[key]
        return os.pread(self._file.fileno(), length, start)

    def _rewrite(self, header: Header, keys: Sequence[Key]) -> None:
        aside = self._place.with_name(f".{self._place.name}.writing")
        with _writing(self.path), _locked_until_it_fails(aside) as file:
            file.truncate(0)
            places, start = {}, file.write(line_of(header))
            for key in keys:
                length = file.write(self._bytes(key))
                places[key], start = (start, length), start + length
            file.flush()
            os.fsync(file.fileno())
            aside.replace(self._place)
        self._file.close()
        self._file, self._places, self.header = file, places, header


def _locked(path: Path) -> BinaryIO:
    """The file, made if it is not there, and kept from other processes until it is closed."""
    if path.suffix == ".gz":
        raise ConfigError(f"can not write the receipt {path}: it is packed when it is finished: name a .jsonl")
    if path.exists() and not path.is_file():
        raise ConfigError(f"can not write the receipt {path}: it is no file: name another one with --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644), "r+b")
            if _is_ours(file, path):
                return file
            file.close()  # whoever had it put another file in its place meanwhile
    except OSError as error:
        raise ConfigError(f"can not write the receipt {path}: {error.strerror}: name another file with --out") from None


@contextmanager
def _locked_until_it_fails(path: Path) -> Iterator[BinaryIO]:
    """As `_locked`; half a file, which would take room on a disk that has none, is not left behind."""
    file = _locked(path)
    try:
        yield file
    except BaseException:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            file.close()
        raise


def _is_ours(file: BinaryIO, path: Path) -> bool:
    """Lock a file, and see whether it still is the one at that path."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        words = f"another process writes to {path}: wait for it, or name another file with --out"
        raise ConfigError(words) from None
    except OSError:
        return True  # some network file systems have no locks
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InfraError(
            f"can not write the receipt {path}: {error.strerror or error}; what is in it is whole: "
            "free some space, and the same command goes on from there"
        ) from error
