"""A transformers model as the GGUF file that llama.cpp loads."""

from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np

from agentflow.engines.transformers.architecture import Architecture, Array
from agentflow.errors import ConfigError
from agentflow.train.publish.files import written_whole
from agentflow.train.publish.metadata import copy_metadata, describe, rope_factors
from agentflow.train.publish.weights import Weight, base_of, weights_of

FloatKind = Literal["f16", "f32"]
FILE_TYPES = {"f16": gguf.LlamaFileType.MOSTLY_F16, "f32": gguf.LlamaFileType.ALL_F32}


def export_gguf(model: Any, tokenizer: Path, path: Path, dtype: FloatKind = "f16", *, merged: bool = False) -> Path:
    """Write a Llama, Qwen2 or Qwen3 model, whole or not at all. Returns `path`.

    `tokenizer` is where the metadata and the vocabulary come from: the GGUF file that the model was dequantised from
    (they are copied as they are), or a transformers folder with a tokenizer. Matrices become 16-bit floats, norms and
    biases stay at 32. Of a model with a LoRA adapter the base alone is written, or with `merged` the sum of the two.

    Raises `ConfigError` for another kind of model, a tokenizer that is not this model's, and a disk without room.
    """
    config = base_of(model).config
    architecture = Architecture.of(config)
    num_bytes = sum(w.tensor.numel() * _dtype(w, dtype).itemsize for w in weights_of(model, merged=False))
    with written_whole(path, num_bytes) as partial:
        writer = gguf.GGUFWriter(partial, architecture.name)
        try:
            writer.add_file_type(int(FILE_TYPES[dtype]))
            (copy_metadata if tokenizer.is_file() else describe)(tokenizer, config, writer)
            _write_tensors(writer, model, architecture, rope_factors(tokenizer, config), dtype, merged=merged)
        finally:
            writer.close()
    return path


def _write_tensors(
    writer: gguf.GGUFWriter,
    model: Any,
    architecture: Architecture,
    rope: Array | None,
    dtype: FloatKind,
    *,
    merged: bool,
) -> None:
    """First what there will be, then one tensor after the other: never a second copy of the model in memory."""
    for weight in weights_of(model, merged=False):
        kind, shape = _dtype(weight, dtype), tuple(weight.tensor.shape)
        name = f"{architecture.gguf_name(weight.module)}.{weight.kind}"
        writer.add_tensor_info(name, shape, kind, weight.tensor.numel() * kind.itemsize)
    if rope is not None:
        writer.add_tensor_info("rope_freqs.weight", rope.shape, rope.dtype, rope.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for weight in weights_of(model, merged=merged):
        writer.write_tensor_data(_rows(weight, architecture, _dtype(weight, dtype)))
    if rope is not None:
        writer.write_tensor_data(rope)


def _dtype(weight: Weight, dtype: FloatKind) -> "np.dtype[Any]":
    return np.dtype(np.float16 if dtype == "f16" and weight.tensor.ndim == 2 else np.float32)


def _rows(weight: Weight, architecture: Architecture, dtype: "np.dtype[Any]") -> Array:
    with np.errstate(over="ignore"):
        rows: Array = weight.tensor.float().cpu().numpy().astype(dtype)
    if not np.isfinite(rows).all():
        raise ConfigError(f"{weight.module} holds numbers that are not finite at {8 * dtype.itemsize} bits")
    return architecture.laid_out(weight.module, rows)
