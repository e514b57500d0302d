"""Whether two headers stand for the same evaluation: what must not change while one receipt is written."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.config import MODULES
from agentflow.evaluation.receipt import Header

# Each of these can change from one run to the next, and no record with it. What matters of a judge is in `judge`.
_OF_A_RUN = ("config.trace", "config.recordings.", "config.judge.", "config.prices", "recordings.file")
ITEMS = "benchmark.items_hash"
_HASH = re.compile("[0-9a-f]{64}")
_OF_AN_ENGINE = {"threads", "max_concurrency", "timeout_seconds", "max_retries", "latency_seconds"}


def conditions(header: Header) -> dict[str, Any]:
    """Everything that the records depend on, by dotted name."""
    fields = header.model_dump(
        mode="json",
        include={
            "package": True,
            "benchmark": {"name", "data_hash", "items_hash"},
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
    if fields["recordings"]["mode"] != "replay":  # where it is recorded the tools are as live as ever
        fields["recordings"] = {"mode": "live"}
    for module in {*MODULES, "solo"} - header.modules.keys():
        fields["config"].pop(module, None)
    if header.flow == "plain":  # which calls no tools
        fields["config"].pop("tools", None)
    return {name: value for name, value in _flat(fields) if not _is_of_a_run(name)}


def differences(one: Header, other: Header) -> list[str]:
    """What differs, each as `name: its value -> that of the other`.

    A receipt may get more items and more trials later: neither counts.
    """
    before, after = conditions(one), conditions(other)
    if not (one.benchmark.items_hash and other.benchmark.items_hash):  # older receipts do not say
        before.pop(ITEMS), after.pop(ITEMS)
    changes = _changes(before, after)
    # An engine of another name has other weights: the name itself is told of.
    return [change for name, change in changes if not name.startswith("weights.") or name in before.keys() & after]


def drift(one: Header, other: Header) -> list[str]:
    """What differs of machine and attempts, as `differences` has it: it can change a record, and mostly does not."""
    return [change for _, change in _changes(*(_surroundings(header) for header in (one, other)))]


def _surroundings(header: Header) -> dict[str, Any]:
    machine = {"python", "platform", "packages"}
    return dict(_flat(header.model_dump(mode="json", include={"machine": machine, "attempts": True})))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The names of what is not the same, each with the words for it."""
    return [
        (name, f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}")
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
