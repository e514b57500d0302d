"""Settings: where they come from, what wins, and what a mistake is told."""

import doctest
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow import config as config_module
from agentflow.cli import settings as settings_module
from agentflow.cli.settings import as_toml, parse_value, read_settings
from agentflow.config import MODULES, Config, load_config
from agentflow.errors import ConfigError, UnknownName
from agentflow.types import Sampling


def write(folder: Path, text: str) -> Path:
    path = folder / "agentflow.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_settings_and_settings_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[budget]\nmax_turns = 1\nmax_seconds = 10\ntool_seconds = 5\n")
    config = read_settings(path, ["budget.max_turns=2", "budget.max_seconds=20"], {"budget.max_turns": 3})
    assert (config.budget.max_turns, config.budget.max_seconds, config.budget.tool_seconds) == (3, 20, 5)
    assert config.memory == Config().memory


def test_without_anything_the_defaults_are_in_force() -> None:
    assert load_config() == Config()
    assert Config().engine.startswith("local:")


@pytest.mark.parametrize("module", [*MODULES, "solo"])
def test_a_table_of_a_module_keeps_its_other_defaults(module: str) -> None:
    default = getattr(Config(), module)
    changed = getattr(load_config(overrides={f"{module}.top_p": 0.5}), module)
    assert changed == default.model_copy(update={"top_p": 0.5})
    assert changed.sampling == Sampling(temperature=0.0, top_p=0.5, max_tokens=default.max_tokens)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("planer.temperature", "'planer': did you mean 'planner'"),
        ("planner.temprature", "'planner.temprature': did you mean 'planner.temperature'"),
        ("budget.turns", "'budget.turns'.*Known: budget.max_seconds, budget.max_tokens, budget.max_turns"),
        ("memory.token", "did you mean 'memory.tokens'"),
        ("promts", "did you mean 'prompts'"),
        ("max_turns", "did you mean 'budget.max_turns'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownName, match=suggestion):
        load_config(overrides={name: 1})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("budget.max_turns", 0, r"budget.max_turns: .*greater than or equal to 1 \(came: 0\)"),
        ("budget.max_turns", "many", r"budget.max_turns: .*integer.*\(came: 'many'\)"),
        ("budget.max_turns", "none", r"budget.max_turns: .*\(came: 'none'\)"),
        ("budget.max_seconds", float("inf"), r"budget.max_seconds: .*finite"),
        ("planner.temperature", float("nan"), r"planner.temperature: "),
        ("planner.temperature", float("inf"), r"planner.temperature: .*finite"),
        ("planner.top_p", 1.5, r"planner.top_p: "),
        ("planner", "fast", r"planner: wanted a table of settings \(came: 'fast'\)"),
        ("planner.temperature.value", 1, r"planner.temperature: "),
        ("tools.enabled", "python", r"tools.enabled: .*\(came: 'python'\)"),
        ("tools.python", 3, r"the settings: tools: tools.python must be a table"),
        ("tools.mcp.files", 3, r"tools.mcp.files: wanted a table of settings \(came: 3\)"),
        ("tools.mcp.files", {"env": ["HOME"]}, r"tools.mcp.files: wanted command or url, came neither"),
        ("engines.x", 3, r"engines.x: "),
        ("memory.tokens", 10, r"memory.tokens: "),
        ("a b", 1, r"'a b' is no name of a setting: quote a part"),
        ("engines.local:tiny.threads", 1, r"is no name of a setting: quote a part"),
        ("", 1, r"'' is no name of a setting"),
        ("seed=1\nprompts", "x", r"is no name of a setting"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(overrides={name: value})


def test_a_value_can_not_become_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "seed = 1\n")
    with pytest.raises(ConfigError, match=r"'seed.x' can not be set: 'seed' is a value and not a table"):
        load_config(path, {"seed.x": 1})


def test_the_name_of_an_engine_is_quoted_as_in_toml() -> None:
    config = load_config(overrides={'engines."local:qwen2.5-coder-1.5b".threads': 4})
    assert config.engines == {"local:qwen2.5-coder-1.5b": {"threads": 4}}


def test_none_unsets() -> None:
    names = ["planner.temperature", "budget.max_seconds", "budget.max_tokens", "seed", "trace", "recordings.file"]
    config = read_settings(None, [f"{name}=none" for name in names], {})
    assert config.planner.temperature is None
    assert (config.budget.max_seconds, config.budget.max_tokens) == (None, None)
    assert (config.seed, config.trace, config.recordings.file) == (None, None, None)


def test_files_may_be_under_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    config = load_config(overrides={"trace": "~/trace.jsonl", "recordings.file": "~/web.cassette"})
    assert config.trace == Path("/home/someone/trace.jsonl")
    assert config.recordings.file == Path("/home/someone/web.cassette")


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_recordings_need_a_file(mode: str) -> None:
    with pytest.raises(ConfigError, match=f'recordings: .*recordings.mode is "{mode}": set recordings.file'):
        load_config(overrides={"recordings.mode": mode})
    assert load_config(overrides={"recordings.mode": mode, "recordings.file": "web.cassette"}).recordings.file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[budget\n", r"agentflow.toml is not TOML: .*line 1"),
        (b"\xff\xfe", r"agentflow.toml is not TOML"),
        (b"[budget]\nturns = 3\n", r"unknown setting 'budget.turns'"),
        (b"[budget]\nmax_turns = []\n", r"agentflow.toml: budget.max_turns: "),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "agentflow.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no config file at"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"can not read the config file .*: Is a directory"):
        load_config(tmp_path)


def test_a_setting_of_the_command_line_needs_a_value() -> None:
    with pytest.raises(ConfigError, match=r"'planner.temperature' is not of the form name=value"):
        read_settings(None, ["planner.temperature"], {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ('["a", "b"]', ["a", "b"]),
        ("{a = 1}", {"a": 1}),
        ('"3"', "3"),
        ("local:smollm2-135m", "local:smollm2-135m"),
        ("none", "none"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_values_are_toml_or_text(text: str, value: object) -> None:
    assert parse_value(text) == value


values = st.recursive(
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(st.text(), st.dictionaries(st.text(), values, max_size=3), max_size=3)


@given(tables, st.none() | st.floats(0, 2), st.text(), st.none() | st.integers(), st.lists(st.text(), max_size=3))
def test_what_is_shown_reads_as_the_same_config(
    engines: Any, temperature: float | None, prompts: str, seed: int | None, enabled: list[str]
) -> None:
    config = Config.model_validate(
        {
            "engines": engines,
            "generator": {"temperature": temperature, "max_tokens": 9},
            "prompts": prompts,
            "seed": seed,
            "tools": {"enabled": enabled, "python": {"seconds": 3}, "nothing": {}},
            "budget": {"max_seconds": None},
            "trace": None,
        }
    )
    assert load_toml(as_toml(config)) == config


def load_toml(text: str) -> Config:
    return Config.model_validate(tomllib.loads(text))


def test_the_defaults_are_shown_with_every_name() -> None:
    shown = tomllib.loads(as_toml(Config()))
    assert shown.keys() == Config.model_fields.keys()
    assert shown["planner"]["top_p"] == "none"
    assert load_toml(as_toml(Config())) == Config()


@pytest.mark.parametrize("module", [config_module, settings_module])
def test_the_examples_in_the_docstrings(module: Any) -> None:
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    assert doctest.testmod(module, optionflags=flags).failed == 0
