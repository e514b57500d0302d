"""Swaps: one part changes, and nothing else; what can not be swapped is named."""

import doctest

import pytest

from agentflow.assemble import Engines
from agentflow.config import Config, load_config
from agentflow.engines import ScriptedEngine
from agentflow.errors import ConfigError, UnknownName
from agentflow.evaluation import swap
from agentflow.evaluation.describe import modules_of
from agentflow.evaluation.swap import Swap

from .asking import config_of


def team(**overrides: object) -> Config:
    """A config with one engine for all, and no tables that a user left out."""
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_config(overrides={"engine": "openai:weak", "tools.enabled": ["python", "generalist"], **named})


def test_examples() -> None:
    assert doctest.testmod(swap).failed == 0


def test_a_module_gets_another_engine_and_keeps_the_rest() -> None:
    before = config_of(planner__temperature=0.5)
    after = Swap("planner", "local:big").applied_to(before)
    assert (after.planner.engine, after.planner.temperature) == ("local:big", 0.5)
    assert after.model_copy(update={"planner": before.planner}) == before


def test_a_module_that_the_user_set_nothing_of_keeps_its_defaults() -> None:
    before = modules_of(team())["planner"]
    after = modules_of(Swap("planner", "openai:strong").applied_to(team()))["planner"]
    assert after == before.model_copy(update={"engine": "openai:strong"})
    assert (after.sampling.temperature, after.sampling.max_tokens) == (0.0, 256)


@pytest.mark.parametrize("settings", [{}, {"tools__generalist__max_tokens": 50}, {"tools__generalist__engine": ""}])
def test_tools_that_ask_the_executors_engine_keep_the_old_one(settings: dict[str, object]) -> None:
    after = Swap("executor", "openai:strong").applied_to(team(**settings))
    assert after.executor.engine == "openai:strong"
    assert after.tools.settings["generalist"]["engine"] == "openai:weak"
    assert after.tools.settings["generalist"].get("max_tokens") == settings.get("tools__generalist__max_tokens")
    assert "python" not in after.tools.settings


def test_a_tool_with_an_engine_of_its_own_keeps_it_when_the_executor_is_swapped() -> None:
    before = team(tools__generalist__engine="openai:wise")
    assert Swap("executor", "openai:strong").applied_to(before).tools == before.tools


def test_a_tool_that_asks_the_executors_engine_can_be_swapped_alone() -> None:
    after = Swap("tools.generalist", "openai:strong").applied_to(team())
    engines = Engines(after, {name: ScriptedEngine([name]) for name in ("openai:weak", "openai:strong")})
    assert engines.of_module("executor") is engines.get("openai:weak")
    assert after.tools.settings["generalist"] == {"engine": "openai:strong"}


def test_any_setting_of_a_tool_can_be_swapped() -> None:
    before = team(tools__enabled=["wikipedia_search"], tools__wikipedia_search__corpus="small.jsonl")
    after = Swap("tools.wikipedia_search.corpus", "large.jsonl").applied_to(before)
    assert after.tools.settings["wikipedia_search"] == {"corpus": "large.jsonl"}
    again = Swap("tools.wikipedia_search.num_results", 5).applied_to(before)
    assert again.tools.settings["wikipedia_search"] == {"corpus": "small.jsonl", "num_results": 5}


@pytest.mark.parametrize("flow", ["plain", "react"])
def test_a_baseline_has_one_module(flow: str) -> None:
    config = team(flow=flow)
    assert modules_of(Swap("solo", "openai:strong").applied_to(config))["solo"].engine == "openai:strong"
    with pytest.raises(UnknownName, match=r"unknown part 'planner'.*Known: solo"):
        Swap("planner", "openai:strong").applied_to(config)


@pytest.mark.parametrize(
    ("part", "flow", "told"),
    [
        ("planer", "agentflow", r"unknown part 'planer': did you mean 'planner'\?"),
        ("solo", "agentflow", "unknown part 'solo'.*executor, generator, planner, tools.generalist, tools.python, ver"),
        ("tools.pyhton", "agentflow", r"did you mean 'tools.python'\?"),
        ("tools.pyhton.seconds", "agentflow", r"did you mean 'tools.python'\?"),
        ("tools.web_search", "agentflow", "unknown part 'tools.web_search'"),  # there is such a tool, but not here
        ("tools", "agentflow", "unknown part 'tools'"),
        ("tools.python", "plain", "unknown part 'tools.python': Known: solo$"),
    ],
)
def test_a_part_that_is_not_there_is_named(part: str, flow: str, told: str) -> None:
    with pytest.raises(UnknownName, match=told):
        Swap(part, "openai:strong").applied_to(team(flow=flow))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("planner", "openai:weak"),
        ("tools.generalist", "openai:weak"),
        ("tools.generalist", "default"),
        ("tools.python.seconds", 7),
    ],
)
def test_a_swap_that_changes_nothing_is_refused(part: str, value: str | int) -> None:
    with pytest.raises(ConfigError, match="changes nothing"):
        Swap(part, value).applied_to(team(tools__python__seconds=7))


def test_a_tool_whose_results_are_replayed_can_not_be_swapped() -> None:
    replayed = team(recordings__mode="replay", recordings__file="a.cassette")
    with pytest.raises(ConfigError, match="changes nothing: the results of tools are replayed"):
        Swap("tools.generalist", "openai:strong").applied_to(replayed)
    assert Swap("planner", "openai:strong").applied_to(replayed).planner.engine == "openai:strong"


@pytest.mark.parametrize("part", ["planner", "tools.generalist", "tools.generalist.engine"])
def test_an_engine_is_a_text(part: str) -> None:
    with pytest.raises(ConfigError, match="names no engine"):
        Swap(part, 5).applied_to(team())
