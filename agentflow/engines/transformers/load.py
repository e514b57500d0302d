"""A model for torch: from a transformers folder, or dequantised from a GGUF file."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from agentflow.engines.transformers.architecture import INSIDE, KNOWN, OUTSIDE, Architecture
from agentflow.engines.transformers.gguf_file import open_gguf, read_field
from agentflow.errors import ConfigError

NAMES = {theirs: ours for ours, theirs in (OUTSIDE | INSIDE).items()}


def load_model(
    path: Path, *, dtype: "torch.dtype" = torch.float32, device: str = "cpu", attention: str = "sdpa"
) -> Any:
    """The causal language model in a transformers folder or in a GGUF file (Llama, Qwen2, Qwen3), in evaluation
    mode.

    A GGUF file is dequantised tensor by tensor; the model is as any other and can be saved. `attention` is one of
    transformers' attention implementations. Raises `ConfigError`.
    """
    load = _dequantised if path.is_file() else _loaded
    model = load(path, dtype, device, attention)
    return model.to(device).eval()


def _loaded(folder: Path, dtype: "torch.dtype", _device: str, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, attn_implementation=attention
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} holds no model that transformers can load: {error}") from error


def read_config(path: Path) -> Any:
    """The transformers configuration of a GGUF file: its shape, without its weights. Raises `ConfigError`."""
    return _config(path, {tensor.name: tensor for tensor in open_gguf(path).tensors})


def _dequantised(path: Path, dtype: "torch.dtype", device: str, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    tensors = {tensor.name: tensor for tensor in open_gguf(path).tensors}
    config = _config(path, tensors)
    architecture = Architecture.of(config)
    state = {}
    for name, tensor in tensors.items():
        module, kind = _module(path, name)
        rows = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        weight = torch.from_numpy(np.ascontiguousarray(architecture.restored(module, rows)))
        state[f"{module}.{kind}"] = weight.to(device, dtype)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
    fitted = model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    lacking = set(fitted.missing_keys) - ({"lm_head.weight"} if config.tie_word_embeddings else set())
    if lacking or fitted.unexpected_keys:
        raise ConfigError(f"{path} can not be read: {sorted(lacking or fitted.unexpected_keys)[0]} is not as expected")
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its frequencies are no weights
    return model


def _module(path: Path, name: str) -> tuple[str, str]:
    """The module and the kind of a tensor: `blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj`, `weight`."""
    *block, part, kind = name.split(".")
    if part not in NAMES:
        raise ConfigError(f"{path.name} holds {name}, which is not supported: give the model as a transformers folder")
    return (f"model.layers.{block[1]}." if block else "") + NAMES[part], kind


def _config(path: Path, tensors: dict[str, Any]) -> Any:
    from transformers import AutoConfig

    kind = read_field(path, "general.architecture")
    if kind not in KNOWN:
        raise ConfigError(
            f"{path.name} is a {kind} model (known: {', '.join(KNOWN)}): give it as a transformers folder"
        )

    def read(key: str) -> Any:
        return read_field(path, f"{kind}.{key}")

    shape = {
        "vocab_size": int(tensors["token_embd.weight"].shape[1]),
        "hidden_size": read("embedding_length"),
        "intermediate_size": read("feed_forward_length"),
        "num_hidden_layers": read("block_count"),
        "num_attention_heads": read("attention.head_count"),
        "num_key_value_heads": read("attention.head_count_kv"),
        "rms_norm_eps": read("attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": read("context_length"),
        "rope_parameters": {"rope_type": "default", "rope_theta": read("rope.freq_base") or 10000.0},
        "tie_word_embeddings": "output.weight" not in tensors,
        "bos_token_id": read_field(path, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": read_field(path, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": read_field(path, "tokenizer.ggml.padding_token_id"),
    }
    if kind != "qwen2":  # which has these biases always, and heads of their share always
        shape["attention_bias"] = "blk.0.attn_q.bias" in tensors
        shape["head_dim"] = read("attention.key_length") or shape["hidden_size"] // shape["num_attention_heads"]
    return AutoConfig.for_model(kind, **shape)
