"""The embedded engine: asyncio on one side, one thread that runs llama.cpp on the other."""

import asyncio
import atexit
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from agentflow.engines.decoding.chat import ChatTemplate
from agentflow.engines.decoding.constraint import Constraint, ConstraintFactory
from agentflow.engines.decoding.generation import Generation
from agentflow.engines.local.evaluator import compute
from agentflow.engines.local.guidance import constraint_factory
from agentflow.engines.local.llama import Adapter, Context, Model
from agentflow.engines.local.scheduler import Scheduler, Statistics
from agentflow.engines.local.settings import LocalSettings
from agentflow.errors import ConfigError, EngineError, PromptTooLong, UnknownName
from agentflow.types import Capabilities, Completion, JsonSchema, Message, Sampling, Usage

BASE = "base"  # the policy version of a model without an adapter
CACHED_PER_RUNNING = 4  # sequences kept in the cache for each that may run: one for every module of a flow


Result = TypeVar("Result")


class LocalEngine:
    """llama.cpp in this process behind the `Engine` protocol. It belongs to one event loop.

    Calls run concurrently in one batch (`scheduler.py`). The same prompt, seed and settings give the same text where
    the call runs alone on a fresh cache; beside others, or on a prefix that was evaluated in other batches, the last
    bits of the logits can differ, and so, now and then, a token.

    A LoRA adapter applies to the whole engine: load it by name, then make it the policy. Generations that run are
    finished with the old one first, and the cache is cleared. The name is the policy version of what follows; "base"
    is that of the model alone. A name stands for one set of weights until `unload_adapter` frees it.

    Example::

        engine = open_local("smollm2-135m")
        completion = await engine.complete([Message(role="user", content="Hello")], Sampling(max_tokens=8))
    """

    def __init__(self, name: str, model_path: Path, settings: LocalSettings) -> None:
        self.name = name
        self.policy_version = BASE
        self._model = Model(model_path)
        try:
            self._template = ChatTemplate(self._model)
            num_sequences = CACHED_PER_RUNNING * settings.max_concurrency
            self._context = Context(
                self._model, cells=settings.cells, sequences=num_sequences, threads=settings.threads
            )
        except ConfigError:
            self._model.close()
            raise
        self._scheduler = Scheduler(self._context, max_running=settings.max_concurrency, num_sequences=num_sequences)
        self._adapters: dict[str, Adapter] = {}  # touched by the engine's thread alone, like all that llama.cpp holds
        self.context_length = min(settings.cells, self._model.training_context)
        self.capabilities = Capabilities(
            json_schema=True,
            token_ids=True,
            logprobs=True,
            seed=True,
            top_k=True,
            min_p=True,
            adapters=True,
            exact_token_count=True,
            context_length=self.context_length,
        )
        self._wake = threading.Condition()
        self._inbox: list[Callable[[], None]] = []  # asked by the event loop, done by the engine's thread
        self._promised: set[Future[Any]] = set()  # what callers wait for
        self._ended: Exception | None = None  # why nothing more is accepted
        self._thread = threading.Thread(target=self._work, name=f"engine {name}", daemon=True)
        self._thread.start()
        atexit.register(self._at_exit)

    @property
    def statistics(self) -> Statistics:
        """Tokens evaluated and reused since the start, as of now."""
        return replace(self._scheduler.statistics)

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a prompt, as the model will see it."""
        self._check_open()
        return self._template.encode(messages)

    def count_tokens(self, text: str) -> int:
        self._check_open()
        return len(self._model.tokenize(text))

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """Complete a chat prompt; see `Engine`.

        Raises `PromptTooLong`, `CapabilityError`, `ConfigError` for a schema that can not be enforced, and
        `EngineError` if llama.cpp fails. Cancelling the task stops the generation.
        """
        prompt = self.encode(messages)
        self._check_length(prompt, sampling)
        self.capabilities.require(self.name, sampling, json_schema=json_schema is not None)
        finished: Future[Completion] = Future()

        def submit() -> None:
            try:
                constraint = self._compile(json_schema)
            except ConfigError as error:
                _fail(finished, error)
                return
            generation = Generation(
                prompt,
                sampling,
                vocabulary=self._model,
                constraint=constraint,
                on_finish=lambda generation: _settle(finished, lambda: self._completion(generation)),
                is_cancelled=finished.cancelled,
            )
            self._scheduler.submit(generation)

        return await self._ask(submit, finished)

    async def load_adapter(self, name: str, path: Path) -> None:
        """Load a LoRA adapter (GGUF) under a name, which stands for these weights until it is unloaded.

        Raises `ConfigError` for a name that is loaded, for "base", and for a file that is no adapter of this model.
        """

        def load() -> None:
            if name == BASE or name in self._adapters:
                raise ConfigError(f"the name {name!r} is taken: a policy version stands for one set of weights")
            self._adapters[name] = Adapter(self._model, path)

        done: Future[None] = Future()
        await self._ask(lambda: _settle(done, load), done)

    async def use_adapter(self, name: str | None) -> None:
        """Make an adapter the policy (None: the base). Returns when the swap is done. Raises `UnknownName`."""
        self._find_adapter(name)  # a wrong name fails now, not when the generations that run are finished

        def swap() -> None:
            self._context.set_adapter(self._find_adapter(name))
            self.policy_version = name or BASE

        done: Future[None] = Future()
        await self._ask(lambda: self._scheduler.between_generations(lambda: _settle(done, swap)), done)

    async def unload_adapter(self, name: str) -> None:
        """Free an adapter; its name can be given again. Raises `UnknownName`, and `ConfigError` for the policy."""

        def unload() -> None:
            adapter = self._find_adapter(name)
            if name == self.policy_version:
                raise ConfigError(f"the adapter {name!r} is the policy: use another one first")
            assert adapter
            adapter.close()
            del self._adapters[name]

        done: Future[None] = Future()
        await self._ask(lambda: _settle(done, unload), done)

    async def close(self) -> None:
        """Stop the thread and free the memory. What still runs or waits fails with `EngineError`."""
        self._end()  # here and not in the other thread: nothing of this event loop uses the model from now on
        await asyncio.to_thread(self._free)

    def _check_open(self) -> None:
        if self._ended:
            raise EngineError(f"{self.name} is closed") from self._ended

    def _check_length(self, prompt: list[int], sampling: Sampling) -> None:
        if not prompt:
            raise ConfigError(f"{self.name} was given an empty prompt")
        if len(prompt) + sampling.max_tokens > self.context_length:
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens and may grow by {sampling.max_tokens} (max_tokens), but the "
                f"context of {self.name} holds {self.context_length}: shorten the prompt or lower max_tokens"
            )

    async def _ask(self, action: Callable[[], None], promised: "Future[Result]") -> Result:
        """Let the engine's thread do something, and wait for what that promises."""
        with self._wake:
            self._check_open()
            self._promised.add(promised)
            promised.add_done_callback(self._promised.discard)
            self._inbox.append(action)
            self._wake.notify()
        return await asyncio.wrap_future(promised)

    def _end(self) -> None:
        with self._wake:
            self._ended = self._ended or EngineError(f"{self.name} was closed")
            self._wake.notify()
        self._context.abort()

    def _free(self) -> None:
        self._thread.join()
        with self._wake:  # there can be two who close it at once
            self._context.close()
            self._model.close()
        atexit.unregister(self._at_exit)

    def _at_exit(self) -> None:
        """A thread that is inside llama.cpp while the process is taken apart would crash it."""
        self._end()
        self._free()

    # What follows runs in the engine's thread.

    def _work(self) -> None:
        try:
            while self._ended is None:
                self._run_once()
        except Exception as error:  # noqa: BLE001 - raised again in all who wait, or they would wait for ever
            self._ended = self._ended or error
        with self._wake:
            promised = list(self._promised)
        for future in promised:
            _fail(future, self._ended)

    def _run_once(self) -> None:
        """Sleep until there is something to do; do what was asked; run one round."""
        with self._wake:
            while not (self._inbox or self._scheduler.busy or self._ended):
                self._wake.wait()
            inbox, self._inbox = self._inbox, []
        for action in inbox:
            action()
        if self._scheduler.busy:
            compute(self._scheduler.step)

    @cached_property
    def _constraints(self) -> ConstraintFactory:
        return constraint_factory(self._model)  # half a second that only those pay who constrain

    def _compile(self, schema: JsonSchema | None) -> Constraint | None:
        return None if schema is None else self._constraints.compile(schema)

    def _find_adapter(self, name: str | None) -> Adapter | None:
        if name is None:
            return None
        if name not in self._adapters:
            raise UnknownName("adapter", name, self._adapters)
        return self._adapters[name]

    def _completion(self, generation: Generation) -> Completion:
        """Made in the engine's thread, so that the policy version is the one that drew the tokens."""
        if generation.error:
            raise generation.error
        assert generation.finish_reason
        return Completion(
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


def _settle(future: "Future[Result]", action: Callable[[], Result]) -> None:
    """Give a future what `action` returns or raises, unless nobody waits for it any more: then do nothing at all."""
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(action())
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)


def _fail(future: "Future[Any]", error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
