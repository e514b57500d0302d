"""The embedded engine: asyncio on one side, one thread that runs llama.cpp on the other."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from agentflow.engines.local.chat import ChatTemplate
from agentflow.engines.local.constraint import ConstraintFactory
from agentflow.engines.local.generation import Generation
from agentflow.engines.local.llama import Adapter, Context, Model
from agentflow.engines.local.scheduler import Scheduler, Statistics
from agentflow.errors import ConfigError, EngineError, PromptTooLong, UnknownName
from agentflow.types import Capabilities, Completion, JsonSchema, Message, Sampling, Usage

BASE = "base"  # the policy version of a model without an adapter
CACHED_PER_RUNNING = 4  # sequences kept in the cache for each that may run: one for every module of a flow

_one_at_a_time = threading.Lock()  # two engines that evaluate at once would only take the cores from each other

Result = TypeVar("Result")


class LocalSettings(BaseModel):
    """Settings of the embedded engine.

    `cells` is the size of the KV cache in tokens, shared by all that runs: 28 KB each for the 1.5B model.
    `max_concurrency` generations are evaluated together; more wait. `threads` is counted from the cores this process
    may use unless it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = Field(default=32768, ge=256)
    max_concurrency: int = Field(default=16, ge=1, le=64)
    threads: int | None = Field(default=None, ge=1)


class LocalEngine:
    """llama.cpp in this process behind the `Engine` protocol.

    Calls run concurrently in one batch (`scheduler.py`). The same prompt, seed and settings give the same text where
    the call runs alone; beside others the last bits of the logits can differ.

    A LoRA adapter applies to the whole engine: load it by name, then make it the policy. Generations that run are
    finished with the old one first, and the cache is cleared.

    Example::

        engine = open_local("smollm2-135m")
        completion = await engine.complete([Message(role="user", content="Hello")], Sampling(max_tokens=8))
    """

    def __init__(self, name: str, model_path: Path, settings: LocalSettings) -> None:
        self.name = name
        self.policy_version = BASE
        self._model = Model(model_path)
        self._template = ChatTemplate(self._model)
        self._constraints = ConstraintFactory(self._model)
        num_sequences = CACHED_PER_RUNNING * settings.max_concurrency
        self._context = Context(
            self._model, cells=settings.cells, sequences=num_sequences, threads=settings.threads or _num_cores()
        )
        self._scheduler = Scheduler(self._context, max_running=settings.max_concurrency, num_sequences=num_sequences)
        self._adapters: dict[str, Adapter] = {}
        self.capabilities = Capabilities(
            json_schema=True,
            token_ids=True,
            logprobs=True,
            seed=True,
            top_k=True,
            min_p=True,
            adapters=True,
            exact_token_count=True,
            context_length=min(settings.cells, self._model.training_context),
        )
        self._wake = threading.Condition()
        self._inbox: list[Callable[[], None]] = []  # asked by other threads, done by the engine's own
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"engine {name}", daemon=True)
        self._thread.start()

    @property
    def statistics(self) -> Statistics:
        """Tokens evaluated and reused since the start."""
        return self._scheduler.statistics

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a prompt, as the model will see it."""
        return self._template.encode(messages)

    def count_tokens(self, text: str) -> int:
        return len(self._model.tokenize(text, special=False))

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """Complete a chat prompt; see `Engine`.

        Raises `PromptTooLong`, `ConfigError` for a schema that can not be enforced, `EngineError` if llama.cpp fails.
        Cancelling the task stops the generation.
        """
        prompt = self.encode(messages)
        self._check_length(prompt, sampling)
        finished: Future[Completion] = Future()
        generation = Generation(
            prompt,
            sampling,
            vocabulary=self._model,
            constraint=self._constraints.compile(json_schema) if json_schema is not None else None,
            on_finish=lambda generation: self._resolve(finished, generation),
        )
        self._ask(lambda: self._scheduler.submit(generation))
        try:
            return await asyncio.wrap_future(finished)
        finally:
            generation.cancelled = True

    async def load_adapter(self, name: str, path: Path) -> None:
        """Load a LoRA adapter (GGUF) under a name. An older one of that name stays in use until `use_adapter`."""
        if not path.is_file():
            raise ConfigError(f"no adapter at {path}")
        self._adapters[name] = await asyncio.to_thread(Adapter, self._model, path)

    async def use_adapter(self, name: str | None) -> None:
        """Make an adapter the policy (None: the base). Returns when the swap is done."""
        if name is not None and name not in self._adapters:
            raise UnknownName("adapter", name, self._adapters)
        swapped: Future[None] = Future()

        def swap() -> None:
            self._context.set_adapter(self._adapters[name] if name else None)
            self.policy_version = name or BASE
            swapped.set_result(None)

        self._ask(lambda: self._scheduler.between_generations(swap))
        await asyncio.wrap_future(swapped)

    async def close(self) -> None:
        """Stop the thread and free the memory. What still runs or waits fails with `EngineError`."""
        if self._closed:
            return
        self._ask(lambda: self._scheduler.fail_all(EngineError(f"{self.name} was closed")))
        with self._wake:
            self._closed = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)
        self._context.close()
        self._model.close()

    def _check_length(self, prompt: list[int], sampling: Sampling) -> None:
        limit = self.capabilities.context_length
        assert limit is not None
        if len(prompt) + sampling.max_tokens > limit:
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens and may grow by {sampling.max_tokens} (max_tokens), but the "
                f"context of {self.name} holds {limit}: shorten the prompt or lower max_tokens"
            )

    def _resolve(self, finished: "Future[Completion]", generation: Generation) -> None:
        """In the engine's thread, so that the policy version is the one that drew the tokens."""
        if generation.cancelled or not finished.set_running_or_notify_cancel():
            return
        if generation.error:
            finished.set_exception(generation.error)
            return
        assert generation.finish_reason
        finished.set_result(
            Completion(
                text=generation.text,
                prompt_token_ids=tuple(generation.prompt),
                token_ids=tuple(generation.tokens),
                logprobs=tuple(generation.logprobs),
                finish_reason=generation.finish_reason,
                policy_version=self.policy_version,
                usage=Usage(
                    prompt_tokens=len(generation.prompt),
                    completion_tokens=len(generation.tokens),
                    cached_tokens=generation.cached_tokens,
                ),
            )
        )

    def _ask(self, action: Callable[[], None]) -> None:
        with self._wake:
            if self._closed:
                raise EngineError(f"{self.name} is closed")
            self._inbox.append(action)
            self._wake.notify()

    def _work(self) -> None:
        """The thread's loop: do what was asked, run one round, sleep when there is nothing to do."""
        while True:
            with self._wake:
                while not (self._inbox or self._scheduler.busy or self._closed):
                    self._wake.wait()
                inbox, self._inbox = self._inbox, []
                closed = self._closed
            for action in inbox:
                action()
            if closed:
                return
            with _one_at_a_time:
                self._scheduler.step()


def _num_cores() -> int:
    """Cores that this process may use; more than eight gain little and disturb the rest of the machine."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)
