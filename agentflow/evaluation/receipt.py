"""The receipt of an evaluation: one file that says what was run, what came of each item, and what that adds up to.

JSON Lines: a header, then one record for each item and trial, with its trajectory. `docs/evaluation.md` explains every
field. While an evaluation runs, records are in the order in which they ended and the header has no summary.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

from pydantic import Field, JsonValue, ValidationError
from pydantic_core import from_json

from agentflow.errors import ConfigError
from agentflow.types import Noun, Outcome, Sampling, Trajectory, Usage

SCHEMA_VERSION = 1
# What is said of a receipt wherever it is shown.
CHANGED = "is not as it was finished: its lines were changed since"
RESCORED = "its marks are not those of the run: it was scored anew by"
Failure = Literal["", "infra", "crash", "judge"]
Key = tuple[str, int]  # the item and the trial
Kind = TypeVar("Kind", bound=Noun)


class BenchmarkUsed(Noun):
    """Which items were asked. `data_hash` is that of the file of items, of which there were `num_items`.

    `items_hash` is that of the items as they are asked and scored: with the instructions of the benchmark, golds and
    scorers. It is empty in older receipts.
    """

    name: str
    data_hash: str
    items_hash: str = ""
    origin: str = ""
    num_items: int


class ModuleUsed(Noun):
    """Who played a module, and how its tokens were drawn."""

    engine: str
    sampling: Sampling
    constrained: bool


class Weights(Noun):
    """The file that an engine computes with, or the script that it follows, and its SHA-256."""

    file: str
    sha256: str


class PromptsUsed(Noun):
    """The prompt files, each with the SHA-256 of what is sent of it, and one hash of them all."""

    name: str
    hash: str
    files: dict[str, str]


class RecordingsUsed(Noun):
    """Where tool results came from. The digest is that of a cassette that was replayed."""

    mode: Literal["live", "record", "replay"]
    file: str = ""
    digest: str = ""


class Machine(Noun):
    """What of the machine can matter, and nothing that says whose it is."""

    python: str
    platform: str
    cores: int
    packages: dict[str, str]


class Estimate(Noun):
    """A mean over `num` records, its standard error, and a 95 % interval: Wilson's, clustered where trials repeat."""

    mean: float
    low: float
    high: float
    standard_error: float
    num: int


class Summary(Noun):
    """What the records add up to.

    `accuracy` counts a failure as 0; `accuracy_without_failures` leaves failures out (None if nothing else is left).
    `pass_at` and `pass_all` say by number of draws how likely one, or all, of them are right. `mean_turns` and
    `num_empty_answers` are of the solves that did not fail; the other sums are over all records.
    """

    num_items: int
    num_trials: int
    accuracy: Estimate
    accuracy_without_failures: Estimate | None
    pass_at: dict[int, float]
    pass_all: dict[int, float]
    failures: dict[Failure, int]
    failure_rate: float
    outcomes: dict[Outcome, int]
    num_empty_answers: int
    mean_turns: float
    usage: Usage
    judge_usage: Usage = Usage()
    dollars: float = 0.0
    seconds: float
    num_uncompared: int = 0
    num_timeouts: int = 0


class Header(Noun):
    """Everything that determines the records, and from the end of the run on, the summary.

    `records_hash` is the SHA-256 of all lines below the header of a finished receipt. `rescored` says by which version
    of the package and when, where the marks are not those of the run.
    """

    kind: Literal["header"] = "header"
    schema_version: int = SCHEMA_VERSION
    package: str
    benchmark: BenchmarkUsed
    flow: str
    modules: dict[str, ModuleUsed]
    weights: dict[str, Weights]
    prompts: PromptsUsed
    tools: dict[str, str]
    judge: dict[str, JsonValue] | None = None
    recordings: RecordingsUsed
    seed: int
    seeded: bool
    trials: int
    limit: int | None
    max_turns: int
    attempts: int
    config: dict[str, JsonValue]
    machine: Machine
    started: str
    finished: str = ""
    rescored: str = ""
    summary: Summary | None = None
    records_hash: str = ""


