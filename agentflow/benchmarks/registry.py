"""Benchmarks by name: the ten, the sets for development, those of installed packages, and one's own by path."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from agentflow.benchmarks.aime24 import AIME24
from agentflow.benchmarks.amc23 import AMC23
from agentflow.benchmarks.bamboogle import BAMBOOGLE
from agentflow.benchmarks.benchmark import Benchmark
from agentflow.benchmarks.dev_sets import DEV_SETS
from agentflow.benchmarks.gaia import GAIA
from agentflow.benchmarks.game_of_24 import GAME_OF_24
from agentflow.benchmarks.gpqa import GPQA
from agentflow.benchmarks.hotpotqa import HOTPOTQA
from agentflow.benchmarks.medqa import MEDQA
from agentflow.benchmarks.musique import MUSIQUE
from agentflow.benchmarks.own import from_python_file, from_tasks_file
from agentflow.benchmarks.two_wiki import TWO_WIKI
from agentflow.errors import ConfigError, UnknownName
from agentflow.tasks.rows import SUFFIXES

GROUP = "agentflow.benchmarks"
THE_TEN = (BAMBOOGLE, TWO_WIKI, HOTPOTQA, MUSIQUE, GAIA, AIME24, AMC23, GAME_OF_24, GPQA, MEDQA)
OURS = {benchmark.name: benchmark for benchmark in (*THE_TEN, *DEV_SETS)}


def known_benchmarks() -> dict[str, Benchmark]:
    """All benchmarks by their names: the ten in the order of the paper, the development sets, those of packages."""
    return {**OURS, **{name: _loaded(entry) for name, entry in sorted(_offered().items())}}


def find_benchmark(named: str | Path) -> Benchmark:
    """A benchmark by its name or an alias, in any case; a file of tasks or a Python file by its path.

    Raises `UnknownName` with the nearest names, and `ConfigError` for a file or a package that is no benchmark.

    >>> find_benchmark("AIME2024").title, find_benchmark("2wiki").column
    ('AIME 2024', '2Wiki')
    >>> find_benchmark("bambogle")
    Traceback (most recent call last):
    agentflow.errors.UnknownName: unknown benchmark 'bambogle': did you mean 'bamboogle'? Known: 2wiki, aime24, ...
    """
    text = str(named)
    if text.endswith((*SUFFIXES, ".py")):
        return _own(Path(text))
    name = _aliases().get(text.lower(), text.lower())
    if name in OURS:
        return OURS[name]
    offered = _offered()
    if name not in offered:
        raise UnknownName("benchmark", text, [*OURS, *offered])
    return _loaded(offered[name])


def _own(path: Path) -> Benchmark:
    """Under a name that is not that of one of the ten: its number would stand beside those that the paper prints."""
    found = from_python_file(path) if path.suffix == ".py" else from_tasks_file(path)
    name = found.name.lower()
    if any(benchmark.name == name for benchmark in THE_TEN):
        raise ConfigError(
            f"{path} has the name of a benchmark: run that one on these items as `{name} --data {path}`, or give yours "
            "another name"
        )
    return found


@cache
def _aliases() -> dict[str, str]:
    return {alias: benchmark.name for benchmark in OURS.values() for alias in benchmark.aliases}


def _offered() -> dict[str, EntryPoint]:
    """What installed packages offer under other names than ours."""
    return {entry.name.lower(): entry for entry in entry_points(group=GROUP) if entry.name.lower() not in OURS}


def _loaded(entry: EntryPoint) -> Benchmark:
    owner = entry.dist.name if entry.dist else entry.value
    try:
        found = entry.load()
    except Exception as error:
        raise ConfigError(
            f"benchmark {entry.name}: the package {owner} is broken: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Benchmark):
        raise ConfigError(f"benchmark {entry.name}: the package {owner} offers {type(found).__name__}, no Benchmark")
    return found
