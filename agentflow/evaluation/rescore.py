"""The number of a receipt once more, offline: from the answers and golds that it holds, by the scorers of today."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.errors import ConfigError
from agentflow.evaluation.describe import now, package
from agentflow.evaluation.privacy import line_of
from agentflow.evaluation.receipt import CHANGED, Header, Key, Record, Summary, is_intact, open_receipt
from agentflow.evaluation.summary import summarise
from agentflow.scoring import score
from agentflow.scoring.judge import JUDGE
from agentflow.scoring.math_pool import uncompared


@dataclass(frozen=True)
class Change:
    """A record whose mark is another one now."""

    record: Record
    score: float


@dataclass(frozen=True)
class Rescored:
    """A receipt beside what its answers are worth now.

    `before` is the summary that the receipt has (that of its records, where it is not finished), `after` that of the
    marks of now. Verdicts of a judge are taken as they are: `num_judged` of them. `is_intact` is false where a finished
    receipt was changed afterwards. `records` have the marks of now, and no trajectories.
    """

    path: Path
    header: Header
    before: Summary
    after: Summary
    changes: tuple[Change, ...]
    num_judged: int
    is_intact: bool
    records: Mapping[Key, Record]

    @property
    def is_same(self) -> bool:
        """Whether every number came out as the receipt has it, to the last digit.

        How many comparisons came to an end is a matter of the machine, as long as it changes no mark.
        """
        before = self.before.model_copy(update={"num_uncompared": self.after.num_uncompared})
        return self.is_intact and not self.changes and before == self.after


def rescore(path: Path) -> Rescored:
    """Score every answer of a receipt anew. Raises `ConfigError` where it can not be read, or holds no record."""
    header, records = open_receipt(path)
    stored, anew = dict[Key, Record](), dict[Key, Record]()
    for record in records:
        stored[record.key] = record.model_copy(update={"trajectory": None})
        anew[record.key] = _scored(record, path).model_copy(update={"trajectory": None})
    if not stored:
        raise ConfigError(f"{path} holds no record yet: there is nothing to score")
    return Rescored(
        path=path,
        header=header,
        before=header.summary or summarise(list(stored.values())),
        after=summarise(list(anew.values())),
        changes=tuple(
            Change(record, now.score)
            for record, now in zip(stored.values(), anew.values(), strict=True)
            if now.score is not None and now.score != record.score
        ),
        num_judged=sum(record.scorer == JUDGE and not record.failure for record in stored.values()),
        is_intact=is_intact(path, header),
        records=anew,
    )


def _scored(record: Record, path: Path) -> Record:
    """By the rule of the task; a verdict stays, and a failure has nothing that could be scored."""
    if record.failure or record.scorer == JUDGE:
        return record
    if record.trajectory is None:
        raise ConfigError(f"{path}: the record of {record.id!r}, trial {record.trial}, has no trajectory to score")
    with uncompared() as found:
        mark = score(record.trajectory.task, record.trajectory.answer)
    return record.model_copy(update={"score": mark, "num_uncompared": found.num})


def write_rescored(found: Rescored, out: Path) -> None:
    """Write the receipt with the marks of now to a file that is not there yet.

    Raises `ConfigError` where it is, and for a receipt that is not finished, or was changed since.
    """
    if not found.header.finished:
        raise ConfigError(f"{found.path} is not finished: run it to its end, then score it anew")
    if not found.is_intact:
        raise ConfigError(f"{found.path} {CHANGED}, and are not copied")
    if out.suffix == ".gz":
        raise ConfigError(f"{out} would not be packed: name a .jsonl, and gzip it afterwards")
    digest = hashlib.sha256()
    for line in _lines(found):
        digest.update(line)
    closing = {"rescored": f"{package()}, {now()}", "summary": found.after, "records_hash": digest.hexdigest()}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("xb") as file:
            try:
                file.writelines((line_of(found.header.model_copy(update=closing)), *_lines(found)))
            except BaseException:
                out.unlink()
                raise
    except FileExistsError:
        raise ConfigError(f"{out} is there already, and is not written over: name another file with --out") from None
    except OSError as error:
        raise ConfigError(f"can not write the receipt {out}: {error.strerror}: name another file with --out") from None


def _lines(found: Rescored) -> Iterator[bytes]:
    """The records as they are written, trajectories included."""
    for record in open_receipt(found.path)[1]:
        anew = found.records[record.key]
        assert record.trajectory
        trajectory = record.trajectory.model_copy(update={"reward": anew.score})
        yield line_of(anew.model_copy(update={"trajectory": trajectory}))
