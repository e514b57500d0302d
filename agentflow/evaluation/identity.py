"""Whether two headers stand for the same evaluation: what must not change while one receipt is written."""

import re
from collections.abc import Iterator
from typing import Any

from agentflow.evaluation.receipt import Header

# Each of these can change from one run to the next, and no record with it. What matters of a judge is in `judge`.
_OF_A_RUN = ("config.trace", "config.recordings.", "config.judge.", "config.prices", "recordings.file")
_HASH = re.compile("[0-9a-f]{64}")
_OF_AN_ENGINE = {"threads", "max_concurrency", "timeout_seconds", "max_retries", "base_url", "latency_seconds"}


def conditions(header: Header) -> dict[str, Any]:
    """Everything that the records depend on, by dotted name."""
    fields = header.model_dump(
        mode="json",
        include={
            "package": True,
            "benchmark": {"name", "data_hash"},
            "flow": True,
            "prompts": True,
            "weights": True,
            "tools": True,
            "judge": True,
            "recordings": True,
            "seed": True,
            "seeded": True,
            "config": True,
        },
    )
    if fields["recordings"]["mode"] == "record":  # the tools are as live as ever, and the cassette grows
        fields["recordings"] = {"mode": "live", "digest": ""}
    return {name: value for name, value in _flat(fields) if not _is_of_a_run(name)}


def differences(one: Header, other: Header) -> list[str]:
    """What differs, each as `name: its value -> that of the other`.

    A receipt may get more items and more trials later: neither counts.
    """
    before, after = conditions(one), conditions(other)
    return [
        f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}"
        for name in [*after, *(name for name in before if name not in after)]
        if before.get(name) != after.get(name)
    ]


def _short(value: Any) -> str:
    """A value to be shown: of a hash its beginning.

    >>> _short("30fd0e150be5de56845f85e3b95050a5c00d077f5c3d0917249e4f9c95a863f4"), _short(0.5)
    ("'30fd0e150be5'", '0.5')
    """
    return repr(value[:12] if isinstance(value, str) and _HASH.fullmatch(value) else value)


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """
    >>> dict(_flat({"a": {"b": 1, "c": [2]}, "d": {}}))
    {'a.b': 1, 'a.c': [2]}
    """
    if not isinstance(value, dict):
        yield place, value
        return
    for name, inner in value.items():
        yield from _flat(inner, f"{place}.{name}" if place else name)


def _is_of_a_run(name: str) -> bool:
    return name.startswith(_OF_A_RUN) or (
        name.startswith("config.engines.") and name.rsplit(".", 1)[-1] in _OF_AN_ENGINE
    )
