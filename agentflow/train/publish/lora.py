"""A LoRA adapter of peft as the GGUF file that llama.cpp loads beside its model."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from torch import Tensor

from agentflow.engines.transformers.architecture import Architecture, Array
from agentflow.errors import ConfigError
from agentflow.train.publish.files import written_whole

FACTOR = re.compile(r"(?:base_model\.model\.)?(model\.layers\..+)\.lora_([AB])(?:\.\w+)?\.weight")


def export_lora_gguf(state: Mapping[str, Tensor], config: Any, architecture: Architecture, path: Path) -> Path:
    """Write an adapter, whole or not at all.

    `state` holds the factors by peft's names, from a saved adapter or from a live model (`adapter_of`); `config` is its
    `LoraConfig`. Raises `ConfigError` for what llama.cpp can not apply.
    """
    _check(config)
    factors = {_read_name(name): tensor for name, tensor in state.items()}
    if not factors:
        raise ConfigError("there is no LoRA adapter in this model")
    # llama.cpp scales by alpha / rank, and so does peft, but for its rank-stabilised kind.
    alpha = config.lora_alpha * (config.r**0.5 if config.use_rslora else 1)
    num_bytes = 4 * sum(tensor.numel() for tensor in factors.values())
    with written_whole(path, num_bytes) as partial:
        writer = gguf.GGUFWriter(partial, architecture.name)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
        for (module, factor), tensor in factors.items():
            rows = _rows(tensor)
            if factor == "B":  # its rows are those of the weight
                rows = architecture.laid_out(module, rows)
            writer.add_tensor(f"{architecture.gguf_name(module)}.weight.lora_{factor.lower()}", rows)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return path


def _check(config: Any) -> None:
    unfit = [name for name in ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save") if getattr(config, name)]
    unfit += ["bias"] if config.bias != "none" else []
    if unfit:
        raise ConfigError(f"llama.cpp can not apply an adapter with {', '.join(unfit)}: use a plain LoRA adapter")


def _read_name(name: str) -> tuple[str, str]:
    """
    >>> _read_name("base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight")
    ('model.layers.0.mlp.up_proj', 'A')
    """
    found = FACTOR.fullmatch(name)
    if found is None:
        raise ConfigError(f"llama.cpp can not apply {name}: adapt the attention and feed-forward matrices alone")
    return found[1], found[2]


def _rows(tensor: Tensor) -> Array:
    rows: Array = np.ascontiguousarray(tensor.detach().float().cpu().numpy())
    return rows
