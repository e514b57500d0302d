"""What a receipt keeps to itself: folders of the user, addresses of servers, secrets.

A receipt is made to be handed on. Its header, the names of its engines and its errors are written with stand-ins for
the paths and addresses that the settings name. What was asked, answered and found stays as it was, word for word.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError

from agentflow.evaluation.receipt import Header, Record, Weights
from agentflow.evaluation.stand_ins import (
    BEFORE_A_PATH,
    StandIn,
    stand_ins_of,
    stand_ins_of_endpoint,
    stand_ins_of_path,
    stand_ins_of_weights,
    texts_of,
)
from agentflow.trace import redacted, secrets_of
from agentflow.types import Call, Noun

_HIDDEN = re.compile(r"(?:key|token|secret|password|credential|authorization|contact)s?$", re.IGNORECASE)
_NOTHING = "[REDACTED]"
_BY_ENGINE = {"engines", "prices"}  # tables with a specification for each name
# Token ids and their probabilities are for training, and most of a trajectory's bytes: a trace has them.
_CALLS: Any = {"calls": {"__all__": {"completion": {"prompt_token_ids", "token_ids", "logprobs"}}}}
_LEFT_OUT: Any = {"trajectory": {**_CALLS, "turns": {"__all__": _CALLS}}}


class Privacy:
    """What is private in an evaluation, and how it is written. `clean` takes private paths and addresses from a text.

    >>> Privacy(stand_ins_of("local:/home/ann/m/planner.gguf")).clean("local:/home/ann/m/planner.gguf is no model")
    'local:planner.gguf is no model'
    """

    def __init__(self, stand_ins: Iterable[StandIn], of_weights: Iterable[StandIn] = ()) -> None:
        found = list(stand_ins)
        self.clean = _cleaner([*found, *of_weights])
        self._clean_version = _cleaner(found)  # that of a tool has no digest: a recorded one may be of an older file

    @classmethod
    def of(cls, header: Header) -> "Privacy":
        """What is private in a header that nothing was hidden in yet, and on this machine."""
        return cls.of_config(header.config, header.weights, header.judge)

    @classmethod
    def of_config(cls, config: dict[str, Any], weights: Mapping[str, Weights], judge: Any = None) -> "Privacy":
        """As `of`, from the parts of a header that matter."""
        found = _of_home(os.path.expanduser("~"))
        for text in texts_of([config, judge]):
            found += stand_ins_of(text)
        for path in filter(None, (config.get("trace"), config.get("recordings", {}).get("file"))):
            found += stand_ins_of_path(path)
        for server in _servers(config).values():
            found += stand_ins_of_endpoint(server.get("url", ""))
        of_weights = [stand_ins_of_weights(spec, used.file, used.sha256) for spec, used in weights.items()]
        return cls(found, chain.from_iterable(of_weights))

    def header(self, header: Header) -> Header:
        """The header as it is written."""
        return header.model_copy(
            update={
                "modules": {
                    name: module.model_copy(update={"engine": self.clean(module.engine)})
                    for name, module in header.modules.items()
                },
                "weights": {self.clean(spec): weights for spec, weights in header.weights.items()},
                "prompts": header.prompts.model_copy(update={"name": self.clean(header.prompts.name)}),
                "tools": {name: self._clean_version(version) for name, version in header.tools.items()},
                "judge": self._setting(header.judge),
                "config": self.config(header.config),
            }
        )

    def record(self, record: Record) -> Record:
        """A record as it is written: its errors, and the names of engines and tools."""
        found = record.trajectory
        if found:
            turns = tuple(turn.model_copy(update={"calls": self._calls(turn.calls)}) for turn in found.turns)
            tools = {name: self._clean_version(version) for name, version in found.tools.items()}
            changed = {"turns": turns, "calls": self._calls(found.calls), "tools": tools}
            found = found.model_copy(update={**changed, "error": self.clean(found.error)})
        return record.model_copy(update={"error": self.clean(record.error), "trajectory": found})

    def _calls(self, calls: tuple[Call, ...]) -> tuple[Call, ...]:
        return tuple(call.model_copy(update={"engine": self.clean(call.engine)}) for call in calls)

    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Every setting as it is written; of the command of an MCP server only the program."""
        public: dict[str, Any] = self._setting(config)
        for table in _BY_ENGINE & public.keys():
            public[table] = {self.clean(spec): settings for spec, settings in public[table].items()}
        for name, server in _servers(config).items():
            if command := server.get("command"):
                digest = hashlib.sha256(json.dumps(command).encode()).hexdigest()
                public["tools"]["mcp"][name]["command"] = [Path(command[0]).name, f"sha256:{digest[:12]}"]
            public["tools"]["mcp"][name]["headers"] = server.get("headers", {})  # names of variables, not values
        return public

    def _setting(self, value: Any, name: str = "") -> Any:
        """A setting, and all that is in it. What its name calls a secret is hidden."""
        if isinstance(value, str):
            return _NOTHING if value and _HIDDEN.search(name) else self.clean(value)
        if isinstance(value, dict):
            return {inner: self._setting(item, inner) for inner, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._setting(item, name) for item in value]
        return value


def _cleaner(stand_ins: Sequence[StandIn]) -> Callable[[str], str]:
    """Puts stand-ins into texts: of two that begin at one place the longer one, of one text the last one given."""
    found = {stand_in.private: stand_in for stand_in in stand_ins}
    longest_first = sorted(found.values(), key=lambda stand_in: len(stand_in.private), reverse=True)
    pattern = re.compile("|".join(stand_in.pattern for stand_in in longest_first) or r"(?!)")
    return lambda text: pattern.sub(lambda match: found[match.group()].public, text)


def line_of(noun: Noun) -> bytes:
    """A noun as one line of JSON, without the secrets of the environment."""
    line = _dump(noun)
    if any(json.dumps(secret, ensure_ascii=False)[1:-1] in line for secret in secrets_of(os.environ)):
        line = _dump(redacted(noun))
    return f"{line}\n".encode("utf-8", errors="replace")


def _dump(noun: Noun) -> str:
    try:
        return noun.model_dump_json(exclude=_LEFT_OUT)
    except PydanticSerializationError:  # half a surrogate pair somewhere, such as in the metadata of a task
        return json.dumps(noun.model_dump(exclude=_LEFT_OUT), ensure_ascii=False, separators=(",", ":"))


def _of_home(home: str) -> list[StandIn]:
    """Nothing where it is the root, or there is none: so it is in some containers.

    >>> Privacy(_of_home("/root")).clean("see /root/log and https://example.org/root/page")
    'see ~/log and https://example.org/root/page'
    """
    folder = f"{home.rstrip('/')}/"
    pattern = f"{BEFORE_A_PATH}{re.escape(folder)}"
    return [StandIn(folder, "~/", pattern)] if folder.startswith("/") and len(folder) > 1 else []


def _servers(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The MCP servers of a config."""
    found: dict[str, dict[str, Any]] = config.get("tools", {}).get("mcp", {})
    return found
