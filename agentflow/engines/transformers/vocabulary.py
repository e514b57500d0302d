"""A transformers tokenizer with the few verbs that rendering prompts and spelling texts need."""

from functools import cached_property
from pathlib import Path
from typing import Any

from llguidance.hf import from_tokenizer

from agentflow.engines.decoding.constraint import ConstraintFactory

# Tokens that end a turn or a text, whatever the configuration says: as llama.cpp has it.
ENDS = {
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "</s>",
}


def _bytes_of_letters() -> dict[str, int]:
    """GPT-2's vocabulary writes each byte as a letter: a printable one stands for itself."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    spare = iter(range(256, 512))
    return {chr(byte if byte in printable else next(spare)): byte for byte in range(256)}


BYTES = _bytes_of_letters()


class Vocabulary:
    """`num_tokens` is the width of the model's logits, which can be more than the tokenizer has tokens."""

    def __init__(self, tokenizer: Any, num_tokens: int, ends: set[int]) -> None:
        self.path = Path(str(tokenizer.name_or_path or "the tokenizer"))
        self.num_tokens = num_tokens
        self.bos: int = -1 if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        self.eos: int = -1 if tokenizer.eos_token_id is None else tokenizer.eos_token_id
        self.adds_bos: bool = self.bos >= 0 and tokenizer("a").input_ids[:1] == [self.bos]
        self.chat_template: str | None = tokenizer.chat_template
        self._tokenizer = tokenizer
        self._added = tokenizer.added_tokens_decoder
        self.control_tokens = {added.content: index for index, added in self._added.items() if added.special}
        self.ends = {index for spelling, index in self.control_tokens.items() if spelling in ENDS} | ends
        self.ends |= {self.eos} - {-1}
        self._spells_bytes = "ByteLevel" in str(tokenizer.backend_tokenizer.decoder)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text. Control tokens that it spells stay plain text."""
        clean = text.encode("utf-8", errors="replace").decode("utf-8")
        ids: list[int] = self._tokenizer(
            clean, add_special_tokens=False, split_special_tokens=True, verbose=False
        ).input_ids
        return ids

    def spelling(self, token: int) -> str:
        """How a template writes a token. Empty for -1, "there is none"."""
        return str(self._tokenizer.convert_ids_to_tokens(token)) if token >= 0 else ""

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; empty for control tokens."""
        if (added := self._added.get(token)) is not None:
            return b"" if added.special else str(added.content).encode()
        letters = self._tokenizer.convert_ids_to_tokens(token)
        if letters is None:  # a row of the model without a token
            return b""
        if self._spells_bytes:
            return bytes(BYTES[letter] for letter in letters)
        if letters.startswith("<0x") and letters.endswith(">"):
            return bytes([int(letters[3:-1], 16)])
        return str(letters).replace("▁", " ").encode()

    def is_end(self, token: int) -> bool:
        return token in self.ends

    @cached_property
    def constraints(self) -> ConstraintFactory:
        """Compiles JSON schemas; making it takes a second that only those pay who constrain."""
        tokenizer = from_tokenizer(self._tokenizer, n_vocab=self.num_tokens, eos_token=sorted(self.ends))
        return ConstraintFactory(tokenizer, self.num_tokens)
