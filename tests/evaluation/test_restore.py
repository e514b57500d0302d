"""The config of a receipt again, with what the receipt leaves out taken from a config file."""

import doctest
from pathlib import Path

import pytest

from agentflow.config import Config, RecordingsConfig, load_config
from agentflow.errors import ConfigError
from agentflow.evaluation import restore
from agentflow.evaluation.describe import weights_used
from agentflow.evaluation.privacy import Privacy
from agentflow.evaluation.receipt import Receipt, RecordingsUsed, read_receipt
from agentflow.evaluation.restore import restored_config

from ..scripted_team import write_script
from .asking import numbers, run


@pytest.fixture
def base(tmp_path: Path) -> Receipt:
    run(tmp_path / "base.jsonl", numbers(1))
    return read_receipt(tmp_path / "base.jsonl")


def receipt_of(base: Receipt, config: Config) -> Receipt:
    """A receipt of a run with that config."""
    settings = config.model_dump(mode="json")
    written = Privacy.of_config(settings, weights_used(config)).config(settings)
    return Receipt(base.path, base.header.model_copy(update={"config": written}), base.records)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """With about everything that a receipt leaves out."""
    script = write_script(tmp_path / "planner.jsonl", "a plan")
    server = "https://gpu7.lab/v1#planner"
    return load_config(
        overrides={
            "engine": script,
            "planner.engine": server,
            "planner.max_tokens": 99,
            f'engines."{server}".timeout_seconds': 5,
            "budget.max_turns": 7,
            "tools.wikipedia_search.corpus": str(tmp_path / "corpus" / "pages.jsonl"),
            "tools.mcp.files.command": ["files-server", str(tmp_path)],
        }
    )


def test_examples() -> None:
    assert doctest.testmod(restore).failed == 0


def test_the_same_config_comes_back_without_its_trace(base: Receipt, config: Config) -> None:
    receipt = receipt_of(base, config)
    assert config.trace
    assert restored_config(receipt, config) == config.model_copy(update={"trace": None})


def test_nothing_else_is_taken_from_the_file(base: Receipt, config: Config) -> None:
    receipt = receipt_of(base, config)
    planner = config.planner.model_copy(update={"max_tokens": 10, "temperature": 1.0})
    other = config.model_copy(update={"planner": planner, "budget": Config().budget, "prompts": "worked", "seed": 3})
    assert restored_config(receipt, other) == config.model_copy(update={"trace": None})


def test_a_tool_that_asks_the_executor_computes_with_its_weights(tmp_path: Path) -> None:
    engines = {name: write_script(tmp_path / f"{name}.jsonl", name) for name in ("solo", "executor")}
    given = {f"{name}.engine": engine for name, engine in engines.items()}
    react = load_config(overrides={"flow": "react", "tools.enabled": ["generalist"], **given})
    assert weights_used(react).keys() == set(engines.values())
    without = load_config(overrides={"flow": "react", "tools.enabled": ["python"], **given})
    assert weights_used(without).keys() == {engines["solo"]}


def test_what_is_missing_is_named_with_its_place(base: Receipt, config: Config) -> None:
    receipt = receipt_of(base, config)
    with pytest.raises(ConfigError, match=r"engine = 'scripted:planner.jsonl@.*--config that sets engine"):
        restored_config(receipt)
    with pytest.raises(ConfigError, match=r"planner.engine = 'https://SERVER-"):
        restored_config(receipt, load_config(overrides={"engine": config.engine}))


def test_a_file_whose_content_is_another_one_is_not_taken(base: Receipt, config: Config, tmp_path: Path) -> None:
    receipt = receipt_of(base, config)
    write_script(tmp_path / "planner.jsonl", "another plan")
    told = r" has engine = 'scripted:planner.jsonl@\w{6}', and that of --config is now 'scripted:planner.jsonl@\w{6}'"
    with pytest.raises(ConfigError, match=told):
        restored_config(receipt, config)


def test_a_config_without_anything_private_needs_no_file(base: Receipt) -> None:
    config = load_config(overrides={"planner.engine": "openai:gpt-5"})
    assert restored_config(receipt_of(base, config)) == config.model_copy(update={"trace": None})


def test_settings_of_another_version_are_named(base: Receipt) -> None:
    header = base.header.model_copy(update={"config": {"planers": 3}})
    with pytest.raises(ConfigError, match=r"planers: .*: use the version that wrote it \(agentflow"):
        restored_config(Receipt(base.path, header, ()))


def test_a_cassette_is_not_added_to(base: Receipt, tmp_path: Path) -> None:
    cassette = str(tmp_path / "tools.cassette")
    config = load_config(overrides={"recordings.mode": "record", "recordings.file": cassette, "trace": "none"})
    header = base.header.model_copy(update={"recordings": RecordingsUsed(mode="record", file="tools.cassette")})
    found = restored_config(receipt_of(Receipt(base.path, header, ()), config), config)
    assert found == config.model_copy(update={"recordings": RecordingsConfig()})


def test_a_cassette_is_found_or_asked_for(base: Receipt, tmp_path: Path) -> None:
    cassette = tmp_path / "tools.cassette"
    cassette.touch()
    config = load_config(overrides={"recordings.mode": "replay", "recordings.file": str(cassette), "trace": "none"})
    receipt = receipt_of(base, config)
    assert restored_config(receipt, load_config(overrides={"recordings.file": str(cassette)})) == config
    with pytest.raises(ConfigError, match=r"recordings.file = 'tools.cassette'. Give a config file by --config"):
        restored_config(receipt)
