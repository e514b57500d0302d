"""Trajectories on disk: one JSON object a line, appended as solves end.

The first field of a line is the schema version. Secrets of the environment are replaced before a line is written.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from agentflow.errors import ConfigError
from agentflow.types import Trajectory

SCHEMA_VERSION = 1
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_LEAST_SECRET = 8  # characters; a shorter value could be any word


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Values that must never be written down, with the names of their variables.

    >>> secrets_of({"OPENAI_API_KEY": "sk-0123456789", "HOME": "/home/someone"})
    {'sk-0123456789': 'OPENAI_API_KEY'}
    """
    return {
        value: name for name, value in environment.items() if _SECRET_NAME.search(name) and len(value) >= _LEAST_SECRET
    }


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """Replace secrets by the names of their variables.

    >>> redact("key=sk-0123456789", {"sk-0123456789": "OPENAI_API_KEY"})
    'key=[REDACTED:OPENAI_API_KEY]'
    """
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, f"[REDACTED:{secrets[value]}]")
    return text


def append_trajectory(path: Path, trajectory: Trajectory) -> None:
    """Append one trajectory as one line, in one write. Makes the folder; the file is readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    secrets = {json.dumps(value)[1:-1]: name for value, name in secrets_of(os.environ).items()}
    record = {"schema_version": SCHEMA_VERSION, **trajectory.model_dump(mode="json")}
    line = redact(json.dumps(record, ensure_ascii=False), secrets) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        file.write(line.encode("utf-8", errors="replace"))


def read_trajectories(path: Path) -> Iterator[Trajectory]:
    """Read a trace. Raises `ConfigError` with the line number of the first line that is none.

    A last line without its end is the mark of a write that was cut off, and is left out.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith("\n") and line.strip():
                    yield _read_line(line, f"{path}, line {number}")
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(f"no trace at {path}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no trace: {error}") from None


def _read_line(line: str, place: str) -> Trajectory:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{place} is not JSON: {error}") from None
    version = record.pop("schema_version", None) if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise ConfigError(f"{place}: wanted a trajectory of schema version {SCHEMA_VERSION}, found {version}")
    try:
        return Trajectory.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
