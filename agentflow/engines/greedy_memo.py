"""An engine that answers the same greedy request once, however often it is asked.

The rollouts of one task begin alike, and the frozen modules of a flow are greedy: most of their calls are repeats.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from agentflow.types import Capabilities, Completion, Engine, JsonSchema, Message, Sampling

Key = tuple[tuple[Message, ...], str, str]
MOST_REMEMBERED = 20_000  # completions; about 3 kB each


class GreedyMemo:
    """Wraps an engine. Requests at temperature 0 that are equal but for their seed share one completion.

    Whatever is sampled is passed on. A request that fails is forgotten, so that the next one tries again.
    """

    def __init__(self, engine: Engine, most: int = MOST_REMEMBERED) -> None:
        self.engine = engine
        self._most = most
        self._completions: OrderedDict[Key, asyncio.Future[Completion]] = OrderedDict()
        self.num_asked = self.num_remembered = 0

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def capabilities(self) -> Capabilities:
        return self.engine.capabilities

    def count_tokens(self, text: str) -> int:
        return self.engine.count_tokens(text)

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """As the engine itself; see `Engine`."""
        if sampling.temperature != 0:
            return await self.engine.complete(messages, sampling, json_schema=json_schema)
        key = (tuple(messages), sampling.model_copy(update={"seed": None}).model_dump_json(), repr(json_schema))
        self.num_asked += 1
        if key in self._completions:
            self.num_remembered += 1
            self._completions.move_to_end(key)
        else:
            request = self.engine.complete(messages, sampling, json_schema=json_schema)
            self._remember(key, asyncio.ensure_future(request))
        return await asyncio.shield(self._completions[key])  # one who gives up must not take it from the others

    def _remember(self, key: Key, request: "asyncio.Future[Completion]") -> None:
        self._completions[key] = request
        request.add_done_callback(lambda done: self._forget_failure(key, done))
        if len(self._completions) > self._most:
            self._completions.popitem(last=False)

    def _forget_failure(self, key: Key, done: "asyncio.Future[Completion]") -> None:
        if done.cancelled() or done.exception():
            self._completions.pop(key, None)

    async def close(self) -> None:
        """Close the engine; what nobody waits for any more is cancelled."""
        for request in self._completions.values():
            request.cancel()
        self._completions.clear()
        await self.engine.close()
