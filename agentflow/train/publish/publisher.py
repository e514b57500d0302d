"""What the trainer asks of a publisher, and the engine that stays the same while its weights change."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from agentflow.errors import ConfigError
from agentflow.types import Capabilities, Completion, Engine, JsonSchema, Message, Sampling

VERSION = re.compile(r"[\w.-]+")


class Publisher(Protocol):
    """Brings the learner's weights to the engine that samples.

    `engine` is one object from the first version to the last. It is the publisher's, and closed by it.
    """

    @property
    def engine(self) -> Engine: ...

    async def publish(self, version: str) -> None:
        """When this returns, the engine samples the weights that the learner has now, and its completions carry
        `version`. Generations that run are finished with the old weights first. The learner must not step meanwhile.

        If it fails, the engine goes on with the version before.
        """
        ...

    async def close(self) -> None: ...


def check_version(version: str) -> None:
    """Raise `ConfigError` for a version that can not be part of a file's name.

    >>> check_version("step-12")
    """
    if not VERSION.fullmatch(version):
        raise ConfigError(f"{version!r} can not name a policy version: letters, digits, '.', '_' and '-' alone")


class PolicyEngine:
    """An `Engine` that passes calls on to another one, which can be exchanged between two calls."""

    def __init__(self, engine: Engine, name: str, version: str) -> None:
        self.name = name
        self.policy_version = version
        self.capabilities: Capabilities = engine.capabilities
        self._engine = engine
        self._changed = asyncio.Condition()
        self._num_running = 0
        self._replacing = False

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """As the engine behind it; the completion carries the policy version that it was sampled with."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._replacing)
            self._num_running += 1
        try:
            completion = await self._engine.complete(messages, sampling, json_schema=json_schema)
            return completion.model_copy(update={"policy_version": self.policy_version})
        finally:
            self._num_running -= 1
            await self._tell()

    async def replace(self, version: str, change: Callable[[Engine], Awaitable[Engine]]) -> Engine:
        """Let `change` make a new engine of the old one, with no call running: new calls wait. Returns the old one.

        If `change` raises, the old one stays.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: not self._replacing)
            self._replacing = True
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self._num_running == 0)
            old, self._engine = self._engine, await change(self._engine)
            self.policy_version = version
            return old
        finally:
            self._replacing = False
            await self._tell()

    async def close(self) -> None:
        await self._engine.close()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
