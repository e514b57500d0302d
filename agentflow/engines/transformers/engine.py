"""Sampling with torch behind the `Engine` protocol: asyncio between the rounds, a thread for each round."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agentflow.engines.decoding.chat import ChatTemplate
from agentflow.engines.decoding.generation import Generation
from agentflow.engines.transformers.batch import Batch
from agentflow.engines.transformers.sampling import draw
from agentflow.engines.transformers.settings import TransformersSettings
from agentflow.engines.transformers.vocabulary import Vocabulary
from agentflow.errors import ConfigError, EngineError, PromptTooLong
from agentflow.types import Capabilities, Completion, JsonSchema, Message, Sampling, Usage

BASE = "base"  # the policy version; whoever trains the model tells others another one (`PolicyEngine`)


class Row(Generation):
    """A generation whose next token is drawn for it, together with those of the others."""

    def __init__(self, prompt: list[int], sampling: Sampling, **rest: Any) -> None:
        super().__init__(prompt, sampling, **rest)
        self._dice = np.random.default_rng(None if sampling.seed is None else sampling.seed % 2**64)

    def throw(self) -> float:
        """An even number from [0, 1), from the row's own seed."""
        return float(self._dice.random())

    def allowed(self) -> npt.NDArray[np.bool_] | None:
        """Which tokens may come next; None for all."""
        try:
            return self._constraint.allowed() if self._constraint else None
        except ConfigError as error:
            self.error = error
            return None


