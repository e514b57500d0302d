"""Settings of a command: a TOML file, `--set name=value`, and flags, in rising order of precedence."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentflow.config import Config, load_config
from agentflow.errors import ConfigError


def read_settings(file: Path | None, settings: list[str] | None, flags: Mapping[str, object]) -> Config:
    """The config that a command runs with. Raises `ConfigError`."""
    return load_config(file, read_given(settings, flags))


def read_given(settings: list[str] | None, flags: Mapping[str, object]) -> dict[str, object]:
    """What the command line sets, by dotted name; flags win."""
    given: dict[str, object] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting!r} is not of the form name=value, such as planner.temperature=0.5")
        given[name.strip()] = parse_value(value.strip())
    return {**given, **flags}


def parse_value(text: str) -> Any:
    """A value as TOML writes it; what is no TOML is text.

    >>> parse_value("0.5"), parse_value("[1, 2]"), parse_value("local:smollm2-135m")
    (0.5, [1, 2], 'local:smollm2-135m')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def as_toml(config: Config) -> str:
    """A config as TOML text that reads as the same config again.

    >>> as_toml(Config()).splitlines()[0]
    'engine = "local:qwen2.5-coder-1.5b"'
    """
    return "\n".join(_table(config.model_dump(mode="json"), ())).strip()


def _table(values: Mapping[str, Any], place: tuple[str, ...]) -> list[str]:
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    for name, value in values.items():
        if isinstance(value, dict):
            lines += ["", f"[{'.'.join(_key(part) for part in (*place, name))}]", *_table(value, (*place, name))]
    return lines


def _value(value: Any) -> str:
    """
    >>> _value([1, None, {"a b": "c"}])
    '[1, "none", {"a b" = "c"}]'
    """
    if value is None:
        return '"none"'
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, dict):  # in a list, such as a source of tasks: what is not set is left out
        given = {name: item for name, item in value.items() if item is not None}
        return f"{{{', '.join(f'{_key(name)} = {_value(item)}' for name, item in given.items())}}}"
    return _string(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _string(name)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML escapes this one, JSON does not
