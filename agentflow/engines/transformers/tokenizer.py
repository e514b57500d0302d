"""The tokenizer of a model: from a transformers folder, or rebuilt from what a GGUF file says.

Byte-level BPE alone can be rebuilt, the kind of Qwen2, SmolLM2 and Llama 3. It takes a second; transformers' own
conversion takes minutes, and leaves out how SmolLM2 cuts digits apart.
"""

from pathlib import Path
from typing import Any

import gguf

from agentflow.engines.transformers.gguf_file import read_field
from agentflow.errors import ConfigError

Step = tuple[str, str | bool]  # a step that cuts a text into pieces, and its one parameter

_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_SIGNS = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CUTS: dict[str, tuple[Step, ...]] = {  # by llama.cpp's names
    "qwen2": (("Split", rf"{_LETTERS}\p{{N}}{_SIGNS}"), ("ByteLevel", False)),
    "llama-bpe": (("Split", rf"{_LETTERS}\p{{N}}{{1,3}}{_SIGNS}"), ("ByteLevel", False)),
    "smollm": (("Digits", True), ("ByteLevel", True)),
    "gpt-2": (("ByteLevel", True),),
}
SPECIAL = {"bos": "bos", "eos": "eos", "padding": "pad", "unknown": "unk"}  # GGUF's names, transformers' names


def load_tokenizer(path: Path) -> Any:
    """The tokenizer in a transformers folder, or that of a GGUF file. Raises `ConfigError`."""
    return _rebuilt(path) if path.is_file() else _loaded(path)


def _loaded(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} holds no tokenizer that transformers can load: {error}") from error
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise ConfigError(f"the tokenizer in {folder} is no fast one: wanted a tokenizer.json")
    return tokenizer


def _rebuilt(path: Path) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    cuts = read_field(path, "tokenizer.ggml.pre")
    if read_field(path, "tokenizer.ggml.model") != "gpt2" or cuts not in CUTS:
        raise ConfigError(
            f"the tokenizer of {path.name} can not be rebuilt (known: {', '.join(CUTS)}, this is {cuts!r}): "
            "give the model as a transformers folder"
        )
    tokens, types = (read_field(path, f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    merges = [tuple(merge.split(" ", 1)) for merge in read_field(path, "tokenizer.ggml.merges")]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=cuts == "llama-bpe"))
    tokenizer.pre_tokenizer = _pre_tokenizer(CUTS[cuts])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = {int(gguf.TokenType.CONTROL): True, int(gguf.TokenType.USER_DEFINED): False}
    tokenizer.add_tokens(
        [
            AddedToken(token, special=kinds[kind], normalized=False)
            for token, kind in zip(tokens, types, strict=True)
            if kind in kinds
        ]
    )
    special = {
        f"{name}_token": tokens[index]
        for theirs, name in SPECIAL.items()
        if (index := read_field(path, f"tokenizer.ggml.{theirs}_token_id")) is not None
    }
    if read_field(path, "tokenizer.ggml.add_bos_token"):
        tokenizer.post_processor = _bos_first(special["bos_token"], vocabulary)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.chat_template = read_field(path, "tokenizer.chat_template")
    return fast


def _pre_tokenizer(steps: tuple[Step, ...]) -> Any:
    from tokenizers import Regex, pre_tokenizers

    makers: dict[str, Any] = {
        "Split": lambda regex: pre_tokenizers.Split(Regex(regex), "isolated"),
        "Digits": lambda individual: pre_tokenizers.Digits(individual_digits=individual),
        "ByteLevel": lambda regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex),
    }
    made = [makers[kind](parameter) for kind, parameter in steps]
    return made[0] if len(made) == 1 else pre_tokenizers.Sequence(made)


def _bos_first(bos: str, vocabulary: dict[str, int]) -> Any:
    from tokenizers import processors

    return processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, vocabulary[bos])]
    )
