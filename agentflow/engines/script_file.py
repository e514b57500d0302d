"""Scripts in files: rules that say which prompt gets which reply, for `scripted:FILE`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from agentflow.engines.scripted import Reply, ScriptedEngine
from agentflow.engines.settings import check_names
from agentflow.errors import ConfigError, EngineError
from agentflow.types import Message


class Rule(BaseModel):
    """One rule of a file for `scripted:FILE`. The first that fits a call answers it.

    `when`: a text, or several, that the last message must hold; none fits every message.
    `system`: the same for the system message, to tell modules apart.
    `reply`: a text; an object or a list is replied as JSON. `error`: fail with these words instead.

    {"when": "capital of France", "reply": "Paris"}
    {"system": "You are the verifier", "when": ["Paris", "sources"], "reply": {"stop": true, "reason": "found"}}
    {"error": "the script knows no answer"}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str | tuple[str, ...] = ()
    system: str | tuple[str, ...] = ()
    reply: JsonValue = None
    error: str = ""

    def fits(self, messages: Sequence[Message]) -> bool:
        """Whether this rule answers these messages."""
        last = messages[-1].content if messages else ""
        system = "\n".join(message.content for message in messages if message.role == "system")
        return _holds(last, self.when) and _holds(system, self.system)

    def answer(self) -> Reply:
        """The text or the error of this rule."""
        if self.error:
            return EngineError(self.error)
        return self.reply if isinstance(self.reply, str) else json.dumps(self.reply, ensure_ascii=False)


def _holds(text: str, wanted: str | tuple[str, ...]) -> bool:
    return all(piece in text for piece in ((wanted,) if isinstance(wanted, str) else wanted))


def read_rules(path: Path) -> list[Rule]:
    """The rules of a file: a JSON list, or one JSON object a line (JSONL; empty lines and `//` lines are skipped).

    Raises `ConfigError` with file and line for a file that can not be read, and for a rule that is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"scripted engine: can not read {path}: {error}") from error
    if text.lstrip().startswith("["):
        return [_rule(f"{path}, rule {number}", value) for number, value in enumerate(_json(str(path), text), 1)]
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    named = [(f"{path}, line {number}", line) for number, line in lines if line and not line.startswith("//")]
    return [_rule(where, _json(where, line)) for where, line in named]


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"scripted engine: {where}: {error}") from error


def _rule(where: str, value: object) -> Rule:
    try:
        rule = Rule.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"scripted engine: {where}: {name}: {first['msg']}") from error
    if (rule.reply is None) == (not rule.error):
        raise ConfigError(f"scripted engine: {where}: a rule has either a reply or an error")
    return rule


def open_scripted(file: str, settings: Mapping[str, Any]) -> ScriptedEngine:
    """The engine behind `scripted:FILE`. Its one setting is `latency_seconds`."""
    name = f"scripted:{file}"
    check_names(name, settings, {"latency_seconds": 0.0})
    latency_seconds = settings.get("latency_seconds", 0.0)
    if not isinstance(latency_seconds, int | float) or not 0 <= latency_seconds < float("inf"):
        raise ConfigError(f"engine {name!r}: setting latency_seconds is {latency_seconds!r}: not a number from 0 on")
    rules = read_rules(Path(file))

    def reply(messages: Sequence[Message], *_: object) -> Reply:
        for rule in rules:
            if rule.fits(messages):
                return rule.answer()
        last = messages[-1].content if messages else ""
        return ConfigError(f"engine {name!r}: none of its {len(rules)} rules fits the message {last[-200:]!r}")

    return ScriptedEngine(reply, name=name, latency_seconds=latency_seconds)
