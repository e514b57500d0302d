"""One request to the embedded engine: what it asked for, and how far it is."""

import codecs
from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from agentflow.engines.decoding import sampling as sampler
from agentflow.engines.decoding.constraint import Constraint
from agentflow.errors import AgentFlowError
from agentflow.types import Sampling


class Vocabulary(Protocol):
    """What a generation needs to know of a model."""

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...


class Generation:
    """Grows token by token until an end token, a stop string, a complete document or the token limit.

    Whoever runs it calls `on_finish` once, unless `is_cancelled` said that nobody waits any more. A generation whose
    schema leaves no choice at all is finished as soon as it is made.
    """

    def __init__(
        self,
        prompt: list[int],
        sampling: Sampling,
        *,
        vocabulary: Vocabulary,
        constraint: Constraint | None = None,
        on_finish: Callable[["Generation"], None],
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        assert prompt, "the first token is drawn from the logits of the prompt's last one"
        self.prompt = prompt
        self.sampling = sampling
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.target = list(prompt)  # prompt and tokens: all that has to be evaluated
        self.text = ""
        self.finish_reason: Literal["stop", "length"] | None = None
        self.error: Exception | None = None
        self.cached_tokens = 0
        self.started = False  # whether it ever ran: it may have to wait again
        self.on_finish = on_finish
        self.is_cancelled = is_cancelled
        self._vocabulary = vocabulary
        self._constraint = constraint
        self._random = np.random.default_rng(None if sampling.seed is None else sampling.seed % 2**64)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._take_forced()

    @property
    def most_tokens(self) -> int:
        """The cells it can come to fill."""
        return len(self.prompt) + self.sampling.max_tokens

    @property
    def ended(self) -> bool:
        return self.finish_reason is not None or self.error is not None

    def draw(self, logits: sampler.Logits) -> None:
        """Draw the next token from the logits of the last one."""
        try:
            allowed = self._constraint.allowed() if self._constraint else None
            token, logprob = sampler.draw(logits, self.sampling, self._random, allowed)
        except AgentFlowError as error:
            self.error = error
            return
        self.accept(token, logprob)

    def accept(self, token: int, logprob: float) -> None:
        """Add the token that was drawn, and what a schema forces after it."""
        if self.error:
            return
        if self._vocabulary.is_end(token):
            self._append(token, logprob)
            self.finish_reason = "stop"
            return
        if self._constraint:
            self._constraint.take(token)
        if not self._grow(token, logprob):
            self._take_forced()

    def _take_forced(self) -> None:
        """Append what the schema leaves no choice about: certain, so its log-probability is 0."""
        if self._constraint is None:
            return
        for token in self._constraint.forced():
            self._constraint.take(token)
            if self._grow(token, 0.0):
                return
        if self._constraint.finished:
            self.finish_reason = "stop"

    def _grow(self, token: int, logprob: float) -> bool:
        """Add a token and its text: whether that was the last one."""
        self._append(token, logprob)
        before = len(self.text)
        self.text += self._decoder.decode(self._vocabulary.piece(token))
        if self._cut_at_stop(before):
            self.finish_reason = "stop"
        elif len(self.tokens) >= self.sampling.max_tokens:
            complete = self._constraint is not None and self._constraint.finished
            self.finish_reason = "stop" if complete else "length"
        return self.finish_reason is not None

    def _append(self, token: int, logprob: float) -> None:
        self.tokens.append(token)
        self.target.append(token)
        self.logprobs.append(logprob)

    def _cut_at_stop(self, before: int) -> bool:
        """Cut the text where a stop string begins; one can span several tokens."""
        found = [
            place for stop in self.sampling.stop if (place := self.text.find(stop, max(0, before - len(stop) + 1))) >= 0
        ]
        if found:
            self.text = self.text[: min(found)]
        return bool(found)