class TransformersEngine:
    """A causal language model of transformers (or of peft) that samples for many callers in one batch.

    New calls join between two tokens; equal prompts that arrive together are evaluated once. The model can be one that
    is being trained: nobody may change its weights while calls run. It belongs to one event loop.

    The same prompt, seed and settings give the same text where the call runs alone; beside others the last bits of the
    logits can differ, and so, now and then, a token.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, settings: TransformersSettings | None = None) -> None:
        self.name = name
        self.policy_version = BASE
        self._settings = settings or TransformersSettings()
        self._model = model
        self._vocabulary = Vocabulary(tokenizer, model.config.vocab_size, _ends(model))
        self._template = ChatTemplate(self._vocabulary)
        self._waiting: deque[Row] = deque()
        self._batch = Batch(model)
        self._unsettled: list[Row] = []  # whose callers wait for them
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self.context_length = min(self._settings.cells, model.config.max_position_embeddings)
        self.capabilities = Capabilities(
            json_schema=True,
            token_ids=True,
            logprobs=True,
            seed=True,
            top_k=True,
            min_p=True,
            exact_token_count=True,
            context_length=self.context_length,
        )

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a prompt, as the model will see it."""
        return self._template.encode(messages)

    def count_tokens(self, text: str) -> int:
        return len(self._vocabulary.tokenize(text))

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, *, json_schema: JsonSchema | None = None
    ) -> Completion:
        """Complete a chat prompt; see `Engine`. Raises `PromptTooLong`, and `ConfigError` for a schema that is none."""
        if self._closed:
            raise EngineError(f"{self.name} is closed")
        prompt = self.encode(messages)
        if len(prompt) + sampling.max_tokens > self.context_length:
            raise PromptTooLong(
                f"the prompt has {len(prompt)} tokens and may grow by {sampling.max_tokens} (max_tokens), but the "
                f"context of {self.name} holds {self.context_length}: shorten the prompt or lower max_tokens"
            )
        constraint = None if json_schema is None else self._vocabulary.constraints.compile(json_schema)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        row = Row(
            prompt,
            sampling,
            vocabulary=self._vocabulary,
            constraint=constraint,
            on_finish=lambda _row: None if done.done() else done.set_result(None),
            is_cancelled=done.cancelled,
        )
        if not row.ended:
            self._unsettled.append(row)
            self._waiting.append(row)
            self._start_worker()
            try:
                await done
            finally:
                self._unsettled.remove(row)
        if row.error:
            raise row.error
        return self._completion(row)

    async def close(self) -> None:
        """What still runs or waits fails with `EngineError`."""
        self._closed = True
        if self._worker:
            await self._worker

    def _start_worker(self) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Round after round until nothing is left to do. Between two rounds the event loop alone touches the rows."""
        trains = self._model.training
        self._model.eval()  # no dropout, and no gradient checkpointing, which would do without the cache
        try:
            while (self._waiting or self._batch.rows) and not self._closed:
                admitted = self._admit()
                ended = await asyncio.to_thread(self._round, admitted)
                for row in ended:
                    row.on_finish(row)
            self._fail_all(EngineError(f"{self.name} was closed"))
        except Exception as error:  # noqa: BLE001 - raised again in all who wait, or they would wait for ever
            self._fail_all(EngineError(f"{self.name} failed: {type(error).__name__}: {error}"))
        finally:
            self._model.train(trains)

    def _admit(self) -> list[Row]:
        """Those of the waiting, the oldest first, for whom there is room now."""
        admitted: list[Row] = []
        while self._waiting:
            row = self._waiting[0]
            if row.is_cancelled():
                self._waiting.popleft()
                continue
            if not self._has_room([*admitted, row]):
                break
            admitted.append(self._waiting.popleft())
        return admitted

    def _has_room(self, newcomers: list[Row]) -> bool:
        """Whether the cache holds these too, to their ends, and their prompts can be evaluated in one go."""
        rows: list[Generation] = [*self._batch.rows, *newcomers]
        longest_prompt = max(len(row.target) for row in newcomers)
        still_to_come = max(row.most_tokens - len(row.target) for row in rows)
        cells = len(rows) * (max(self._batch.num_cells, longest_prompt) + still_to_come)
        prefill = len(newcomers) * longest_prompt
        return (
            len(rows) <= self._settings.max_concurrency
            and (len(rows) == 1 or cells <= self._settings.cells)
            and (len(newcomers) == 1 or prefill <= self._settings.prefill_tokens)
        )

    def _round(self, admitted: list[Row]) -> list[Row]:
        """One token for all that run, and the first one for those who come in: the rows that ended."""
        with torch.no_grad():
            ended = []
            if self._batch.rows:
                ended += self._advance(self._batch, self._batch.evaluate())
            if admitted:
                newcomers = Batch(self._model)
                ended += self._advance(newcomers, newcomers.start(admitted))
                self._batch.join(newcomers)
            return ended

    def _advance(self, batch: Batch, logits: torch.Tensor) -> list[Row]:
        """Draw a token for each row: the rows that it ended, which leave the batch."""
        rows: list[Any] = batch.rows
        allowed = [row.allowed() for row in rows]
        tokens, logprobs = draw(logits, [row.sampling for row in rows], [row.throw() for row in rows], allowed)
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            row.accept(token, logprob)
        ended = [row for row in rows if row.ended]
        batch.drop_ended()
        return ended

    def _fail_all(self, error: EngineError) -> None:
        """Tell everybody who still waits; those whose text was finished in a round that failed later get it."""
        self._batch = Batch(self._model)
        self._waiting.clear()
        for row in self._unsettled:
            if not row.ended:
                row.error = error
            row.on_finish(row)

    def _completion(self, row: Row) -> Completion:
        if row.finish_reason is None:
            raise ConfigError(f"{self.name} gave no reason to finish")
        return Completion(
            text=row.text,
            prompt_token_ids=tuple(row.prompt),
            token_ids=tuple(row.tokens),
            logprobs=tuple(row.logprobs),
            finish_reason=row.finish_reason,
            policy_version=self.policy_version,
            usage=Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.tokens)),
        )


def _ends(model: Any) -> set[int]:
    """The tokens that the model's own configuration says end a generation."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    return set(ends) if isinstance(ends, list) else set() if ends is None else {ends}
