"""Chat messages -> token ids, by the template inside the model file."""

import re
from collections.abc import Sequence

from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentflow.engines.local.llama import Model
from agentflow.errors import ConfigError
from agentflow.types import Message

_MARK = re.compile("\ue000(\\d+)\ue001")  # stands for the content of message number N while the template is rendered


class ChatTemplate:
    """Renders messages by a model's own Jinja template.

    The text of a message is tokenised as plain text: a message that spells `<|im_start|>` can not open a turn.
    Raises `ConfigError` for a model without a template.
    """

    def __init__(self, model: Model) -> None:
        if not model.chat_template:
            raise ConfigError(f"{model.path.name} has no chat template: use an instruction-tuned model")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = _raise
        self._template = environment.from_string(model.chat_template)
        self._model = model
        self._names = {
            "bos_token": model.piece_with_control(model.bos) if model.bos >= 0 else "",
            "eos_token": "",
        }

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a prompt that ends where the assistant's answer begins."""
        tokens: list[int] = []
        for i, piece in enumerate(_MARK.split(self._render(messages))):
            if i % 2 == 0:
                tokens += self._model.tokenize(piece, special=True)
            else:
                tokens += self._model.tokenize(messages[int(piece)].content, special=False)
        if self._model.adds_bos and tokens[:1] != [self._model.bos]:
            tokens.insert(0, self._model.bos)
        return tokens

    def _render(self, messages: Sequence[Message]) -> str:
        marked = [{"role": m.role, "content": f"\ue000{i}\ue001"} for i, m in enumerate(messages)]
        try:
            return self._template.render(messages=marked, add_generation_prompt=True, **self._names)
        except TemplateError as error:
            raise ConfigError(f"the chat template of {self._model.path.name} refuses these messages: {error}") from None


def _raise(message: str) -> None:
    raise TemplateError(message)
