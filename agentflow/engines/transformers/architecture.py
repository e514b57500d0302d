"""How transformers and llama.cpp name and lay out the weights of the same model."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agentflow.errors import ConfigError

Array = npt.NDArray[Any]

KNOWN = ("llama", "qwen2", "qwen3")
OUTSIDE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
INSIDE = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")


@dataclass(frozen=True)
class Architecture:
    """What decides a weight's name and layout in a GGUF file."""

    name: str
    num_layers: int
    num_heads: int
    num_kv_heads: int

    @classmethod
    def of(cls, config: Any) -> "Architecture":
        """That of a transformers configuration. Raises `ConfigError` for a kind of model that is not known here."""
        if config.model_type not in KNOWN:
            raise ConfigError(
                f"models of the kind {config.model_type!r} can not be written as GGUF (known: {', '.join(KNOWN)}): "
                "convert it with llama.cpp's convert_hf_to_gguf.py, or publish to a vLLM server"
            )
        return cls(config.model_type, config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads)

    def gguf_name(self, module: str) -> str:
        """The GGUF name of a module of transformers, both without `.weight` or `.bias`. Raises `ConfigError`.

        >>> Architecture("llama", 30, 9, 3).gguf_name("model.layers.4.self_attn.q_proj")
        'blk.4.attn_q'
        >>> Architecture("llama", 30, 9, 3).gguf_name("lm_head")
        'output'
        """
        if module in OUTSIDE:
            return OUTSIDE[module]
        layer = LAYER.fullmatch(module)
        if layer is None or layer[2] not in INSIDE:
            raise ConfigError(f"llama.cpp has no place for the weights of {module} in a model of the kind {self.name}")
        return f"blk.{layer[1]}.{INSIDE[layer[2]]}"

    def laid_out(self, module: str, rows: Array) -> Array:
        """The rows (outputs) of a weight of transformers in the order of a GGUF file; `restored` takes it back.

        GGUF's llama rotates neighbouring pairs of a head's rows, transformers the two halves of a head.

        >>> Architecture("llama", 1, 1, 1).laid_out("model.layers.0.self_attn.q_proj", np.arange(4)).tolist()
        [0, 2, 1, 3]
        >>> Architecture("qwen2", 1, 1, 1).laid_out("model.layers.0.self_attn.q_proj", np.arange(4)).tolist()
        [0, 1, 2, 3]
        """
        heads = self._rotated_heads(module)
        return _swapped(rows, (heads, 2, len(rows) // heads // 2)) if heads else rows

    def restored(self, module: str, rows: Array) -> Array:
        """The rows of a weight of a GGUF file in the order of transformers.

        >>> Architecture("llama", 1, 1, 1).restored("model.layers.0.self_attn.q_proj", np.array([0, 2, 1, 3])).tolist()
        [0, 1, 2, 3]
        """
        heads = self._rotated_heads(module)
        return _swapped(rows, (heads, len(rows) // heads // 2, 2)) if heads else rows

    def _rotated_heads(self, module: str) -> int:
        """How many heads share these rows, where their order differs; else 0."""
        part = module.rpartition(".")[2]
        return {"q_proj": self.num_heads, "k_proj": self.num_kv_heads}.get(part, 0) if self.name == "llama" else 0


def _swapped(rows: Array, shape: tuple[int, int, int]) -> Array:
    swapped: Array = rows.reshape(*shape, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
    return np.ascontiguousarray(swapped)
