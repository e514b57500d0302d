"""One request to the embedded engine: what it asked for, and how far it is."""

import codecs
from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from agentflow.engines.local import sampling as sampler
from agentflow.engines.local.constraint import Constraint
from agentflow.types import Sampling


class Vocabulary(Protocol):
    """What a generation needs to know of a model."""

    @property
    def pieces(self) -> list[bytes]: ...

    @property
    def end_tokens(self) -> frozenset[int]: ...


class Generation:
    """Grows token by token until an end token, a stop string, a complete document or the token limit.

    `on_finish` is called once, from the thread that runs the model. A generation whose schema leaves no choice at all
    is finished as soon as it is made.
    """

    def __init__(
        self,
        prompt: list[int],
        sampling: Sampling,
        *,
        vocabulary: Vocabulary,
        constraint: Constraint | None,
        on_finish: Callable[["Generation"], None],
    ) -> None:
        self.prompt = prompt
        self.sampling = sampling
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.target = list(prompt)  # prompt and tokens: all that has to be evaluated
        self.text = ""
        self.finish_reason: Literal["stop", "length"] | None = None
        self.error: Exception | None = None
        self.cancelled = False
        self.cached_tokens = 0
        self._vocabulary = vocabulary
        self._constraint = constraint
        self._on_finish = on_finish
        self._random = np.random.default_rng(sampling.seed)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._take_forced()

    @property
    def most_tokens(self) -> int:
        """The cells it can come to fill."""
        return len(self.prompt) + self.sampling.max_tokens

    def draw(self, logits: sampler.Logits) -> None:
        """Draw the next token from the logits of the last one."""
        allowed = self._constraint.allowed() if self._constraint else None
        token, logprob = sampler.draw(logits, self.sampling, self._random, allowed)
        if token in self._vocabulary.end_tokens:
            self._append(token, logprob)
            self.finish_reason = "stop"
            return
        if self._constraint:
            self._constraint.take(token)
        self._grow(token, logprob)
        self._take_forced()

    def finish(self) -> None:
        """Hand the result over."""
        self._on_finish(self)

    def _take_forced(self) -> None:
        """Append what the schema leaves no choice about: certain, so its log-probability is 0."""
        if self._constraint is None or self.finish_reason:
            return
        for token in self._constraint.forced():
            if self.finish_reason:
                return
            self._constraint.take(token)
            self._grow(token, 0.0)
        if self._constraint.finished and not self.finish_reason:
            self.finish_reason = "stop"

    def _grow(self, token: int, logprob: float) -> None:
        self._append(token, logprob)
        before = len(self.text)
        self.text += self._decoder.decode(self._vocabulary.pieces[token])
        if self._cut_at_stop(before):
            self.finish_reason = "stop"
        elif len(self.tokens) >= self.sampling.max_tokens:
            complete = self._constraint is not None and self._constraint.finished
            self.finish_reason = "stop" if complete else "length"

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
