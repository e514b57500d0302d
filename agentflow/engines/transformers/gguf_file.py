"""What a GGUF file says about its model."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import gguf

from agentflow.errors import ConfigError


def open_gguf(path: Path) -> gguf.GGUFReader:
    """Opened once: it takes seconds to walk through a vocabulary. Raises `ConfigError` for what is no GGUF file."""
    try:
        return _open(path, path.stat().st_mtime_ns)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} can not be read as a GGUF file: {error}") from error


@lru_cache(maxsize=2)
def _open(path: Path, _written: int) -> gguf.GGUFReader:
    return gguf.GGUFReader(path)


def read_field(path: Path, name: str) -> Any:
    """A value of the metadata; None where it is not there. `{arch}` in a name stands for the architecture."""
    fields = open_gguf(path).fields
    if "{arch}" in name:
        name = name.replace("{arch}", str(fields["general.architecture"].contents()))
    return fields[name].contents() if name in fields else None
