"""Tiny models of random weights with the vocabulary of `tests/engines/local/tiny_model.py`, in transformers' format."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.engines.local import tiny_model

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KINDS: dict[str, Any] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def make_model(kind: str = "llama", *, tied: bool = False, **settings: Any) -> Any:
    """Random, with probabilities that are far from even and biases that are not 0."""
    config_class, model_class = KINDS[kind]
    shape = {
        "vocab_size": len(tiny_model.VOCABULARY) + 3,  # models often have more rows than their tokenizer has tokens
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32 if kind == "qwen3" else 16,  # there heads are wider than their share of the model
        "max_position_embeddings": 4096,
        "tie_word_embeddings": tied,
        "bos_token_id": tiny_model.END_OF_TEXT,
        "eos_token_id": tiny_model.IM_END,
    }
    torch.manual_seed(0)
    model = model_class(config_class(**{**shape, **settings}))
    for parameter in model.parameters():
        spread = 1.5 / parameter.shape[1] ** 0.5 if parameter.ndim == 2 else 0.3
        torch.nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 else 0.0, spread)
    torch.nn.init.normal_(model.get_input_embeddings().weight, 0.0, 0.4)
    return model.eval()


def with_adapter(model: Any, *, seed: int = 1, size: float = 0.1, **settings: Any) -> Any:
    """The same with a random LoRA adapter in it."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, **settings)
    adapted = get_peft_model(model, config).eval()
    redraw(adapted, seed=seed, size=size)
    return adapted


def redraw(adapted: Any, *, seed: int, size: float = 0.1) -> None:
    """Other weights for an adapter, as if a step had been made."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=random) * size)


def write_tokenizer(folder: Path, *, template: str = tiny_model.TEMPLATE) -> Path:
    """A folder with the tokenizer of these models."""
    vocabulary = {token: index for index, token in enumerate(tiny_model.VOCABULARY)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(tiny_model.MERGES)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tiny_model.CONTROL])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder
