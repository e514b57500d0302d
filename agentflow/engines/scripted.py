"""An engine whose replies are written down beforehand: for tests, examples and demonstrations. No model, no network.

engine = ScriptedEngine(["first reply", "second reply"])
engine = ScriptedEngine(lambda messages, sampling, json_schema: messages[-1].content.upper())
engine = ScriptedEngine([EngineError("server down"), "then a reply"], latency_seconds=0.01)
"""

import asyncio
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from agentflow.errors import ConfigError
from agentflow.types import Capabilities, Completion, JsonSchema, Message, Sampling, Usage

Reply = str | Completion | Exception
ReplyFunction = Callable[[Sequence[Message], Sampling, JsonSchema | None], Reply]

EVERYTHING = Capabilities(
    json_schema=True,
    token_ids=True,
    logprobs=True,
    seed=True,
    top_k=True,
    min_p=True,
    adapters=True,
    exact_token_count=True,
)
TEXT_ONLY = EVERYTHING.model_copy(update={"token_ids": False, "logprobs": False, "adapters": False})


class Request(NamedTuple):
    """What one call of a scripted engine was given."""

    messages: tuple[Message, ...]
    sampling: Sampling
    json_schema: JsonSchema | None


class ScriptedEngine:
    """An `Engine` that answers from a script, and records what it was asked in `requests`.

    `replies`: either replies for one call each, in the order of the calls, or a function of the call's arguments.
    A reply is a text, a whole `Completion`, or an exception to raise; it is passed on as it is, so that a text is
    neither cut at `max_tokens` nor checked against a schema.
    `capabilities`: what it claims to take, all but token ids by default. With `EVERYTHING` (or with `token_ids` set)
    each text comes with a token id for every piece between white space, the same for the same piece on any machine,
    drawn with probability 1 (log-probability 0).
    `latency_seconds`: how long every call takes.

    >>> import asyncio
    >>> asyncio.run(ScriptedEngine(["4"]).complete([Message(role="user", content="2 + 2?")], Sampling())).text
    '4'
    """

    def __init__(
        self,
        replies: Iterable[Reply] | ReplyFunction,
        *,
        name: str = "scripted",
        capabilities: Capabilities = TEXT_ONLY,
        latency_seconds: float = 0.0,
    ) -> None:
        self._reply = replies if callable(replies) else _in_order(name, replies)
        self._name, self._capabilities, self._latency_seconds = name, capabilities, latency_seconds
        self.requests: list[Request] = []
        self.closed = False

    def __repr__(self) -> str:
        return f"ScriptedEngine({self._name!r})"

    @property
    def name(self) -> str:
        """`scripted`, or the specification it was opened by."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it was told to claim."""
        return self._capabilities

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """The next reply. Raises `CapabilityError`, the scripted exception, or `ConfigError` where the script ends."""
        self._capabilities.require(self._name, sampling, json_schema=json_schema is not None)
        self.requests.append(Request(tuple(messages), sampling, json_schema))
        reply = self._reply(messages, sampling, json_schema)
        await asyncio.sleep(self._latency_seconds)  # with 0 too: other tasks get their turn, as with a real engine
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Completion) else self._completion(messages, reply)

    def _completion(self, messages: Sequence[Message], text: str) -> Completion:
        prompt = " ".join(f"{message.role} {message.content}" for message in messages)
        token_ids = _token_ids(text) if self._capabilities.token_ids else ()
        return Completion(
            text=text,
            prompt_token_ids=_token_ids(prompt) if self._capabilities.token_ids else (),
            token_ids=token_ids,
            logprobs=(0.0,) * len(token_ids) if self._capabilities.logprobs else (),
            usage=Usage(prompt_tokens=self.count_tokens(prompt), completion_tokens=self.count_tokens(text)),
        )

    def count_tokens(self, text: str) -> int:
        """Pieces between white space.

        >>> ScriptedEngine([]).count_tokens("two words")
        2
        """
        return len(text.split())

    async def close(self) -> None:
        """Nothing to close; `closed` records it."""
        self.closed = True


def _token_ids(text: str) -> tuple[int, ...]:
    return tuple(zlib.crc32(piece.encode()) & 0x7FFFFFFF for piece in text.split())


def _in_order(name: str, replies: Iterable[Reply]) -> ReplyFunction:
    remaining, used = iter(replies), 0

    def next_reply(*_: object) -> Reply:
        nonlocal used
        for reply in remaining:
            used += 1
            return reply
        return ConfigError(f"engine {name!r}: its script of {used} replies is used up, and a further call came")

    return next_reply
