"""What a GGUF file says beside its weights: the shape of the model and its vocabulary."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np

from agentflow.engines.transformers.architecture import Array
from agentflow.engines.transformers.gguf_file import open_gguf, read_field
from agentflow.errors import ConfigError
from agentflow.train.publish.vocabulary import add_vocabulary

WRITTEN_ANEW = {"general.architecture", "general.file_type", "general.quantization_version"}
SHAPE = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
}


def copy_metadata(source: Path, config: Any, writer: gguf.GGUFWriter) -> None:
    """All that `source` says, but for its precision. Raises `ConfigError` if it is the file of another model."""
    _check_shape(source, config)
    for field in open_gguf(source).fields.values():
        if field.name not in WRITTEN_ANEW and not field.name.startswith("GGUF."):
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)


def describe(folder: Path, config: Any, writer: gguf.GGUFWriter) -> None:
    """The metadata of a transformers configuration, and the vocabulary of the tokenizer in `folder`."""
    writer.add_name(folder.resolve().name)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(_head_width(config))
    if _head_width(config) * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(_head_width(config))
        writer.add_value_length(_head_width(config))
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    _check_rope(config)
    writer.add_vocab_size(config.vocab_size)
    add_vocabulary(folder, config.vocab_size, writer)


def rope_factors(source: Path, config: Any) -> Array | None:
    """What llama.cpp divides the rotation frequencies by (Llama 3.1 and later), or None."""
    if source.is_file():
        found = [tensor for tensor in open_gguf(source).tensors if tensor.name == "rope_freqs.weight"]
        return np.array(found[0].data, dtype=np.float32) if found else None
    if config.rope_parameters["rope_type"] != "llama3":
        return None
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")[0].numpy()
    width = _head_width(config)
    plain = config.rope_parameters["rope_theta"] ** -(np.arange(0, width, 2) / width)
    factors: Array = (plain / scaled).astype(np.float32)
    return factors


def _head_width(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _check_rope(config: Any) -> None:
    kind = config.rope_parameters["rope_type"]
    if kind not in ("default", "llama3"):
        raise ConfigError(
            f"rotary positions of the kind {kind!r} can not be written as GGUF here: convert the model once with "
            "llama.cpp's convert_hf_to_gguf.py and give that file as the source of the tokenizer"
        )
    if getattr(config, "use_sliding_window", False):
        raise ConfigError("sliding-window attention can not be written as GGUF here: set use_sliding_window to false")


def _check_shape(source: Path, config: Any) -> None:
    architecture = read_field(source, "general.architecture")
    if architecture != config.model_type:
        raise ConfigError(f"{source.name} is a {architecture} model, and the weights are those of {config.model_type}")
    for key, name in SHAPE.items():
        theirs, ours = read_field(source, f"{architecture}.{key}"), getattr(config, name)
        if theirs != ours:
            raise ConfigError(f"{source.name} is the file of another model: {key} is {theirs}, and {name} is {ours}")
    num_tokens = len(open_gguf(source).fields["tokenizer.ggml.tokens"].data)
    if num_tokens != config.vocab_size:
        raise ConfigError(
            f"{source.name} has {num_tokens} tokens, and the model {config.vocab_size}: not its tokenizer"
        )
