"""Whether a GGUF file and a transformers folder mean the same tokens."""

from pathlib import Path

from agentflow.engines.local.llama import Model
from agentflow.engines.transformers.gguf_file import read_field
from agentflow.engines.transformers.tokenizer import load_tokenizer
from agentflow.errors import ConfigError

PROBES = (
    "The planner chooses the next sub-goal and one tool.",
    "  17 * 23 = 391;  3.14159\n\n\tdef f(x):\n        return x[1:]  # ok\r\n",
    "Don't WE'LL é 日本語 Ωмир 🙂 ... 1234567",
    '{"tool": "python", "sub_goal": "Compute 2**10"}',
)


def check_tokenizer(gguf_path: Path, folder: Path) -> None:
    """Raise `ConfigError`, which says where they differ first: size, a special token, or how a text is cut.

    A model may have more rows than its tokenizer has tokens, so the file may have more of them than the folder.
    """
    tokenizer = load_tokenizer(folder)
    vocabulary = tokenizer.get_vocab()
    tokens = read_field(gguf_path, "tokenizer.ggml.tokens")
    remedy = f"the tokenizer in {folder} is not that of {gguf_path.name}"
    if max(vocabulary.values()) >= len(tokens):
        raise ConfigError(f"{remedy}: it has {max(vocabulary.values()) + 1} tokens, and the file {len(tokens)}")
    for kind in ("bos", "eos"):
        theirs, ours = read_field(gguf_path, f"tokenizer.ggml.{kind}_token_id"), getattr(tokenizer, f"{kind}_token_id")
        if None not in (theirs, ours) and theirs != ours:
            raise ConfigError(f"{remedy}: {kind} is {ours} ({tokenizer.decode([ours])!r}), and {theirs} in the file")
    for index, added in tokenizer.added_tokens_decoder.items():
        if tokens[index] != added.content:
            raise ConfigError(f"{remedy}: token {index} is {added.content!r}, and {tokens[index]!r} in the file")
    model = Model(gguf_path)
    try:
        for text in PROBES:
            ours, theirs = tokenizer.encode(text, add_special_tokens=False), model.tokenize(text)
            if ours != theirs:
                raise ConfigError(f"{remedy}: {text!r} becomes {ours[:12]}..., and {theirs[:12]}... in the file")
    finally:
        model.close()
