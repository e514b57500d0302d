"""What a run depends on, and runs put side by side that differ in one part of it and in nothing else."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.config import MODULES
from agentflow.evaluation.identity import ITEMS, conditions
from agentflow.evaluation.receipt import Header
from agentflow.evaluation.report.systems import Run

GENERALIST = "generalist"
_SAID_BY_FLOW = ("config.engine", "config.flow", "config.prompts", "config.seed", "config.budget.max_turns")
# What a module or a tool is set to stands in the header, with the defaults filled in.
_SAID_BY_PARTS = ("prompts.", "config.tools.", "config.solo.", *(f"config.{module}." for module in MODULES))


def engines_of(header: Header) -> dict[str, str]:
    """The engine of each module, and of the generalist where there is one."""
    engines = {module: used.engine for module, used in header.modules.items()}
    if GENERALIST in header.tools:
        tools = header.config.get("tools")
        settings = tools.get(GENERALIST) if isinstance(tools, dict) else None
        chosen = settings.get("engine") if isinstance(settings, dict) else None
        default = engines.get("executor") or next(iter(engines.values()), "")
        engines[GENERALIST] = default if chosen in (None, "", "default") else str(chosen)
    return engines


def everything_but(header: Header, parts: Collection[str] = ()) -> dict[str, Any]:
    """What the records depend on, by name, but for the engines of some parts (modules, or the generalist)."""
    used = {engine for part, engine in engines_of(header).items() if part not in parts}
    found = {name: value for name, value in conditions(header).items() if _counts(name, used)}
    for module, played in header.modules.items():
        engine = {} if module in parts else {"engine": played.engine}
        settings = {**dict(played.sampling), "constrained": played.constrained, **engine}
        found |= {f"{module}.{name}": value for name, value in settings.items()}
    if GENERALIST in parts and GENERALIST in header.tools:
        _, _, found[f"tools.{GENERALIST}"] = header.tools[GENERALIST].partition(", ")  # behind the engine its sampling
    return {**found, "prompts": header.prompts.hash, "turns": header.max_turns}


def _counts(name: str, engines: Collection[str]) -> bool:
    """Whether a condition says something that nothing else says, of an engine that is one of these."""
    if name.startswith(("weights.", "config.engines.")):
        setting = name.removeprefix("weights.").removeprefix("config.engines.")
        return not setting.endswith(".file") and setting.startswith(tuple(f"{engine}." for engine in engines))
    return name not in _SAID_BY_FLOW and not name.startswith(_SAID_BY_PARTS)


@dataclass(frozen=True)
class Ablation:
    """Runs by benchmark and row: those of one benchmark differ in one part, and in nothing else."""

    columns: dict[str, dict[str, Run]]

    @property
    def rows(self) -> list[str]:
        """The names of all rows."""
        return list(dict.fromkeys(row for column in self.columns.values() for row in column))


def ablations(runs: Sequence[Run], parts: Collection[str], row: Callable[[Run], str]) -> list[Ablation]:
    """What there is to compare of some parts: none, mostly one, and several where no table could hold all of it.

    Each benchmark is shown under the largest turn budget that its systems share. `row` names the row of a run.
    """
    found: list[Ablation] = []
    for group in _alike(sorted(runs, key=lambda run: -run.header.max_turns), parts):
        column = {row(run): run for run in group}
        name = group[0].benchmark
        if any(column.keys() <= one.columns.get(name, {}).keys() for one in found):
            continue  # shown under a larger turn budget
        home = next((one for one in found if name not in one.columns and len({*one.rows} & {*column}) > 1), None)
        if home is None:
            found.append(home := Ablation({}))
        home.columns[name] = column
    return found


def _alike(runs: Sequence[Run], parts: Collection[str]) -> list[list[Run]]:
    """Those that are alike but for the engines of some parts, where these are not all the same."""
    groups: dict[str, list[Run]] = {}
    items_known = all(run.header.benchmark.items_hash for run in runs)  # older receipts do not say
    for run in runs:
        rest = {**everything_but(run.header, parts), "trials": sorted(run.trials)}
        if not items_known:
            del rest[ITEMS]
        groups.setdefault(repr(sorted(rest.items(), key=lambda item: item[0])), []).append(run)
    return [group for group in groups.values() if len({_played_by(run.header, parts) for run in group}) > 1]


def _played_by(header: Header, parts: Collection[str]) -> str:
    """The engines of some parts, with their weights."""
    engines = {part: engine for part, engine in engines_of(header).items() if part in parts}
    weights = [header.weights[engine].sha256 for engine in engines.values() if engine in header.weights]
    return repr((sorted(engines.items()), weights))
