"""The config that a receipt was made with, to run it again."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from agentflow.config import Config
from agentflow.errors import ConfigError
from agentflow.evaluation.describe import weights_used
from agentflow.evaluation.privacy import Privacy
from agentflow.evaluation.receipt import Receipt

STAND_IN = re.compile(r"@[0-9a-f]{6}$|//SERVER-[0-9a-f]{6}|^sha256:[0-9a-f]{12}$|^\[REDACTED\]$")


def restored_config(receipt: Receipt, given: Config | None = None) -> Config:
    """Every setting as the receipt has it, and no trace. A cassette is replayed where it was, and never added to.

    A receipt has stand-ins for paths, addresses and secrets: where `given` has something in the same place that would
    be written so, it is taken from there, and nothing else is. Raises `ConfigError` for a stand-in that is left, and
    for settings that this version does not have.
    """
    settings: Any = receipt.header.config
    written: dict[str, Any] = {}
    if given:
        known = given.model_dump(mode="json")
        written = Privacy.of_config(known, weights_used(given)).config(known)
        settings = _spelt_out(settings, written, known)
    for place, text in _stand_ins(settings):
        raise _missing(receipt, place, text, dict(_stand_ins(written)).get(place, ""))
    live = {"recordings": {"mode": "live"}} if receipt.header.recordings.mode == "record" else {}
    try:
        config = Config.model_validate({**settings, **live, "trace": None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(
            f"{receipt.path} has settings that can not be used here ({'.'.join(map(str, first['loc']))}: "
            f"{first['msg']}): use the version that wrote it ({receipt.header.package})"
        ) from None
    cassette = config.recordings.file
    if config.recordings.mode == "replay" and cassette and not cassette.exists():
        raise _missing(receipt, "recordings.file", str(cassette))
    return config


def _missing(receipt: Receipt, place: str, text: str, given: str = "") -> ConfigError:
    if given:
        return ConfigError(
            f"{receipt.path} has {place} = {text!r}, and that of --config is now {given!r}: put back what it was then, "
            "or evaluate anew"
        )
    return ConfigError(
        f"a receipt keeps no paths, addresses and keys: {receipt.path} has {place} = {text!r}. "
        f"Give a config file by --config that sets {place} to what it stands for"
    )


def _stand_ins(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The values that can not be what was meant, each with its place.

    >>> list(_stand_ins({"engine": "local:qwen2.5-coder-1.5b", "planner": {"engine": "local:model.gguf@30fd0e"}}))
    [('planner.engine', 'local:model.gguf@30fd0e')]
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _stand_ins(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _stand_ins(inner, place)
    elif isinstance(value, str) and STAND_IN.search(value):
        yield place, value


def _spelt_out(kept: Any, written: Any, known: Any) -> Any:
    """
    >>> written, known = {"engine": "local:planner.gguf", "seed": 1}, {"engine": "local:/mine/planner.gguf", "seed": 1}
    >>> _spelt_out({"engine": "local:planner.gguf", "seed": 0}, written, known)
    {'engine': 'local:/mine/planner.gguf', 'seed': 0}
    """
    if kept == written:
        return known
    if not (isinstance(kept, dict) and isinstance(written, dict)):
        return kept
    names = dict(zip(written, known, strict=False))  # those of engines have stand-ins too
    return {
        names.get(name, name): _spelt_out(value, written.get(name), known.get(names.get(name)))
        for name, value in kept.items()
    }
