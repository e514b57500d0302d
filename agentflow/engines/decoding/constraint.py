"""Which tokens may come next, so that the text becomes a JSON document that fits a schema."""

from typing import Any

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLTokenizer

from agentflow.errors import ConfigError
from agentflow.types import JsonSchema

# No optional white space: a small model can fill its whole token limit with blanks that the grammar allows.
_COMPACT: Any = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}


class ConstraintFactory:
    """Compiles schemas for one vocabulary, in a millisecond; llguidance's tokenizer takes half a second to make."""

    def __init__(self, tokenizer: LLTokenizer, num_tokens: int) -> None:
        self._tokenizer, self._num_tokens = tokenizer, num_tokens

    def compile(self, schema: JsonSchema) -> "Constraint":
        """Raises `ConfigError` for a schema that can not be enforced."""
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides=_COMPACT)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"this JSON schema is none: {error}") from None
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        _check(matcher)
        return Constraint(matcher, self._num_tokens)


class Constraint:
    """The state of one constrained generation: ask what is allowed, then tell what was taken."""

    def __init__(self, matcher: LLMatcher, num_tokens: int) -> None:
        self._matcher = matcher
        self._words = np.zeros((num_tokens + 31) // 32, dtype=np.uint32)
        self._num_tokens = num_tokens

    def forced(self) -> list[int]:
        """The tokens that must come next, whatever the model says: `{"tool": "` at the start of an object."""
        return list(self._matcher.compute_ff_tokens())

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Which tokens may come next, shape (num_tokens,). Raises `ConfigError` where the schema got too complex."""
        self._matcher.unsafe_compute_mask_ptr(self._words.ctypes.data, self._words.nbytes)
        _check(self._matcher)
        bits = np.unpackbits(self._words.view(np.uint8), bitorder="little")
        return bits[: self._num_tokens].view(np.bool_)

    def take(self, token: int) -> None:
        """Move on by one allowed token."""
        taken = self._matcher.consume_token(token)
        assert taken, self._matcher.get_error()

    @property
    def finished(self) -> bool:
        """Whether the document is complete and nothing may follow."""
        return bool(self._matcher.is_stopped())


def _check(matcher: LLMatcher) -> None:
    if matcher.is_error():
        raise ConfigError(f"this JSON schema can not be enforced: {matcher.get_error()}")
