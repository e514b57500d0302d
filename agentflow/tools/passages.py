"""Passages: what a corpus is made of, and how they are read from a JSONL file."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from agentflow.errors import ConfigError

FIELDS = ("id", "title", "text")
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Passage:
    """A short text under a title. `id` is unique in its corpus."""

    id: str
    title: str
    text: str


def read_passages(file: Path, advance: Callable[[int], None] = lambda _: None) -> Iterator[Passage]:
    """Read passages from a JSONL file, or from one packed with gzip.

    Each line is an object with the strings `id`, `title` and `text`; other fields are ignored, and so are blank lines.
    `advance` is told the number of bytes of the file read so far.

    Raises `ConfigError` with file and line number at the first line that is no such object, is not UTF-8, has an empty
    field or repeats an id; and for a file that can not be read or holds no passage.
    """
    seen: set[str] = set()
    number = 0
    try:
        with file.open("rb") as raw:
            for line in _lines(raw):
                number += 1  # the errors below name it
                advance(raw.tell())
                if line.strip():
                    passage = _parse(line)
                    if passage.id in seen:
                        raise ValueError(f"the id {passage.id!r} was already used")
                    seen.add(passage.id)
                    yield passage
    except OSError as error:  # gzip's complaint about a damaged file is one too
        raise ConfigError(f"can not read the corpus {file}: {error}") from error
    except (EOFError, zlib.error) as error:
        raise ConfigError(f"{file}, after line {number}: the gzip file is damaged or cut off ({error})") from error
    except ValueError as error:
        raise ConfigError(f"{file}, line {number}: {error}") from error
    if not seen:
        raise ConfigError(f"{file} holds no passages: wanted one JSON object with id, title and text a line")


def _lines(raw: BinaryIO) -> Iterator[bytes]:
    packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    raw.seek(0)
    return iter(gzip.GzipFile(fileobj=raw)) if packed else iter(raw)


def _parse(line: bytes) -> Passage:
    r"""Read one line. Raises `ValueError` with what is wrong with it.

    >>> _parse(b'{"id": "a", "title": "Mars", "text": "A planet.", "views": 3}')
    Passage(id='a', title='Mars', text='A planet.')
    >>> _parse(b'{"id": "a", "title": "Mars"}')
    Traceback (most recent call last):
    ValueError: the field 'text' is missing
    """
    try:
        record: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError(f"wanted a JSON object, found {type(record).__name__}")
    for field in FIELDS:
        if field not in record:
            raise ValueError(f"the field {field!r} is missing")
        if not isinstance(record[field], str):
            raise ValueError(f"the field {field!r} is no string")
        if not record[field].strip():
            raise ValueError(f"the field {field!r} is empty")
        if any("\ud800" <= character <= "\udfff" for character in record[field]):
            raise ValueError(f"the field {field!r} is not valid Unicode (a lone surrogate)")
    return Passage(record["id"], record["title"], record["text"])
