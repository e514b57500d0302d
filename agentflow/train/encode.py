"""A prompt and a reply as the policy's token ids: for replies that another planner wrote."""

from collections.abc import Sequence
from pathlib import Path

from agentflow.engines.decoding.chat import ChatTemplate
from agentflow.engines.transformers.tokenizer import load_tokenizer
from agentflow.engines.transformers.vocabulary import Vocabulary
from agentflow.train.trainer import Encode
from agentflow.types import Message


def encoder(model: Path) -> Encode:
    """Encodes as the engine would that plays the model of a GGUF file or a transformers folder.

    The reply ends in the token that ends a turn, as it does where the policy writes it itself.
    """
    tokenizer = load_tokenizer(model)
    vocabulary = Vocabulary(tokenizer, len(tokenizer), set())
    template = ChatTemplate(vocabulary)

    def encode(messages: Sequence[Message], reply: str) -> tuple[list[int], list[int]]:
        return template.encode(messages), [*vocabulary.tokenize(reply), vocabulary.eos]

    return encode
