"""GGUF files that tests need: a model's weights at other precisions, and LoRA adapters."""

from functools import cache
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]
Adapter = dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]  # per weight: LoRA's A and B


@cache
def open_file(path: Path) -> gguf.GGUFReader:
    """Opened once: it takes a second to walk through a vocabulary."""
    return gguf.GGUFReader(path)


def read_weights(path: Path) -> Weights:
    """All weights of a GGUF file, dequantised; matrices are (outputs, inputs)."""
    tensors = open_file(path).tensors
    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32) for tensor in tensors}


def read_number(path: Path, key: str) -> float:
    """A number from a file's metadata, by its name without the architecture: "block_count"."""
    return float(open_file(path).fields[f"{read_architecture(path)}.{key}"].contents())


def read_architecture(path: Path) -> str:
    return str(open_file(path).fields["general.architecture"].contents())


def write_at_16_bits(source: Path, weights: Weights, target: Path) -> Path:
    """The model of `source` with these weights, matrices at 16 bits: llama.cpp rounds no activations for those."""
    writer = gguf.GGUFWriter(target, read_architecture(source))
    for field in open_file(source).fields.values():
        if field.name == "general.file_type":
            writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_F16))
        elif not field.name.startswith("GGUF.") and field.name != "general.architecture":
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    for name, weight in weights.items():
        writer.add_tensor(name, weight.astype(np.float16) if weight.ndim == 2 else weight)
    return finish(writer, target)


def write_adapter(target: Path, architecture: str, adapter: Adapter, *, alpha: float) -> Path:
    """A LoRA adapter: llama.cpp adds `b @ a * alpha / rank` to each weight."""
    writer = gguf.GGUFWriter(target, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, (a, b) in adapter.items():
        writer.add_tensor(f"{name}.lora_a", a)
        writer.add_tensor(f"{name}.lora_b", b)
    return finish(writer, target)


def make_adapter(weights: Weights, *, rank: int, size: float, seed: int) -> Adapter:
    """Random factors for every matrix of every layer. `size` is that of the elements of B."""
    random = np.random.default_rng(seed)
    adapter = {}
    for name, weight in weights.items():
        if name.startswith("blk.") and weight.ndim == 2:
            outputs, inputs = weight.shape
            a = (random.standard_normal((rank, inputs)) / np.sqrt(inputs)).astype(np.float32)
            b = (random.standard_normal((outputs, rank)) * size).astype(np.float32)
            adapter[name] = (a, b)
    return adapter


def merged(weights: Weights, adapter: Adapter, *, alpha: float) -> Weights:
    """The weights that an adapter makes of others."""
    result = dict(weights)
    for name, (a, b) in adapter.items():
        result[name] = weights[name] + b @ a * np.float32(alpha / len(a))
    return result


def finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
