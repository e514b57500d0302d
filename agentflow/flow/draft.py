"""A solve while it is being written: what becomes a `Trajectory` at its end, or whenever it is interrupted."""

import time
from dataclasses import dataclass, field

from pydantic import JsonValue

from agentflow.flow.ledger import Ledger
from agentflow.types import Action, Call, Outcome, Status, Task, Trajectory, Turn, Verdict


@dataclass
class TurnDraft:
    """The turn under way."""

    index: int
    action: Action | None = None
    arguments: dict[str, JsonValue] | None = None
    result: str = ""
    status: Status = Status.OK
    verdict: Verdict | None = None
    started: float = field(default_factory=time.monotonic)

    def fail(self, status: Status, reason: str) -> None:
        """End the turn with the model's mistake, in words that the planner will read."""
        self.status, self.result = status, reason

    def freeze(self, ledger: Ledger, calls: tuple[Call, ...] | None = None) -> Turn:
        """The turn as far as it is; its calls are those that the ledger holds open."""
        return Turn(
            index=self.index,
            action=self.action,
            arguments=self.arguments,
            result=self.result,
            status=self.status,
            verdict=self.verdict,
            calls=tuple(ledger.open_calls) if calls is None else calls,
            seconds=time.monotonic() - self.started,
        )


@dataclass
class Draft:
    """All that is known of a solve so far."""

    task: Task
    ledger: Ledger
    analysis: str = ""
    turns: list[Turn] = field(default_factory=list)
    output: str = ""
    answer: str = ""
    error: str = ""
    _turn: TurnDraft | None = None
    _outside: tuple[Call, ...] = ()

    @property
    def memory_suffices(self) -> bool:
        """Whether the verifier said so after the last turn."""
        verdict = self.turns[-1].verdict if self.turns else None
        return verdict is not None and verdict.stop

    def open_turn(self) -> TurnDraft:
        """Begin a turn; the calls since the last one belonged to none."""
        self._outside += self.ledger.take_calls()
        self._turn = TurnDraft(index=len(self.turns))
        return self._turn

    def close_turn(self) -> Turn:
        """End the turn under way."""
        assert self._turn
        turn = self._turn.freeze(self.ledger, self.ledger.take_calls())
        self.turns.append(turn)
        self._turn = None
        return turn

    def trajectory(self, outcome: Outcome) -> Trajectory:
        """What there is, under a typed outcome. A turn that was cut off is part of it."""
        if self._turn:
            self.close_turn()
        self._outside += self.ledger.take_calls()
        return Trajectory(
            task=self.task,
            analysis=self.analysis,
            turns=tuple(self.turns),
            output=self.output,
            answer=self.answer,
            outcome=outcome,
            error=self.error,
            calls=self._outside,
            usage=self.ledger.usage,
            seconds=self.ledger.seconds,
        )
