"""What may change between two runs of one receipt, and what may not."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.config import Config
from agentflow.engines import ScriptedEngine
from agentflow.errors import ConfigError
from agentflow.evaluation import describe, identity
from agentflow.evaluation.compare import compare
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.types import Task

from .asking import BENCHMARK, Team, config_of, numbers, run


@pytest.mark.parametrize("module", [describe, identity])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"config": config_of(planner__temperature=0.5)}, r"config.planner.temperature: 0.0 -> 0.5"),
        ({"config": config_of(budget__max_turns=3)}, r"config.budget.max_turns: 5 -> 3"),
        ({"config": config_of(prompts="paper")}, r"prompts.name: 'json' -> 'paper'"),
        ({"benchmark": BENCHMARK.model_copy(update={"data_hash": "beef"})}, r"benchmark.data_hash: 'f00d' -> 'beef'"),
        ({"seed": 3}, r"seed: 0 -> 3"),
    ],
)
def test_a_receipt_of_other_conditions_is_not_mixed_in(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    out = tmp_path / "receipt.jsonl"
    run(out, numbers(2))
    before = out.read_bytes()
    with pytest.raises(ConfigError, match=rf"receipt of another evaluation \(.*{named}.*--out"):
        run(out, numbers(2), **changed)
    assert out.read_bytes() == before


def test_what_changes_no_record_may_change(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    run(out, numbers(3), limit=2, concurrency=1)
    harmless = config_of(trace=str(tmp_path / "trace.jsonl"))
    assert len(run(out, numbers(3), config=harmless, concurrency=9).records) == 3


def served_by(server: str) -> Config:
    return config_of(**{'engines."openai:planner".base_url': f"http://{server}/v1"})


def test_another_server_is_another_evaluation(tmp_path: Path) -> None:
    out = tmp_path / "receipt.jsonl"
    run(out, numbers(2), config=served_by("gpu1:8000"))
    run(out, numbers(2), config=served_by("gpu1:8000"))
    with pytest.raises(ConfigError, match=r"base_url: 'http://SERVER-.*/v1' -> 'http://SERVER-"):
        run(out, numbers(2), config=served_by("gpu2:8000"))


def scripted(folder: Path, reply: str) -> str:
    """An engine that is a file, called as all others are."""
    folder.mkdir(exist_ok=True)
    (folder / "model.jsonl").write_text(json.dumps({"reply": reply}))
    return f"scripted:{folder}/model.jsonl"


def with_files(folder: Path, **engines: str) -> Receipt:
    """An evaluation whose modules (or generalist) are files of one name, in folders."""
    named = {f"{part}__engine": f"scripted:{folder / name}/model.jsonl" for part, name in engines.items()}
    return run(folder / "receipt.jsonl", numbers(2), config=config_of(**named))


def test_two_files_of_one_name_stay_two(tmp_path: Path) -> None:
    for name in ("untrained", "trained", "generator"):
        scripted(tmp_path / name, name)
    header = with_files(tmp_path, planner="untrained", generator="generator").header
    assert len({header.modules[name].engine for name in ("planner", "generator")}) == 2
    assert len(header.weights) == 2
    assert str(tmp_path) not in str(header)
    for name in ("planner", "generator"):
        engine = header.modules[name].engine
        assert engine == f"scripted:model.jsonl@{header.weights[engine].sha256[:6]}"
    with pytest.raises(ConfigError, match=r"config.planner.engine: 'scripted:model.jsonl@.*' -> 'scripted:model.json"):
        with_files(tmp_path, planner="trained", generator="generator")


def test_the_same_file_may_be_elsewhere(tmp_path: Path) -> None:
    for name in ("here", "there"):
        scripted(tmp_path / name, "the same")
    with_files(tmp_path, planner="here")
    assert with_files(tmp_path, planner="there").is_finished


def test_a_file_that_was_changed_is_another_evaluation(tmp_path: Path) -> None:
    for before, after, part in (("a", "b", "planner"), ("c", "d", "tools__generalist")):
        (tmp_path / "receipt.jsonl").unlink(missing_ok=True)
        scripted(tmp_path / "model", before)
        with_files(tmp_path, **{part: "model"})
        scripted(tmp_path / "model", after)
        with pytest.raises(ConfigError, match="receipt of another evaluation"):
            with_files(tmp_path, **{part: "model"})


def changed(task: Task, **fields: Any) -> Task:
    return task.model_copy(update=fields)


@pytest.mark.parametrize(
    "fields",
    [{"answers": ("999",)}, {"question": "Which number is this: 1? Think."}, {"metadata": {"scorer": "exact_match"}}],
)
def test_items_that_are_asked_or_scored_otherwise_are_other_items(tmp_path: Path, fields: dict[str, Any]) -> None:
    one = run(tmp_path / "one.jsonl", tasks := numbers(3))
    otherwise = [tasks[0], changed(tasks[1], **fields), tasks[2]]
    with pytest.raises(ConfigError, match=r"benchmark.items_hash: '.{12}' -> '.{12}'"):
        run(tmp_path / "one.jsonl", otherwise)
    other = run(tmp_path / "other.jsonl", otherwise)
    with pytest.raises(ConfigError, match="asked or scored the items of numbers otherwise"):
        compare(one, other)


def test_a_receipt_that_does_not_say_how_it_asked_fits_any(tmp_path: Path) -> None:
    receipt = run(tmp_path / "one.jsonl", numbers(3))
    hash_ = receipt.header.benchmark.items_hash
    receipt.path.write_text(receipt.path.read_text().replace(f'"items_hash":"{hash_}",', ""))
    older = read_receipt(receipt.path)
    assert older.header.benchmark.items_hash == ""
    assert compare(older, run(tmp_path / "two.jsonl", numbers(3))).conditions == ()
    assert run(tmp_path / "one.jsonl", numbers(3)).is_finished


def test_a_live_receipt_that_is_recorded_can_go_on_and_on(tmp_path: Path) -> None:
    out, recorded = tmp_path / "receipt.jsonl", {"recordings__mode": "record", "recordings__file": f"{tmp_path}/c"}
    assert run(out, numbers(9), limit=2).header.recordings.mode == "live"
    for limit in (3, 4):
        used = run(out, numbers(9), limit=limit, config=config_of(**recorded)).header.recordings
        assert (used.mode, used.file, len(used.digest)) == ("record", "c", 64)
    assert run(out, numbers(9), limit=5).header.recordings.mode == "record"


def test_another_cassette_is_another_evaluation(tmp_path: Path) -> None:
    for name in ("a", "b"):
        team = Team()
        team.engines["openai:tool"] = ScriptedEngine(lambda *_, name=name: f"it is {name}")
        config = config_of(recordings__mode="record", recordings__file=f"{tmp_path}/{name}")
        run(tmp_path / f"{name}.jsonl", numbers(2), team, config=config)
    replayed = [config_of(recordings__mode="replay", recordings__file=f"{tmp_path}/{name}") for name in ("a", "b")]
    run(tmp_path / "receipt.jsonl", numbers(2), config=replayed[0])
    with pytest.raises(ConfigError, match=r"recordings.digest"):
        run(tmp_path / "receipt.jsonl", numbers(2), config=replayed[1])


def test_what_a_flow_does_not_read_does_not_matter(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"flow": "plain", "solo__engine": "openai:generator"}
    out = tmp_path / "receipt.jsonl"
    run(out, numbers(3), limit=1, config=config_of(**plain))
    run(out, numbers(3), limit=2, config=config_of(**plain, planner__temperature=0.3, tools__enabled=["python"]))
    with pytest.raises(ConfigError, match=r"config.solo.temperature"):
        run(out, numbers(3), config=config_of(**plain, solo__temperature=0.3))


def test_other_libraries_are_told_of_and_stop_nothing(tmp_path: Path) -> None:
    one = run(tmp_path / "one.jsonl", numbers(3), limit=2)
    packages = {**one.header.machine.packages, "math-verify": "0.0.1"}
    older = one.header.model_copy(update={"machine": one.header.machine.model_copy(update={"packages": packages})})
    lines = one.path.read_bytes().splitlines(keepends=True)
    one.path.write_bytes(b"".join([older.model_dump_json().encode() + b"\n", *lines[1:]]))
    notices: list[str] = []
    receipt = run(one.path, numbers(3), attempts=5, notices=notices)
    assert len(notices) == 1
    assert "machine.packages.math-verify: '0.0.1' -> " in notices[0]
    assert "attempts: 2 -> 5" in notices[0]
    fresh = run(tmp_path / "two.jsonl", numbers(3))
    assert any("math-verify" in condition for condition in compare(receipt, fresh).conditions)


def test_a_seed_that_is_fixed_is_told_of(tmp_path: Path) -> None:
    config, several, one = config_of(planner__seed=3, planner__temperature=0.5), list[str](), list[str]()
    run(tmp_path / "several.jsonl", numbers(1), trials=2, config=config, notices=several)
    run(tmp_path / "one.jsonl", numbers(1), config=config, notices=one)
    assert several == ["planner.seed is set: the planner draws the same tokens in each of the 2 trials"]
    assert not one
