"""The vocabulary of a llama.cpp model as llguidance wants it."""

from llguidance import LLTokenizer

from agentflow.engines.decoding.constraint import ConstraintFactory
from agentflow.engines.local.llama import Model


def constraint_factory(model: Model) -> ConstraintFactory:
    """Compiles schemas for the vocabulary of a model. The model must stay open."""
    # Not by llguidance.llamacpp: that warns of a deprecated call once for every token of the vocabulary.
    tokenizer: LLTokenizer = LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
        tokens=[_spell(model, token) for token in range(model.num_tokens)],
        vocab_ptr=model.vocabulary,
        tokenize_fptr=model.tokenize_address,
        eos_token=[token for token in range(model.num_tokens) if model.is_end(token)],
        slices=LLTokenizer.json_slices(),
    )
    return ConstraintFactory(tokenizer, model.num_tokens)


def _spell(model: Model, token: int) -> bytes:
    """The bytes of a token; for control tokens its name after 0xff, which no text holds."""
    return model.piece(token) or b"\xff" + model.spelling(token).encode()
