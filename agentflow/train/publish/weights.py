"""The weights of a live model, with or without the LoRA adapter that peft has put into it, one tensor at a time."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from agentflow.errors import ConfigError


class Weight(NamedTuple):
    """`module` and `kind` ("weight" or "bias") are its name in transformers."""

    module: str
    kind: str
    tensor: Tensor


def base_of(model: Any) -> Any:
    """The transformers model inside a peft model; any other model is that itself."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model


def is_adapted(model: Any) -> bool:
    """Whether there is a LoRA adapter in it."""
    return any(".lora_A." in name for name, _ in base_of(model).named_parameters())


def weights_of(model: Any, *, merged: bool) -> Iterator[Weight]:
    """All weights by the names that they have without peft. `merged` adds the active adapter to what it adapts.

    Tied weights come once. A `merged` weight is a new tensor, the others are the model's own.
    """
    base = base_of(model)
    for name, parameter in base.named_parameters():
        if "modules_to_save" in name:
            raise ConfigError(f"{name}: an adapter with whole modules (modules_to_save) can not be published")
        if ".lora_" in name:
            continue
        owner, _, kind = name.rpartition(".")
        module = owner.removesuffix(".base_layer")
        tensor = parameter.detach()
        if merged and module != owner and kind == "weight":
            tensor = _with_adapter(base.get_submodule(module), tensor)
        yield Weight(module, kind, tensor)


def adapter_of(model: Any) -> dict[str, Tensor]:
    """The LoRA factors of the model, by the names of their parameters."""
    return {name: value.detach() for name, value in base_of(model).named_parameters() if ".lora_" in name}


def _with_adapter(layer: Any, weight: Tensor) -> Tensor:
    with torch.no_grad():
        deltas = [layer.get_delta_weight(name) for name in layer.active_adapters if name in layer.lora_A]
        return sum(deltas, weight.float())
