"""One corpus: a folder with `corpus.json`, which says where it came from, and `index/`.

It is built in a folder beside its place and renamed into it, so a corpus is whole or not there.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from agentflow.assets.cache import CACHE_VARIABLE
from agentflow.assets.hashing import sha256_of
from agentflow.assets.lock import alone
from agentflow.assets.progress import Progress
from agentflow.errors import ConfigError
from agentflow.tools.passage_index import Hit, PassageIndex, write_index
from agentflow.tools.passages import Passage, read_passages
from agentflow.types import Noun

INDEX_VERSION = 1  # to be raised when the fields or the analyzer of the index change
Reader = Callable[[Path, Callable[[int], None]], Iterator[Passage]]


@dataclass(frozen=True)
class Recipe:
    """What a corpus is made from: `read` turns `file` into passages. `attribution` is shown below search results."""

    name: str
    file: Path
    licence: str = ""
    attribution: str = ""
    read: Reader = read_passages


class Manifest(Noun):
    """What a corpus says of itself. Its source's size and time spare hashing the source at each start."""

    name: str
    index_version: int
    num_passages: int
    licence: str
    attribution: str
    source: str
    source_num_bytes: int
    source_mtime_ns: int
    source_sha256: str


class Corpus:
    """A corpus that is ready to be searched. A search takes less than a millisecond: see `perf/search_latency.py`."""

    def __init__(self, folder: Path) -> None:
        """Raises `ConfigError` if `folder` holds no corpus of this version, or a damaged one."""
        manifest = read_manifest(folder)
        if manifest is None:
            raise ConfigError(
                f"{folder} holds no corpus of this version of AgentFlow: build it anew from its JSONL file"
            )
        self.folder, self.manifest = folder, manifest
        try:
            self._index = PassageIndex(folder / "index")
        except (ValueError, OSError) as error:
            raise ConfigError(
                f"the index in {folder} is damaged ({error}): delete that folder, build it anew"
            ) from error

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best `limit` passages for a free text, best first. The same query always gives the same answer."""
        return self._index.search(query, limit)


def read_manifest(folder: Path) -> Manifest | None:
    """What the corpus in `folder` says of itself; `None` where there is none, or one of another version."""
    try:
        manifest = Manifest.model_validate_json((folder / "corpus.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return manifest if manifest.index_version == INDEX_VERSION else None


def ensure_built(folder: Path, recipe: Recipe, progress: Progress) -> Corpus:
    """Open the corpus in `folder`, after building it if it is not there or its file has another content by now.

    Raises `ConfigError` if the file can not be read or has a bad line; a corpus that was there stays as it was.
    """
    with alone(folder.with_name(f"{folder.name}.lock"), f"building the corpus {recipe.name}", progress):
        old = read_manifest(folder)
        new = _manifest_of(recipe, old)
        if old is None or old.source_sha256 != new.source_sha256:
            _build(folder, recipe, new, progress)
        elif old != new:  # touched, moved or attributed anew, with the same passages
            _write_manifest(folder, new)
        return Corpus(folder)


def _manifest_of(recipe: Recipe, old: Manifest | None) -> Manifest:
    source = str(recipe.file.resolve())
    try:
        found = recipe.file.stat()
        known = old is not None and (old.source, old.source_num_bytes, old.source_mtime_ns) == (
            source,
            found.st_size,
            found.st_mtime_ns,
        )
        sha256 = old.source_sha256 if old is not None and known else sha256_of(recipe.file)
    except OSError as error:
        raise ConfigError(f"can not read the corpus {recipe.file}: {error}") from error
    return Manifest(
        name=recipe.name,
        index_version=INDEX_VERSION,
        num_passages=old.num_passages if old is not None else 0,
        licence=recipe.licence,
        attribution=recipe.attribution,
        source=source,
        source_num_bytes=found.st_size,
        source_mtime_ns=found.st_mtime_ns,
        source_sha256=sha256,
    )


def _build(folder: Path, recipe: Recipe, manifest: Manifest, progress: Progress) -> None:
    building, outdated = folder.with_name(f".{folder.name}.building"), folder.with_name(f".{folder.name}.outdated")
    for left_over in (building, outdated):
        shutil.rmtree(left_over, ignore_errors=True)
    (building / "index").mkdir(parents=True)
    try:
        with progress.bar(f"indexing {recipe.name}", manifest.source_num_bytes) as advance:
            num_passages = write_index(building / "index", recipe.read(recipe.file, advance))
        _write_manifest(building, manifest.model_copy(update={"num_passages": num_passages}))
        for file in (building / "index").iterdir():  # some are written for their owner alone
            file.chmod((building / "corpus.json").stat().st_mode)
        if folder.exists():
            os.replace(folder, outdated)
        os.replace(building, folder)
    except ValueError as error:  # how the index says that the disk failed it
        raise ConfigError(
            f"can not write the index {folder} ({error}): set {CACHE_VARIABLE} to another folder"
        ) from error
    finally:
        for left_over in (building, outdated):
            shutil.rmtree(left_over, ignore_errors=True)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    half = folder / "corpus.json.partial"
    half.write_text(manifest.model_dump_json(indent=2))
    os.replace(half, folder / "corpus.json")
