"""Chat messages -> token ids, by the template inside the model file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentflow.errors import ConfigError
from agentflow.types import Message

_MARK = re.compile("\ue000(\\d+)\ue001")  # stands for the content of message number N while the template is rendered


class Tokenizer(Protocol):
    """What a chat template needs to know of a model."""

    path: Path
    bos: int
    eos: int
    adds_bos: bool

    @property
    def chat_template(self) -> str | None: ...

    @property
    def control_tokens(self) -> dict[str, int]: ...

    def spelling(self, token: int) -> str: ...

    def tokenize(self, text: str) -> list[int]: ...


class ChatTemplate:
    """Renders messages by a model's own Jinja template.

    Only the template can write control tokens: a message that spells `<|im_start|>` opens no turn. Apart from that the
    tokens are those of the whole rendered text, as the model saw them in training.

    Raises `ConfigError` for a model without a template that works.
    """

    def __init__(self, model: Tokenizer) -> None:
        if not model.chat_template:
            raise ConfigError(f"{model.path.name} has no chat template: use an instruction-tuned model")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = _raise
        try:
            self._template = environment.from_string(model.chat_template)
        except TemplateError as error:
            raise ConfigError(f"the chat template of {model.path.name} can not be read: {error}") from None
        self._model = model
        self._names = {"bos_token": model.spelling(model.bos), "eos_token": model.spelling(model.eos)}
        longest_first = sorted(model.control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a prompt that ends where the assistant's answer begins."""
        tokens: list[int] = []
        plain = ""
        for number, piece in enumerate(_MARK.split(self._render(messages))):
            if number % 2:
                plain += messages[int(piece)].content
                continue
            place = 0
            for control in self._control.finditer(piece):
                plain += piece[place : control.start()]
                tokens += [*self._model.tokenize(plain), self._model.control_tokens[control[0]]]
                plain, place = "", control.end()
            plain += piece[place:]
        tokens += self._model.tokenize(plain)
        if self._model.adds_bos and tokens[:1] != [self._model.bos]:
            tokens.insert(0, self._model.bos)
        return tokens

    def _render(self, messages: Sequence[Message]) -> str:
        marked = [{"role": m.role, "content": f"\ue000{i}\ue001"} for i, m in enumerate(messages)]
        try:
            return self._template.render(messages=marked, add_generation_prompt=True, **self._names)
        except (TemplateError, TypeError) as error:
            raise ConfigError(f"the chat template of {self._model.path.name} refuses these messages: {error}") from None


def _raise(message: str) -> None:
    raise TemplateError(message)