class Record(Noun):
    """What came of one trial of one item. `score` is None where `failure` says why there is none.

    `reason` is what a judge said of the answer, where one was asked. `usage`, `judge_usage` and `dollars` are of all
    attempts at the trial, its solve is of the last one. `num_uncompared` counts the comparisons of mathematics that
    came to no end, each of which counts as not equal; `num_timeouts` the calls of tools that were ended for their time.
    """

    kind: Literal["record"] = "record"
    id: str
    trial: int
    seed: int
    score: float | None
    reason: str = ""
    failure: Failure = ""
    error: str = ""
    outcome: Outcome
    answer: str
    golds: tuple[str, ...]
    scorer: str
    num_turns: int
    usage: Usage
    judge_usage: Usage = Usage()
    dollars: float = 0.0
    seconds: float
    num_uncompared: int = 0
    num_timeouts: int = 0
    ended: str
    trajectory: Trajectory | None = Field(default=None, repr=False)

    @property
    def key(self) -> Key:
        """What it is the record of."""
        return self.id, self.trial

    @property
    def value(self) -> float:
        """The mark that counts: a failure is worth nothing."""
        return self.score or 0.0


@dataclass(frozen=True)
class Receipt:
    """A receipt as it was read. Of a trial that was run again only the last record is here."""

    path: Path
    header: Header
    records: tuple[Record, ...]

    @property
    def is_finished(self) -> bool:
        """Whether the evaluation came to its end."""
        return bool(self.header.finished)

    @property
    def is_intact(self) -> bool:
        """See `is_intact`. The file is read once more."""
        return is_intact(self.path, self.header)


def read_receipt(path: Path, *, trajectories: bool = True) -> Receipt:
    """Read a receipt (`.gz` too), also one of an evaluation that still runs or was killed: a line cut off is left out.

    Without `trajectories` the records have none, which takes far less memory. Raises `ConfigError` with the number of
    the first line that can not be read, and for a finished receipt that has lost some.
    """
    header, records = open_receipt(path, trajectories=trajectories)
    found: dict[Key, Record] = {}
    for record in records:
        found.pop(record.key, None)
        found[record.key] = record
    if header.summary and len(found) < header.summary.accuracy.num:
        raise ConfigError(
            f"{path} was finished with {header.summary.accuracy.num} records, and has {len(found)}: lines of it are "
            "lost, and the command that wrote it runs their trials again"
        )
    return Receipt(path, header, tuple(found.values()))


def open_receipt(path: Path, *, trajectories: bool = True) -> tuple[Header, Iterator[Record]]:
    """The header, and the records one by one, as they stand in the file: of a trial that was run again, all."""
    lines = _lines(path)
    header = read_header(next(lines)[1], f"{path}, line 1")
    return header, (read_record(line, f"{path}, line {number}", trajectories=trajectories) for number, line in lines)


def is_intact(path: Path, header: Header) -> bool:
    """Whether the lines below the header of a finished receipt are those that it was finished with."""
    lines = _lines(path)
    next(lines)
    digest = hashlib.sha256()
    for _, line in lines:
        digest.update(line)
    return not header.finished or digest.hexdigest() == header.records_hash


def read_header(line: bytes, place: str) -> Header:
    """The first line of a receipt. Raises `ConfigError` for what is none, and for one of another schema."""
    fields = _fields(line, place)
    if fields.get("kind") != "header":
        raise ConfigError(f"{place}: no receipt: wanted a file that `agentflow eval` wrote")
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise ConfigError(
            f"{place}: a receipt of schema version {fields.get('schema_version')}, and this AgentFlow reads "
            f"{SCHEMA_VERSION}: use the version that wrote it ({fields.get('package')})"
        )
    return _validated(Header, fields, place)


def read_record(line: bytes, place: str, *, trajectories: bool = True) -> Record:
    """Any other line. Raises `ConfigError`."""
    try:
        fields = _fields(line, place)
        if not trajectories:
            fields.pop("trajectory", None)
        return _validated(Record, fields, place)
    except ConfigError as error:
        remedy = "delete that line, and the command that wrote the receipt runs its trial again"
        raise ConfigError(f"{error}: {remedy}") from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file, numbered from 1; there is at least one."""
    number, line = 0, b""
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, line
    except FileNotFoundError:
        raise ConfigError(f"no receipt at {path}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder: name a receipt in it") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"can not read the receipt {path} after line {number}: {error}") from None
    if number == 0:
        raise ConfigError(f"{path} is empty: wanted a receipt that `agentflow eval` wrote")
    if number == 1 and not line.endswith(b"\n"):
        raise ConfigError(f"{path} is cut off in its first line: wanted a receipt that `agentflow eval` wrote")


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _fields(line: bytes, place: str) -> dict[str, Any]:
    try:
        fields = from_json(line)
    except ValueError as error:
        raise ConfigError(f"{place} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ConfigError(f"{place}: wanted a JSON object, found {json.dumps(fields)[:60]}")
    return fields


def _validated(kind: type[Kind], fields: dict[str, Any], place: str) -> Kind:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
