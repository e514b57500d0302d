"""The settings that every engine behind HTTP takes."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentflow.errors import ConfigError, UnknownName


class RemoteSettings(BaseModel):
    """How an engine behind HTTP is called. All have defaults.

    `max_concurrency`: requests in flight at once; the others wait their turn (1 to 1000).
    `timeout_seconds`: time for one attempt, from the first byte sent to the last byte read.
    `max_retries`: further attempts after the first one failed by the server's or the network's fault.
    `base_url`: where the server is, in place of the provider's usual address.
    `context_length`: tokens of prompt and completion together, where the user knows it.
    `extra_body`: further fields of the request, passed on as they are (OpenAI-compatible engines only), such as
    `{"chat_template_kwargs": {"enable_thinking": false}}` or `{"reasoning_effort": "low"}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_concurrency: int = Field(default=16, ge=1, le=1000)  # 1000: what the SDKs' connection pools hold
    timeout_seconds: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    max_retries: int = Field(default=5, ge=0, le=100)
    base_url: str | None = None
    context_length: int | None = Field(default=None, ge=1)
    extra_body: dict[str, Any] = Field(default_factory=dict)


Settings = TypeVar("Settings", bound=BaseModel)


def check_settings(engine: str, settings: Mapping[str, Any], kind: type[Settings]) -> Settings:
    """Settings of one kind of engine, or a `ConfigError` that says which one is wrong.

    >>> check_settings("openai:gpt-5", {"max_concurrency": 4}, RemoteSettings).max_concurrency
    4
    >>> check_settings("openai:gpt-5", {"max_retry": 4}, RemoteSettings)
    Traceback (most recent call last):
    agentflow.errors.UnknownName: unknown setting of engine 'openai:gpt-5' 'max_retry': did you mean 'max_retries'? \
Known: base_url, context_length, extra_body, max_concurrency, max_retries, timeout_seconds
    """
    check_names(engine, settings, kind.model_fields)
    try:
        return kind(**settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"engine {engine!r}: setting {where} is {first['input']!r}: {first['msg']}"
    raise ConfigError(message)


def check_names(engine: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise `UnknownName` for the first setting that is not among `known`."""
    for name in settings:
        if name not in known:
            raise UnknownName(f"setting of engine {engine!r}", name, known)
