"""The verbs of a learner on this machine: weights of its own, one optimizer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from agentflow.engines.models import find_model
from agentflow.errors import ConfigError
from agentflow.train.backend import Metrics
from agentflow.train.learner import attention, checkpoint, memory, weights
from agentflow.train.learner.batches import plan_batches
from agentflow.train.learner.config import LearnerConfig
from agentflow.train.learner.metrics import combine, measure
from agentflow.train.learner.micro_batch import MicroBatch, inputs, make_micro_batch, parts, recorded
from agentflow.train.learner.scoring import score
from agentflow.train.objective import ObjectiveConfig, flow_grpo_loss
from agentflow.train.samples import Floats, Sample

LOGIT_ROWS = 256  # predictions whose logits are alive at a time


class LocalLearner:
    """A `Backend` whose weights are in this process. Open it with `LocalLearner.open`.

    `model` is the transformers model, under its adapter with LoRA (a peft model). Not for two threads at once.
    """

    def __init__(self, model: Any, config: LearnerConfig, open_reference: Callable[[], Any], max_tokens: int) -> None:
        """`open_reference` gives the untrained weights again; it is called when all weights are trained and a
        reference is asked for. `max_tokens` is the longest sample that fits."""
        self.model, self.config, self.max_tokens = model, config, max_tokens
        self.threads = config.threads or torch.get_num_threads()
        self.trained: dict[str, Tensor] = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._open_reference, self._reference = open_reference, None
        self._optimizer = torch.optim.AdamW(
            self.trained.values(), betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        if config.gradient_checkpointing:
            _plain(model).activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})

    @classmethod
    def open(cls, model: str | Path, config: LearnerConfig | None = None) -> Self:
        """Read a model by its registry name, the path of a GGUF file, or a transformers folder.

        Raises `ConfigError` for what is no model, can not be trained here, or does not fit the memory.
        """
        config = config or LearnerConfig()
        path = find_model(model)
        device, dtype = _device(config), _dtype(config)
        memory.give_back_freed_blocks()
        max_tokens = memory.check(weights.read_shape(path), config, device, path)

        def opened(dtype: torch.dtype) -> Any:
            return weights.open_model(path, device=device, dtype=dtype)

        if not config.lora_rank:
            wide = torch.float64 if dtype == torch.float64 else torch.float32
            return cls(
                opened(wide).requires_grad_(True), config, lambda: opened(dtype).requires_grad_(False), max_tokens
            )
        base = opened(dtype)
        adapted = weights.add_adapter(base, rank=config.lora_rank, alpha=config.lora_alpha, seed=config.seed)
        return cls(adapted, config, lambda: base, max_tokens)

    def logprobs(self, samples: Sequence[Sample], *, reference: bool = False) -> list[Floats]:
        """See `Backend.logprobs`."""
        found: list[Floats | None] = [None] * len(samples)
        with torch.no_grad(), self._as_reference() if reference else nullcontext(self.model) as model:
            for indices, batch in self._batches(samples):
                hidden = self._hidden(model, batch)
                scored = [
                    self._score(model, batch, hidden[part.rows], part.rows)[0] for part in parts(batch, LOGIT_ROWS)
                ]
                for index, values in zip(indices, batch.by_sample(torch.cat(scored)), strict=True):
                    found[index] = values
        return [values for values in found if values is not None]

    def forward_backward(
        self,
        samples: Sequence[Sample],
        objective: ObjectiveConfig,
        *,
        old_logprobs: Sequence[Floats] | None = None,
        reference_logprobs: Sequence[Floats] | None = None,
    ) -> Metrics:
        """See `Backend.forward_backward`; `metrics` says what the numbers are. No sample gives no metrics."""
        if objective.needs_reference and reference_logprobs is None:
            raise ValueError("this objective has a KL term: wanted reference_logprobs")
        if objective.importance == "truncated" and old_logprobs is None:
            raise ValueError("importance 'truncated' needs old_logprobs")
        measured: list[Metrics] = []
        self.model.train()  # for checkpointing; nothing here drops out
        for indices, batch in self._batches(samples):
            known = recorded(
                [samples[index] for index in indices],
                old_logprobs and [old_logprobs[index] for index in indices],
                reference_logprobs and [reference_logprobs[index] for index in indices],
            )
            hidden = self._hidden(self.model, batch)
            gradients = []
            for part in parts(batch, LOGIT_ROWS):
                # The loss is a sum over tokens, so its gradient at these rows needs no other row's logits.
                rows = hidden[part.rows].detach().requires_grad_()
                tokens = known.tokens(part, *self._score(self.model, batch, rows, part.rows))
                loss = flow_grpo_loss(tokens, objective)
                loss.backward()
                gradients.append(rows.grad)
                measured.append(measure(tokens, objective, loss.detach()))
            hidden.backward(torch.cat(gradients))
        self.model.eval()
        return combine(measured)

    def optim_step(self, lr: float, *, max_grad_norm: float) -> float:
        """See `Backend.optim_step`."""
        torch.set_num_threads(self.threads)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained.values(), max_grad_norm))
        if norm == norm and norm != float("inf"):
            for group in self._optimizer.param_groups:
                group["lr"] = lr
            self._optimizer.step()
        self.discard_gradient()
        return norm

    def discard_gradient(self) -> None:
        """See `Backend.discard_gradient`."""
        self._optimizer.zero_grad(set_to_none=True)

    def save(self, folder: Path) -> None:
        """See `Backend.save`. A gradient that waits for its step is not saved."""
        checkpoint.write(folder, weights=self.trained, optimizer=self._optimizer.state_dict(), about=self._about())

    def load(self, folder: Path) -> None:
        """See `Backend.load`. Raises `ConfigError`, and changes nothing, where the checkpoint is damaged or of
        another model or rank."""
        found, optimizer, states = checkpoint.read(folder, self._about())
        with torch.no_grad():
            for name, weight in self.trained.items():
                weight.copy_(found[name])
        self._optimizer.load_state_dict(optimizer)
        self.discard_gradient()
        checkpoint.restore_random(states)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.model.device
        return device

    def _batches(self, samples: Sequence[Sample]) -> Iterator[tuple[list[int], MicroBatch]]:
        torch.set_num_threads(self.threads)  # other parts of the process may have set their own
        sequences = [inputs(sample) for sample in samples]
        for sequence, sample in zip(sequences, samples, strict=True):
            if len(sequence) > self.max_tokens:
                raise ConfigError(
                    f"sample {sample.name!r} has {len(sequence)} tokens and at most {self.max_tokens} fit: shorten the "
                    "prompts, or free memory"
                )
        share = self.config.share_prefixes
        for indices in plan_batches(sequences, self.config.token_budget, share=share):
            yield indices, make_micro_batch([samples[index] for index in indices], share=share)

    def _hidden(self, model: Any, batch: MicroBatch) -> Tensor:
        """The last hidden states where something is predicted, shape (predictions, size)."""
        tree, device = batch.tree, self.device
        with self._precision():
            states = _plain(model).model(
                input_ids=torch.from_numpy(tree.token_ids)[None].to(device),
                position_ids=torch.from_numpy(tree.positions)[None].to(device),
                use_cache=False,
                **attention.arguments(tree, device),
            )
        hidden: Tensor = states.last_hidden_state[0, batch.places.to(device)]
        return hidden

    def _score(self, model: Any, batch: MicroBatch, hidden: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        weight = _plain(model).get_output_embeddings().weight
        return score(hidden, weight, batch.targets[rows].to(hidden.device), self.config.temperature)

    def _precision(self) -> AbstractContextManager[Any]:
        if _dtype(self.config) != torch.bfloat16:
            return nullcontext()
        autocast: AbstractContextManager[Any] = torch.autocast(self.device.type, dtype=torch.bfloat16)
        return autocast

    @contextmanager
    def _as_reference(self) -> Iterator[Any]:
        if self.config.lora_rank:
            with self.model.disable_adapter():
                yield self.model
            return
        if self._reference is None:
            self._reference = self._open_reference()
        yield self._reference

    def _about(self) -> dict[str, Any]:
        shapes = {name: list(weight.shape) for name, weight in self.trained.items()}
        return {"lora_rank": self.config.lora_rank, "lora_alpha": self.config.lora_alpha, "shapes": shapes}


def _plain(model: Any) -> Any:
    """The transformers model inside a peft model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _device(config: LearnerConfig) -> str:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError('device = "cuda", but torch finds no GPU here: install a build of torch for it, or use "cpu"')
    if config.device != "auto":
        return config.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(config: LearnerConfig) -> torch.dtype:
    if config.dtype == "auto":
        return torch.bfloat16 if _device(config) == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, config.dtype)
    return dtype
