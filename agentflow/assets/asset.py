"""What a named file is: its licence, its bytes, its hash, and where it can be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from agentflow.assets.cache import cache_folder
from agentflow.assets.progress import Progress, bytes_under


class Source(Protocol):
    """A place that may have the bytes of an asset."""

    @property
    def label(self) -> str:
        """What to call it in messages."""
        ...

    def num_bytes_needed(self, asset: "Asset", parts: Path) -> int:
        """Disk space that `bring` will take at its peak, beyond what already lies in `parts`."""
        ...

    def bring(self, asset: "Asset", target: Path, parts: Path, progress: Progress) -> str:
        """Write the whole file to `target` and return the SHA-256 of what was written, in hex digits.

        `parts` is an existing folder for what should survive an interruption: the next call finds it again.
        Raises `DownloadError` with the reason in one line; `OSError` where the disk is at fault.
        """
        ...


@dataclass(frozen=True)
class Asset:
    """A file that is wanted: whichever of `sources` (tried in order) brings bytes with this hash will do."""

    file: str
    licence: str
    num_bytes: int
    sha256: str
    sources: Sequence[Source]
    folder: str = "files"  # inside the cache

    @property
    def path(self) -> Path:
        """Where it lies, or will lie, in the cache."""
        return cache_folder(self.folder) / self.file

    @property
    def parts(self) -> Path:
        """The folder that keeps what was fetched so far."""
        return self.path.with_name(f"{self.file}.parts")


class State(StrEnum):
    """How much of an asset is here."""

    ON_DISK = "on disk"
    PARTLY = "partly"
    ABSENT = "absent"


def state_of(asset: Asset) -> State:
    """How much of it is here, judged by size alone; `fetch` looks at the hash.

    >>> state_of(Asset(file="no.gguf", licence="MIT", num_bytes=1, sha256="", sources=())).value
    'absent'
    """
    if asset.path.is_file() and asset.path.stat().st_size == asset.num_bytes:
        return State.ON_DISK
    return State.PARTLY if bytes_under(asset.parts) else State.ABSENT
