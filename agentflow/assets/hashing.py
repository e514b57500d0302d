"""SHA-256 of big files: computed while they are written, and remembered so that it is not computed at each start."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

CHUNK_BYTES = 1 << 20


def sha256_of(path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """Hash a file; returns hex digits. `advance` is told the number of bytes read so far.

    >>> sha256_of(Path(os.devnull))[:8]
    'e3b0c442'
    """
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            advance(done := done + len(chunk))
    return digest.hexdigest()


def write_hashed(path: Path, chunks: Iterable[bytes], advance: Callable[[int], None] = lambda _: None) -> str:
    """Write `chunks` to `path`, flush them to the disk, and return the SHA-256 of what was written in hex digits.

    `advance` is told the number of bytes written so far.
    """
    digest, done = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            advance(done := done + len(chunk))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def mark_verified(path: Path, sha256: str) -> None:
    """Note beside `path` that it was found to have this hash, so that `is_verified` can believe it."""
    _note(path).write_text(json.dumps({"sha256": sha256, **_identity(path)}))


def is_verified(path: Path, sha256: str) -> bool:
    """Whether `path` was once found to have this hash and has not been touched since (same size and time).

    >>> is_verified(Path("/nowhere/model.gguf"), "00")
    False
    """
    try:
        note = json.loads(_note(path).read_text())
        return bool(note == {"sha256": sha256, **_identity(path)})
    except (OSError, ValueError):  # no file, no note, or a note that was cut off: hash again
        return False


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified.json")


def _identity(path: Path) -> dict[str, int]:
    found = path.stat()
    return {"num_bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
