"""What the `metrics.jsonl` of a training run says of calls of tools."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentflow.errors import ConfigError
from agentflow.evaluation.report.page import Line

RATE = "errors/calls"


class _Point(NamedTuple):
    """One step. `whole` says whether calls of tools that do not exist are counted, as they should be."""

    step: float
    percentage: float
    whole: bool


def error_curves(paths: Sequence[Path]) -> list[Line]:
    """A curve for each run, called by its folder; where several folders have one name, by their paths."""
    names = [path.parent.name for path in paths]
    labels = [name if name and names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    return [_curve(path, label) for path, label in zip(paths, labels, strict=True)]


def _curve(path: Path, label: str) -> Line:
    """By training step, the percentage of calls that went wrong.

    Metrics of earlier versions leave calls of tools that do not exist out: the name says so. Raises `ConfigError` with
    the line for what can not be read, and where no step called a tool.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can not read the metrics {path}: {error}") from None
    points = [point for number, line in enumerate(lines, 1) if (point := _point(line, f"{path}, line {number}"))]
    if not points:
        raise ConfigError(f"{path} has no training step that called a tool: wanted metrics.jsonl of a training run")
    whole = all(point.whole for point in points)
    return Line(label if whole else f"{label}, without calls of unknown tools", [point[:2] for point in points])


def _point(line: str, place: str) -> _Point | None:
    """Of one line; None for one that is not of a training step, and for a step without calls."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{place} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ConfigError(f"{place}: wanted a JSON object, found {line[:60]}")
    if row.get("kind") != "train":
        return None
    try:
        whole = RATE in row
        rate = float(row[RATE]) if whole else _rate_by_tool(row)
        return None if rate is None else _Point(float(row["step"]), 100 * rate, whole)
    except KeyError as error:
        raise ConfigError(f"{place}: field {error} is missing") from None
    except (TypeError, ValueError):
        raise ConfigError(f"{place}: the step, and calls and errors of tools, must be numbers") from None


def _rate_by_tool(row: dict[str, Any]) -> float | None:
    """
    >>> _rate_by_tool({"tool/a/calls": 3.0, "tool/a/errors": 1 / 3, "tool/b/calls": 1.0, "tool/b/errors": 1.0})
    0.5
    """
    tools = [name.removesuffix("/calls") for name in row if name.startswith("tool/") and name.endswith("/calls")]
    calls = sum(float(row[f"{tool}/calls"]) for tool in tools)
    return sum(float(row[f"{tool}/calls"]) * float(row[f"{tool}/errors"]) for tool in tools) / calls if calls else None
