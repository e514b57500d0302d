"""transformers on the very weights of a GGUF file, as the oracle of the embedded engine's log-probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from agentflow.types import Completion, Sampling

from .gguf_files import Weights, read_architecture, read_number

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def load(path: Path, weights: Weights) -> Any:
    """A model in 32-bit floats with the shape that `path` tells and these weights, which carry the names of GGUF."""
    architecture = read_architecture(path)
    config_class, model_class = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    }[architecture]
    heads, kv_heads = (int(read_number(path, f"attention.{key}")) for key in ("head_count", "head_count_kv"))
    config = config_class(
        vocab_size=len(weights["token_embd.weight"]),
        hidden_size=int(read_number(path, "embedding_length")),
        intermediate_size=int(read_number(path, "feed_forward_length")),
        num_hidden_layers=int(read_number(path, "block_count")),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        rms_norm_eps=read_number(path, "attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": read_number(path, "rope.freq_base")},
        tie_word_embeddings="output.weight" not in weights,
        max_position_embeddings=int(read_number(path, "context_length")),
    )
    state = {}
    for name, weight in weights.items():
        if architecture == "llama" and ".attn_q." in name:
            weight = _unpermuted(weight, heads)
        if architecture == "llama" and ".attn_k." in name:
            weight = _unpermuted(weight, kv_heads)
        *block, part, kind = name.split(".")
        layer = f"model.layers.{block[1]}." if block else ""
        state[f"{layer}{NAMES[part]}.{kind}"] = torch.from_numpy(np.ascontiguousarray(weight))
    with torch.device("meta"):
        model = model_class(config)
    missing = model.load_state_dict(state, strict=False, assign=True)
    assert not missing.unexpected_keys
    model.tie_weights()
    assert set(missing.missing_keys) <= {"lm_head.weight"}
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its frequencies are no weights
    return model.eval()


def _unpermuted(weight: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """GGUF's llama rotates neighbouring pairs, transformers the two halves of a head."""
    paired = weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:])
    return paired.swapaxes(1, 2).reshape(weight.shape)


def logprobs(model: Any, completion: Completion, sampling: Sampling) -> npt.NDArray[np.float64]:
    """The log-probability of each drawn token under temperature and top-p, by torch; minus infinity where it is cut."""
    tokens = torch.tensor([[*completion.prompt_token_ids, *completion.token_ids]])
    with torch.no_grad():
        logits = model(tokens[:, :-1]).logits[0, len(completion.prompt_token_ids) - 1 :].double()
    scores = torch.log_softmax(logits / (sampling.temperature or 1.0), dim=-1)
    if sampling.top_p is not None:
        ranked, order = scores.exp().sort(dim=-1, descending=True)
        cut = ranked.cumsum(-1) - ranked >= sampling.top_p
        scores = scores.masked_fill(cut.scatter(-1, order, cut), -torch.inf)
        scores = scores - scores.logsumexp(-1, keepdim=True)
    drawn = torch.tensor(completion.token_ids)[:, None]
    result: npt.NDArray[np.float64] = scores.gather(1, drawn)[:, 0].numpy()
    return result
