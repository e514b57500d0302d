"""A model's weights from disk, in torch: a transformers folder or a GGUF file, plain or under a LoRA adapter."""

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from agentflow.engines.transformers.load import load_model, read_config
from agentflow.errors import ConfigError
from agentflow.train.learner import attention

ARCHITECTURES = ("llama", "qwen2", "qwen3")  # those for which tests compare a tree with separate sequences


def read_shape(path: Path) -> Any:
    """A transformers configuration: the shape of the model at `path`. Nothing of the weights is read.

    Raises `ConfigError` for a model that can not be trained here.
    """
    try:
        config = read_config(path) if path.is_file() else AutoConfig.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} can not be opened as a model: {error}") from None
    if config.model_type not in ARCHITECTURES:
        raise ConfigError(
            f"can not train a {config.model_type} model ({path}): wanted one of {', '.join(ARCHITECTURES)}"
        )
    if set(getattr(config, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        raise ConfigError(f"can not train {path}: it has layers with sliding windows, wanted full attention in each")
    return config


def open_model(path: Path, *, device: str, dtype: torch.dtype) -> Any:
    """The weights as a transformers model in evaluation mode, with attention that knows trees."""
    return load_model(path, dtype=dtype, device=device, attention=attention.NAME)


def add_adapter(model: Any, *, rank: int, alpha: float, seed: int) -> Any:
    """The model under a fresh LoRA adapter on each linear layer but the output. An adapter begins as no change."""
    from peft import LoraConfig, get_peft_model  # only here: it takes a second

    torch.manual_seed(seed)
    shape = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by names that will go
        return get_peft_model(model, shape).eval()
