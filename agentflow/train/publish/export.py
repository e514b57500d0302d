"""A trained policy as files that others can use: a transformers folder, and a GGUF file."""

import shutil
from pathlib import Path
from typing import Any, Literal, NamedTuple

from agentflow.engines.transformers.architecture import Architecture
from agentflow.engines.transformers.tokenizer import load_tokenizer
from agentflow.errors import ConfigError
from agentflow.train.publish.check_tokenizer import check_tokenizer
from agentflow.train.publish.files import check_room
from agentflow.train.publish.lora import export_lora_gguf
from agentflow.train.publish.model import FloatKind, export_gguf
from agentflow.train.publish.weights import adapter_of, base_of, is_adapted, weights_of

Form = Literal["merged", "adapter"]


class Exported(NamedTuple):
    """Where things are: a transformers (or peft) folder, and the GGUF file inside it."""

    folder: Path
    gguf: Path


def export_policy(
    model: Any, tokenizer: Path, folder: Path, form: Form = "merged", *, dtype: FloatKind = "f16"
) -> Exported:
    """Write a live model into a new folder, there whole or not at all.

    "merged": weights, configuration and tokenizer as transformers loads them, and `model.gguf`, which
    `agentflow solve --planner local:FOLDER/model.gguf` runs. "adapter": peft's files and `adapter.gguf`, for the base.
    `tokenizer` is as in `export_gguf`. The live model is left as it was.

    Raises `ConfigError` for a folder that is there already, a model without an adapter, a disk without room, and a
    tokenizer that does not match.
    """
    if folder.exists():
        raise ConfigError(f"{folder} is there already: give the name of a new folder")
    if form == "adapter" and not is_adapted(model):
        raise ConfigError("all weights of this model were trained: it has no adapter to export, export it merged")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        name = (_merged if form == "merged" else _adapter)(model, tokenizer, partial, dtype)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(folder, folder / name)


def _merged(model: Any, tokenizer: Path, folder: Path, dtype: FloatKind) -> str:
    state = {f"{w.module}.{w.kind}": w.tensor for w in weights_of(model, merged=True)}
    check_room(folder, sum(tensor.numel() * (tensor.element_size() + 4) for tensor in state.values()))
    base = base_of(model)
    own = next(base.parameters()).dtype
    base.save_pretrained(folder, state_dict={name: tensor.to(own) for name, tensor in state.items()})
    load_tokenizer(tokenizer).save_pretrained(folder)
    path = export_gguf(model, tokenizer, folder / "model.gguf", dtype, merged=True)
    check_tokenizer(path, folder)
    return path.name


def _adapter(model: Any, _tokenizer: Path, folder: Path, _dtype: FloatKind) -> str:
    check_room(folder, sum(tensor.numel() * 8 for tensor in adapter_of(model).values()))
    model.save_pretrained(folder, save_embedding_layers=False)
    architecture = Architecture.of(base_of(model).config)
    config = model.peft_config[model.active_adapter]
    return export_lora_gguf(adapter_of(model), config, architecture, folder / "adapter.gguf").name
