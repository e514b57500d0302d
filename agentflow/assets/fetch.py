"""Source after source until one brings the right bytes.

    the file is there and its hash is known to fit  ->  nothing to do
    lock -> look again -> for each source: room on the disk? bring -> hash -> rename into place -> remove the parts

A file never has its final name before it is whole and its hash fits. Whatever interrupts a fetch, the next one goes on
from the parts that are there.
"""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.filesize import decimal

from agentflow.assets.asset import Asset, Source
from agentflow.assets.cache import CACHE_VARIABLE
from agentflow.assets.hashing import is_verified, mark_verified, sha256_of
from agentflow.assets.lock import alone
from agentflow.assets.progress import Progress, open_progress
from agentflow.errors import DownloadError


def free_bytes(folder: Path) -> int:
    """Free space on the disk that holds `folder`, in bytes."""
    return shutil.disk_usage(folder).free


def fetch(asset: Asset, progress: Progress | None = None, free_bytes: Callable[[Path], int] = free_bytes) -> Path:
    """Make sure that `asset` is in the cache with the right hash, and return its path.

    Raises `DownloadError` when no source brings the right bytes, saying what each of them said and what to do;
    `ConfigError` when the cache folder can not be written.
    """
    if not is_verified(asset.path, asset.sha256):
        progress = progress or open_progress()
        with _alone_with(asset, progress):
            if not _is_right(asset, progress):
                _fetch_from_any(asset, progress, free_bytes)
    return asset.path


def find(asset: Asset, progress: Progress | None = None) -> Path | None:
    """The path of `asset` if it is in the cache with the right hash. Nothing is fetched.

    A file that was put there by hand is hashed, once. Raises `ConfigError` when the cache folder can not be written.
    """
    if is_verified(asset.path, asset.sha256):
        return asset.path
    if not asset.path.exists():
        return None
    progress = progress or open_progress()
    with _alone_with(asset, progress):
        return asset.path if _is_right(asset, progress) else None


def _alone_with(asset: Asset, progress: Progress) -> AbstractContextManager[None]:
    return alone(asset.path.with_name(f"{asset.file}.lock"), f"fetching {asset.file}", progress)


def _is_right(asset: Asset, progress: Progress) -> bool:
    """Whether the file is there with the right hash. A wrong file is removed: nobody could tell it from a right one."""
    path = asset.path
    if is_verified(path, asset.sha256):
        return True
    if not path.is_file():
        return False
    with progress.bar(f"checking {asset.file}", path.stat().st_size) as advance:
        found = sha256_of(path, advance)
    if found != asset.sha256:
        path.unlink()
        progress.say(f"removed {path}: its SHA-256 is {found}, expected {asset.sha256}")
        return False
    mark_verified(path, found)
    return True


def _fetch_from_any(asset: Asset, progress: Progress, free_bytes: Callable[[Path], int]) -> None:
    failures = []
    for number, source in enumerate(asset.sources, start=1):
        try:
            return _fetch_from(source, asset, asset.parts / f"source-{number}", progress, free_bytes)
        except DownloadError as error:
            failures.append(f"{source.label} did not bring it: {error}")
            progress.say(f"{asset.file}: {failures[-1]}")
    raise DownloadError(
        f"could not fetch {asset.file} ({decimal(asset.num_bytes)}):\n"
        + "".join(f"  {failure}\n" for failure in failures)
        + f"Run it again (finished parts are kept), or place the file at {asset.path} yourself "
        f"(SHA-256 {asset.sha256})."
    )


def _fetch_from(
    source: Source, asset: Asset, parts: Path, progress: Progress, free_bytes: Callable[[Path], int]
) -> None:
    partial = asset.path.with_name(f"{asset.file}.partial")
    partial.unlink(missing_ok=True)  # half of a file: it is assembled anew, from parts that are kept
    parts.mkdir(parents=True, exist_ok=True)
    _require_space(source, asset, parts, free_bytes)
    try:
        found = source.bring(asset, partial, parts, progress)
    except OSError as error:
        hint = f"; set {CACHE_VARIABLE} to a folder on a bigger disk" if error.errno == errno.ENOSPC else ""
        raise DownloadError(f"{error}{hint}") from error
    if found != asset.sha256:
        partial.unlink()
        shutil.rmtree(parts)
        raise DownloadError(f"wrong bytes, removed: SHA-256 is {found}, expected {asset.sha256}")
    os.replace(partial, asset.path)
    mark_verified(asset.path, found)
    shutil.rmtree(asset.parts, ignore_errors=True)


def _require_space(source: Source, asset: Asset, parts: Path, free_bytes: Callable[[Path], int]) -> None:
    needed, free = source.num_bytes_needed(asset, parts), free_bytes(parts)
    if needed > free:
        raise DownloadError(
            f"needs {decimal(needed)} on the disk of {asset.path.parent}, {decimal(free)} are free: "
            f"set {CACHE_VARIABLE} to a folder on a bigger disk"
        )
