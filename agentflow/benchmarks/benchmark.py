"""A benchmark: where its items come from, which of them are asked and how, and the rule that scores the answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentflow.benchmarks.audit import Finding, audit, audit_text
from agentflow.benchmarks.content import canonical_hash
from agentflow.benchmarks.hub import Hub
from agentflow.errors import ConfigError, DownloadError
from agentflow.tasks.rows import Row, rows_and_faults
from agentflow.types import Task

ToTask = Callable[[Row, int], Task]
_SHOWN = 12  # characters of a hash that tell it from another one; as many are enough to accept it


@dataclass(frozen=True)
class Protocol:
    """How a benchmark is run: `first` items of the file (all of them if None), at most `max_turns` each."""

    items: str = "all items"
    first: int | None = None
    max_turns: int = 10


@dataclass(frozen=True)
class BenchmarkData:
    """The items of a benchmark. `tasks` are those that the protocol asks, `all_tasks` all there are, in their order.

    `data_hash` is the SHA-256 of the content, however the file is laid out or packed. `origin` says where it came from.
    """

    tasks: tuple[Task, ...]
    all_tasks: tuple[Task, ...]
    data_hash: str
    audit: tuple[Finding, ...]
    origin: str


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. `to_task` makes the task of a row and its number, counted from 0.

    `column` is what the paper's tables call it. `known` are the hashes of files that are known, each with a few words.
    `path` is the file of a benchmark that is no more than a file.
    """

    name: str
    title: str
    about: str
    scorer: str
    to_task: ToTask
    protocol: Protocol = Protocol()
    column: str = ""
    source: str = ""
    licence: str = ""
    aliases: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    hub: Hub | None = None
    path: Path | None = None

    def open(self, path: str | Path | None = None, accept_hash: str | None = None) -> BenchmarkData:
        """Load the items from a file, or from the hub where no file is named, and look them over.

        `accept_hash` is the hash (or the first 12 characters of it) of a file other than the known ones.

        Raises `ConfigError` for a file that can not be read, one that is not known and was not accepted, and for items
        that can not be scored; `DownloadError` if the hub can not be reached.
        """
        rows, faults, origin = self._rows(path)
        _refuse(origin, faults)
        data_hash = canonical_hash(row.fields for row in rows)
        from_hub = path is None and self.path is None
        self._check_hash(origin, data_hash, {} if from_hub else self.known, accept_hash)
        tasks, faults = self._tasks(rows)
        findings = [*faults, *audit(rows, tasks)]
        _refuse(origin, findings)
        asked = tasks[: self.protocol.first]
        known = self.known.get(data_hash)
        return BenchmarkData(
            tuple(asked), tuple(tasks), data_hash, tuple(findings), f"{origin} ({known})" if known else origin
        )

    def _rows(self, path: str | Path | None) -> tuple[list[Row], list[Finding], str]:
        path = path or self.path
        if path is None:
            return self._hub_rows()
        found = list(rows_and_faults(path))
        faults = [
            Finding("unreadable_row", "", str(fault), fatal=True) for fault in found if not isinstance(fault, Row)
        ]
        return [row for row in found if isinstance(row, Row)], faults, Path(path).name

    def _hub_rows(self) -> tuple[list[Row], list[Finding], str]:
        wanted = f"benchmark {self.name!r} needs its items: name their file with --data"
        if self.hub is None:
            raise ConfigError(f"{wanted}. {self.source}".strip())
        try:
            return self.hub.rows(), [], self.hub.origin
        except (ConfigError, DownloadError) as error:
            raise type(error)(f"{wanted}, or load them from the hub: {error}") from error

    def _tasks(self, rows: Sequence[Row]) -> tuple[list[Task], list[Finding]]:
        tasks, faults = [], []
        for number, row in enumerate(rows):
            try:
                tasks.append(self.to_task(row, number).model_copy(update={"source": self.name}))
            except ConfigError as error:
                faults.append(Finding("unreadable_row", "", str(error), fatal=True))
            except (LookupError, TypeError, ValueError, AttributeError) as error:  # the row is not what it expects
                words = f"{row.place}: to_task fails: {type(error).__name__}: {error}"
                faults.append(Finding("unreadable_row", "", words, fatal=True))
        return tasks, faults

    def _check_hash(self, origin: str, data_hash: str, known: Mapping[str, str], accept_hash: str | None) -> None:
        if accept_hash is not None and len(accept_hash) < _SHOWN:
            raise ConfigError(
                f"--accept-data wants {_SHOWN} characters of a hash, or more: {accept_hash!r} is too short"
            )
        accepted = accept_hash and data_hash.startswith(accept_hash.lower())
        if accepted or data_hash in known or (accept_hash is None and not known):
            return
        wanted = f"{accept_hash}, which was to be accepted" if accept_hash else _listed(known)
        raise ConfigError(
            f"{origin} is not the known data of {self.name!r}: its hash is {data_hash}, wanted {wanted}. "
            f"If these are the items that you mean: --accept-data {data_hash[:_SHOWN]}"
        )


def _listed(known: Mapping[str, str]) -> str:
    return " or ".join(f"{known_hash[:_SHOWN]}... ({words})" for known_hash, words in known.items())


def _refuse(origin: str, findings: Sequence[Finding]) -> None:
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        raise ConfigError(f"{origin} can not be scored:\n{audit_text(fatal)}")
