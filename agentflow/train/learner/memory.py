"""Whether a learner fits the memory, known before its weights are read."""

import ctypes
import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from agentflow.errors import ConfigError
from agentflow.train.learner.config import LearnerConfig

GIB = 2**30
_MMAP_THRESHOLD = -3  # its number in glibc's malloc.h


def check(shape: Any, config: LearnerConfig, device: str, path: Path) -> int:
    """Raise `ConfigError` if training the model of this shape does not fit; else the longest sample that does.

    `shape` is a transformers configuration.
    """
    available = available_bytes(device)
    fixed = fixed_bytes(shape, config, device)
    token = token_bytes(shape, config)
    wanted = fixed + token * config.token_budget
    if wanted > available:
        raise ConfigError(
            f"training {path} takes about {wanted / GIB:.1f} GiB ({fixed / GIB:.1f} for weights and optimizer, "
            f"{token * config.token_budget / GIB:.1f} for {config.token_budget} tokens at once) and "
            f"{available / GIB:.1f} GiB are free: {_advice(config)}"
        )
    return int(min((available - fixed) // token, shape.max_position_embeddings))


def fixed_bytes(shape: Any, config: LearnerConfig, device: str) -> int:
    """Weights, gradients, AdamW's two moments, the reference, and the logits of a chunk, in bytes."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(shape)
    num_weights = sum(int(weight.numel()) for weight in model.parameters())
    narrow = device == "cuda" and config.dtype in ("auto", "bfloat16")
    logits = 3 * 256 * int(shape.vocab_size) * 4
    if not config.lora_rank:
        return num_weights * (4 + 4 + 8 + (2 if narrow else 4)) + logits
    sizes = [
        int(layer.in_features + layer.out_features)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and name != "lm_head"
    ]
    return num_weights * (2 if narrow else 4) + sum(sizes) * config.lora_rank * 16 + logits


def token_bytes(shape: Any, config: LearnerConfig) -> int:
    """What a token keeps until its gradient, in bytes."""
    layers, size = int(shape.num_hidden_layers), int(shape.hidden_size)
    layer = 12 * size + 5 * int(shape.intermediate_size)
    if config.gradient_checkpointing:
        return 4 * (layers * size + 4 * layer)
    return 4 * layers * layer


def available_bytes(device: str) -> int:
    """Memory that is free: of the GPU, or of this machine within the limits that are set for this process."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # no Linux: all there is
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(free, _group_bytes())


def give_back_freed_blocks() -> None:
    """Let this process return each block of 1 MiB and more to the system when it is freed.

    glibc would keep them for later, and since tensors of all sizes come and go, the holes between them double the
    memory of an update (measured: 2.1 instead of 1.3 GiB). Elsewhere nothing is done.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, 2**20)


def _group_bytes() -> int:
    """What the control group of a container leaves; endless without one."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
    except OSError:
        return 2**63
    return 2**63 if limit == "max" else int(limit) - int(used)


def _advice(config: LearnerConfig) -> str:
    advice = ["a smaller model", "a smaller token_budget"]
    if not config.gradient_checkpointing:
        advice.insert(0, "gradient_checkpointing = true")
    if not config.lora_rank:
        advice.insert(0, "LoRA (lora_rank = 16)")
    return "take " + ", or ".join(advice)
