"""Models of a few thousand random weights, and random samples that share prefixes in every way."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from agentflow.train.learner import LearnerConfig, LocalLearner
from agentflow.train.samples import Floats, PlannerTurn, Sample, make_sample

VOCABULARY, CONTEXT = 40, 64
_KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {"tie_word_embeddings": False}),
    "qwen2-tied": (Qwen2Config, Qwen2ForCausalLM, {"tie_word_embeddings": True}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"head_dim": 8}),
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
}
KINDS = tuple(_KINDS)


def write_model(folder: Path, kind: str = "llama", **changes: Any) -> Path:
    """A transformers folder with a model of this kind; weights large enough that tokens matter to each other."""
    config_class, model_class, shape = _KINDS[kind]
    config = config_class(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        **{"initializer_range": 0.1, **shape, **changes},
    )
    torch.manual_seed(0)
    model = model_class(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(std=0.2)
    model.save_pretrained(folder)
    return folder


def open_learner(folder: Path, **settings: Any) -> LocalLearner:
    """One thread, and a small adapter unless told otherwise."""
    small = {"threads": 1, "lora_rank": 4, "lora_alpha": 8.0, "device": "cpu"}
    return LocalLearner.open(folder, LearnerConfig(**{**small, **settings}))


def shake(learner: LocalLearner, size: float = 0.05) -> None:
    """Change the trained weights by noise: a fresh adapter changes nothing yet."""
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in learner.trained.values():
            weight += size * torch.randn(weight.shape, generator=noise, dtype=weight.dtype)


def random_samples(seed: int, *, num_samples: int = 7) -> list[Sample]:
    """Samples grown on each other: shared prompts, prompts that contain others, equal samples, prefixes of others."""
    random = np.random.default_rng(seed)
    texts: list[list[int]] = [random.integers(0, VOCABULARY, 8).tolist()]
    samples = []
    for index in range(num_samples):
        parent = texts[random.integers(len(texts))]
        kept = parent[: random.integers(0, len(parent) + 1)]
        text = [*kept, *random.integers(0, VOCABULARY, random.integers(0, 9)).tolist()]
        while len(text) < 2:
            text.append(int(random.integers(VOCABULARY)))
        text = text[:40]
        texts.append(text)
        prompt = int(random.integers(1, len(text)))
        actions = tuple(text[prompt:])
        logprobs = tuple((-4 + random.standard_normal(len(actions))).tolist())
        turn = PlannerTurn(tuple(text[:prompt]), actions, logprobs)
        samples.append(
            make_sample(turn, float(random.standard_normal()), 1 / (num_samples * len(actions)), f"sample {index}")
        )
    return [*samples, samples[0], samples[-1]]


def plain_logprobs(folder: Path, sample: Sample, temperature: float = 1.0) -> Floats:
    """Log-probabilities of the action tokens by transformers' own forward of the sample alone."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        logits = model(torch.from_numpy(sample.token_ids)[None]).logits[0] / temperature
    places = np.flatnonzero(sample.mask)
    result: Floats = torch.log_softmax(logits, dim=-1)[places - 1, sample.token_ids[places]].numpy()
    return result
