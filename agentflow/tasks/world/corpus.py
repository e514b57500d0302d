"""The articles of worlds as a file that the search tool takes as its corpus."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from agentflow.errors import ConfigError
from agentflow.tasks.world.articles import as_jsonl
from agentflow.tasks.world.world import build_world

# What the planner should be told of the search tool in place of "an offline Wikipedia".
WORLD_DESCRIPTION = (
    "Looks up facts in an encyclopedia: returns short articles about people, books, cities, institutions, mountains "
    "and countries. Search for one thing at a time, by its name. It can not compute."
)


def write_world(seed: int, size: int, folder: str | Path) -> Path:
    """Write the articles of one world and return the file, a corpus for `tools.wikipedia_search.corpus`."""
    return write_worlds([(seed, size)], folder)


def write_worlds(worlds: Sequence[tuple[int, int]], folder: str | Path) -> Path:
    """Write the articles of several worlds, each a seed and a size, into one corpus. The same again changes nothing.

    The file gets its final name when it is whole. `ConfigError` if it can not be written.
    """
    worlds = sorted(set(worlds))
    path = Path(folder).expanduser() / f"{_name(worlds)}.jsonl"
    data = "".join(as_jsonl(build_world(seed, size)) for seed, size in worlds).encode()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"can not write the corpus {path}: {error}") from error
    return path


def _name(worlds: Sequence[tuple[int, int]]) -> str:
    """
    >>> _name([(1, 500)]), _name([(1, 500), (2, 500)])
    ('world-1-500', 'worlds-660a0b2284cf')
    """
    names = [f"world-{seed}-{size}" for seed, size in worlds]
    return names[0] if len(names) == 1 else f"worlds-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}"
