"""A language model of 100,000 random weights: as a GGUF file for llama.cpp, and once more in numpy as its oracle.

Its tokeniser knows the 256 bytes, a few pairs and the control tokens of ChatML, so it can spell any text. What it says
is noise, but all of its probabilities can be computed in a moment, and nothing has to be downloaded.
"""

from functools import cache
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from . import gguf_files
from .gguf_files import Adapter, Weights

Array = npt.NDArray[np.float64]

LAYERS, WIDTH, HEADS, KV_HEADS, FEED_FORWARD = 2, 64, 4, 2, 96
HEAD_WIDTH = WIDTH // HEADS
CONTEXT = 4096
EPSILON, ROPE_BASE = 1e-5, 10000.0
ALPHA, RANK = 8.0, 4

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MERGES = [("h", "e"), ("l", "l"), ("he", "ll"), ("i", "n"), ("Ċ", "Ċ")]  # Ċ stands for a line end
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def _byte_letters() -> list[str]:
    """The letter by which GPT-2's vocabulary writes each byte: a printable one stands for itself."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


LETTERS = _byte_letters()
VOCABULARY = LETTERS + [first + second for first, second in MERGES] + CONTROL
END_OF_TEXT, IM_START, IM_END = range(len(VOCABULARY) - 3, len(VOCABULARY))


def byte_token(byte: int) -> int:
    return byte  # LETTERS is in the order of the bytes


@cache
def make_weights() -> Weights:
    """Random weights by the names that GGUF gives them; matrices are (outputs, inputs)."""
    random = np.random.default_rng(0)

    def matrix(outputs: int, inputs: int, scale: float) -> npt.NDArray[np.float32]:
        drawn: Array = random.standard_normal((outputs, inputs)) * scale / np.sqrt(inputs)
        return drawn.astype(np.float32)

    ones = np.ones(WIDTH, dtype=np.float32)
    weights: Weights = {
        "token_embd.weight": matrix(len(VOCABULARY), WIDTH, 8.0),
        "output.weight": matrix(len(VOCABULARY), WIDTH, 2.0),
        "output_norm.weight": ones,
    }
    weights["output.weight"][-len(CONTROL) :] = 0  # never the most likely: a greedy text goes on to its limit
    for layer in range(LAYERS):
        shapes = {
            "attn_q": (HEADS * HEAD_WIDTH, WIDTH, 1.5),
            "attn_k": (KV_HEADS * HEAD_WIDTH, WIDTH, 1.5),
            "attn_v": (KV_HEADS * HEAD_WIDTH, WIDTH, 1.0),
            "attn_output": (WIDTH, WIDTH, 1.0),
            "ffn_gate": (FEED_FORWARD, WIDTH, 1.0),
            "ffn_up": (FEED_FORWARD, WIDTH, 1.0),
            "ffn_down": (WIDTH, FEED_FORWARD, 1.0),
        }
        for name, (outputs, inputs, scale) in shapes.items():
            weights[f"blk.{layer}.{name}.weight"] = matrix(outputs, inputs, scale)
        weights[f"blk.{layer}.attn_norm.weight"] = ones
        weights[f"blk.{layer}.ffn_norm.weight"] = ones
    return weights


def make_adapter(seed: int) -> Adapter:
    """Random LoRA factors for every matrix of every layer."""
    return gguf_files.make_adapter(make_weights(), rank=RANK, size=0.1, seed=seed)


def write_model(path: Path, *, template: str | None = TEMPLATE) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(VOCABULARY)
    num_normal = len(VOCABULARY) - len(CONTROL)
    writer.add_token_types([gguf.TokenType.NORMAL] * num_normal + [gguf.TokenType.CONTROL] * len(CONTROL))
    writer.add_token_merges([f"{first} {second}" for first, second in MERGES])
    writer.add_bos_token_id(END_OF_TEXT)
    writer.add_eos_token_id(IM_END)
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    for name, weight in make_weights().items():
        writer.add_tensor(name, weight)
    return gguf_files.finish(writer, path)


def write_adapter(path: Path, adapter: Adapter) -> Path:
    return gguf_files.write_adapter(path, "llama", adapter, alpha=ALPHA)


def logits(tokens: list[int], adapter: Adapter | None = None) -> Array:
    """What the model makes of each token, shape (len(tokens), vocabulary), in double precision."""
    adapted = gguf_files.merged(make_weights(), adapter or {}, alpha=ALPHA)
    weights = {name: weight.astype(np.float64) for name, weight in adapted.items()}
    hidden = weights["token_embd.weight"][tokens]
    for layer in range(LAYERS):
        w = {key.split(".")[2]: value for key, value in weights.items() if key.startswith(f"blk.{layer}.")}
        normed = _norm(hidden) * w["attn_norm"]
        hidden = hidden + _times(_attention(normed, w), w["attn_output"])
        normed = _norm(hidden) * w["ffn_norm"]
        gate = _times(normed, w["ffn_gate"])
        hidden = hidden + _times(gate / (1 + np.exp(-gate)) * _times(normed, w["ffn_up"]), w["ffn_down"])
    return _times(_norm(hidden) * weights["output_norm.weight"], weights["output.weight"])


def logprobs(tokens: list[int], start: int, *, temperature: float = 1.0, adapter: Adapter | None = None) -> Array:
    """The log-probability of each of `tokens[start:]` after those before it."""
    scaled = logits(tokens, adapter)[start - 1 : -1] / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    normalised = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return np.take_along_axis(normalised, np.array(tokens[start:])[:, None], axis=1)[:, 0]


def _times(rows: Array, weight: Array) -> Array:
    """`rows @ weight.T` without BLAS, whose threads get in each other's way on matrices of this size."""
    result: Array = np.einsum("ri,oi->ro", rows, weight)
    return result


def _norm(hidden: Array) -> Array:
    result: Array = hidden / np.sqrt((hidden**2).mean(axis=-1, keepdims=True) + EPSILON)
    return result


def _attention(normed: Array, w: dict[str, Array]) -> Array:
    length = len(normed)

    def heads(weight: Array) -> Array:
        """Shape (heads, length, width of a head)."""
        return _times(normed, weight).reshape(length, -1, HEAD_WIDTH).swapaxes(0, 1)

    query, key, value = _rotate(heads(w["attn_q"])), _rotate(heads(w["attn_k"])), heads(w["attn_v"])
    key, value = (np.repeat(shared, HEADS // KV_HEADS, axis=0) for shared in (key, value))
    scores = np.einsum("hqd,hkd->hqk", query, key) / np.sqrt(HEAD_WIDTH)
    scores = np.where(np.tri(length, dtype=bool), scores, -np.inf)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores = scores / scores.sum(axis=-1, keepdims=True)
    result: Array = np.einsum("hqk,hkd->qhd", scores, value).reshape(length, WIDTH)
    return result


def _rotate(heads: Array) -> Array:
    """Rotary positions over neighbouring pairs, as GGUF files of this architecture want them."""
    angles = np.outer(np.arange(heads.shape[1]), ROPE_BASE ** (-np.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH))
    even, odd = heads[..., 0::2], heads[..., 1::2]
    turned = np.stack([even * np.cos(angles) - odd * np.sin(angles), even * np.sin(angles) + odd * np.cos(angles)], -1)
    return turned.reshape(heads.shape)
