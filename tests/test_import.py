"""`import agentflow` is fast because it imports next to nothing, and each layer knows only those below it."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import agentflow

PACKAGE = Path(agentflow.__file__).parent
HEAVY = ["torch", "transformers", "numpy", "openai", "anthropic", "llama_cpp", "tantivy", "huggingface_hub", "sympy"]


def modules_after(statement: str) -> set[str]:
    """The names of all modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import agentflow",
        "from agentflow import Task, Config, load_config",
        "from agentflow import Flow",
        "from agentflow.cli import app",
        "from agentflow.cli.settings import as_toml, read_settings; as_toml(read_settings(None, None, {}))",
    ],
)
def test_nothing_heavy_is_imported(statement: str) -> None:
    assert not modules_after(statement) & set(HEAVY)


def test_the_package_alone_imports_nothing_of_others() -> None:
    modules = modules_after("import agentflow")
    assert not modules & {"pydantic", "jsonschema", "rich", "cyclopts"}


def test_solving_imports_no_torch() -> None:
    assert "torch" not in modules_after("from agentflow import open_flow, solve, tool, open_engine")


@pytest.mark.parametrize("name", agentflow.__all__)
def test_every_name_that_is_promised_is_there(name: str) -> None:
    assert getattr(agentflow, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'flwo'"):
        _ = agentflow.flwo
    assert not hasattr(agentflow, "__path_of_nothing__")


LAYERS = {
    "errors": 0,
    "types": 0,
    "characters": 0,
    "clock": 1,
    "network": 1,
    "config": 1,
    "trace": 1,
    "tool_use": 1,
    "assets": 1,
    "engines": 2,
    "tools": 2,
    "recordings": 2,
    "flow": 2,
    "tasks": 2,
    "scoring": 2,
    "assemble": 3,
    "rollout": 3,
    "benchmarks": 3,
    "evaluation": 4,
    "serve": 4,
    "train": 4,
    "cli": 5,
}


# In a process of its own: the parser of some Pythons is upset by what else has run in this one.
READ_IMPORTS = """
import ast, json, pathlib, sys

def imported(file):
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return sorted({name.split(".")[1] for name in names if name.startswith("agentflow.")})

print(json.dumps({str(file): imported(file) for file in pathlib.Path(sys.argv[1]).rglob("*.py")}))
"""


@functools.cache
def all_imports() -> dict[str, list[str]]:
    """The parts of the package that each of its files imports, by the name of their module or folder."""
    command = [sys.executable, "-c", READ_IMPORTS, str(PACKAGE)]
    found: dict[str, list[str]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def files_of(part: str) -> list[Path]:
    return [PACKAGE / f"{part}.py"] if (PACKAGE / f"{part}.py").exists() else sorted((PACKAGE / part).rglob("*.py"))


@pytest.mark.parametrize("part", LAYERS)
def test_lower_layers_never_import_higher_ones_and_siblings_never_each_other(part: str) -> None:
    assert files_of(part)
    for file in files_of(part):
        for imported in set(all_imports()[str(file)]) - {part}:
            below = LAYERS[imported] < LAYERS[part]
            assert below or {part, imported} == {"errors", "types"}, f"{file} imports {imported}"


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__", "__main__"} == set(LAYERS)
