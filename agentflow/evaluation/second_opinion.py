"""A judge's view of answers that have their marks already: how far judge and rules agree."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.errors import InfraError, PromptTooLong
from agentflow.evaluation.receipt import Receipt, Record
from agentflow.scoring.agreement import Agreement, agreement
from agentflow.scoring.judge import JUDGE, Judge
from agentflow.scoring.text import exact_match

CONCURRENCY = 8  # answers that are judged at once


@dataclass(frozen=True)
class Disagreement:
    """An answer that judge and rule see differently, with the judge's reason."""

    record: Record
    judged_right: bool
    reason: str


async def second_opinion(receipt: Receipt, judge: Judge) -> tuple[Agreement, list[Disagreement]]:
    """Have every answer of a receipt judged, and compare that with its marks. The records need their trajectories.

    Failures are left out; an answer on which the judge fails, or that is too long for it, is counted as not judged.
    """
    records = [record for record in receipt.records if not record.failure and record.trajectory]
    gate = asyncio.Semaphore(CONCURRENCY)

    async def one(record: Record) -> Disagreement | None:
        assert record.trajectory
        async with gate:
            try:
                found = await judge.judge(record.trajectory.task, record.answer)
            except (InfraError, PromptTooLong):
                return None
        return Disagreement(record, found.right, found.reason)

    try:
        async with asyncio.TaskGroup() as running:
            asked = [running.create_task(one(record)) for record in records]
    except BaseExceptionGroup as failed:  # one is enough, and a caller waits for it as it is
        raise failed.exceptions[0] from None
    opinions = [opinion.result() for opinion in asked]
    verdicts = [None if opinion is None else float(opinion.judged_right) for opinion in opinions]
    marks = [rule_mark(record) for record in records]
    apart = [
        opinion
        for opinion, mark in zip(opinions, marks, strict=True)
        if opinion and opinion.judged_right != (mark >= 1)
    ]
    return agreement(verdicts, marks), apart


def agreement_of_judged(records: Sequence[Record]) -> Agreement | None:
    """Of the verdicts that records have, with exact match; None where no judge was asked."""
    judged = [record for record in records if record.scorer == JUDGE and record.failure in ("", "judge")]
    return agreement([record.score for record in judged], [rule_mark(record) for record in judged]) if judged else None


def rule_mark(record: Record) -> float:
    """By the item's own rule; by exact match where the item has none."""
    return exact_match(record.answer, record.golds) if record.scorer == JUDGE else record.value
