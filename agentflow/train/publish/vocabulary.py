"""The tokenizer in a transformers folder, as a GGUF file spells it. Byte-level BPE alone: Qwen2, SmolLM2, Llama 3."""

import json
from pathlib import Path
from typing import Any

import gguf

from agentflow.engines.transformers.tokenizer import CUTS, Step, load_tokenizer
from agentflow.errors import ConfigError


def add_vocabulary(folder: Path, num_tokens: int, writer: gguf.GGUFWriter) -> None:
    """Write the tokenizer in a transformers folder; `num_tokens` is the number of rows of the embedding.

    Raises `ConfigError` for a tokenizer of another kind, and for one with more tokens than the model.
    """
    tokenizer = load_tokenizer(folder)
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens, types = _tokens(tokenizer, num_tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_name_of_cuts(folder, described))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([_joined(merge) for merge in described["model"]["merges"]])
    for kind in ("bos", "eos", "pad", "unk"):
        token = getattr(tokenizer, f"{kind}_token_id")
        if token is not None:
            getattr(writer, f"add_{kind}_token_id")(token)
    writer.add_add_bos_token(tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id])
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _tokens(tokenizer: Any, num_tokens: int) -> tuple[list[str], list[int]]:
    """Spelling and kind of every token; models often have more rows than their tokenizer has tokens."""
    vocabulary = tokenizer.get_vocab()
    if max(vocabulary.values()) >= num_tokens:
        raise ConfigError(
            f"the tokenizer has {max(vocabulary.values()) + 1} tokens and the model {num_tokens}: not its tokenizer"
        )
    tokens = [f"[PAD{index}]" for index in range(num_tokens)]
    types = [int(gguf.TokenType.UNUSED)] * num_tokens
    for spelling, index in vocabulary.items():
        tokens[index], types[index] = spelling, int(gguf.TokenType.NORMAL)
    for index, added in tokenizer.added_tokens_decoder.items():
        types[index] = int(gguf.TokenType.CONTROL if added.special else gguf.TokenType.USER_DEFINED)
    return tokens, types


def _name_of_cuts(folder: Path, described: Any) -> str:
    """llama.cpp's name for how this tokenizer cuts a text into pieces before it merges bytes."""
    if described["model"]["type"] == "BPE" and not described["model"].get("byte_fallback"):
        outer = described["pre_tokenizer"] or {}
        steps = tuple(_step(inner) for inner in outer.get("pretokenizers", [outer]))
        for name, known in CUTS.items():
            if steps == known:
                return name
    raise ConfigError(
        f"the tokenizer in {folder} is none of {', '.join(CUTS)}: convert the model once with llama.cpp's "
        "convert_hf_to_gguf.py and give that file as the source of the tokenizer"
    )


def _step(described: Any) -> Step:
    kind = described.get("type", "")
    if kind == "Split" and described["behavior"] == "Isolated" and not described["invert"]:
        return kind, described["pattern"].get("Regex", "")
    if kind == "Digits":
        return kind, described["individual_digits"]
    if kind == "ByteLevel" and not described["add_prefix_space"]:
        return kind, described["use_regex"]
    return kind, ""


def _joined(merge: str | list[str]) -> str:
    return merge if isinstance(merge, str) else " ".join(part.replace(" ", "Ġ") for part in merge)
