"""What a receipt keeps to itself, and what it must not touch."""

import asyncio
import doctest
import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.errors import EngineError
from agentflow.evaluation import privacy, stand_ins
from agentflow.evaluation.privacy import Privacy
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.evaluation.run import evaluate
from agentflow.types import Engine, Task

from ..flow.team import plan
from .asking import BENCHMARK, Team, config_of, numbers, run


@pytest.mark.parametrize("module", [privacy, stand_ins])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def run_with(out: Path, planner: str, team: Team | None = None, tasks: list[Task] | None = None) -> Receipt:
    """Evaluate with a planner of that specification, and a corpus that has no part in it."""
    team = team or Team()
    script = ScriptedEngine(lambda *_: plan(tool_name="generalist"), name=planner)
    engines: dict[str, Engine] = {**team.engines, planner: script}
    config = config_of(planner__engine=planner, tools__wikipedia_search__corpus="/data/zoe/corpus.jsonl")
    return asyncio.run(evaluate(config, BENCHMARK, tasks or numbers(2), out, engines=engines))


@pytest.mark.parametrize("variable", ["SOME_API_KEY", "WEATHER_AUTH"])
def test_nothing_private_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Neither keys, nor folders, nor addresses: not in settings, not in the words of an error."""
    monkeypatch.setenv(variable, "sk-0123456789")
    home = tmp_path / "home" / "ann"
    monkeypatch.setenv("HOME", str(home))
    prompts = home / "prompts"
    prompts.mkdir(parents=True)
    (prompts / "analyst.md").write_text("## user\n$question $tools\n")
    config = config_of(prompts=str(prompts), engine="http://gpu7.lab:8000/v1#planner")

    class Leaky(Team):
        def _plan(self, messages: Any, *rest: Any) -> Any:
            return EngineError(f"sk-0123456789 is refused by http://gpu7.lab:8000/v1, see {home}/log and {prompts}")

    receipt = run(tmp_path / "receipt.jsonl", numbers(2), Leaky(), config=config)
    text = receipt.path.read_text()
    for secret in ("sk-0123456789", str(home), str(tmp_path), "gpu7.lab"):
        assert secret not in text
    read = read_receipt(receipt.path)
    assert read.records[0].error == (
        f"EngineError: [REDACTED:{variable}] is refused by http://SERVER-38494c/v1, see ~/log and prompts"
    )
    assert read.header.config["prompts"] == "prompts"
    assert read.header.config["engine"] == "http://SERVER-38494c/v1#planner"


def test_calls_do_not_name_the_server_either(tmp_path: Path) -> None:
    receipt = run_with(tmp_path / "receipt.jsonl", "http://gpu7.lab:8000/v1#planner")
    assert "gpu7" not in receipt.path.read_text()
    trajectory = read_receipt(receipt.path).records[0].trajectory
    assert trajectory
    assert "http://SERVER-38494c/v1#planner" in {call.engine for call in trajectory.all_calls}


@pytest.mark.parametrize("host", ["planner", "judge", "record", "a"])
def test_a_server_may_be_called_as_anything_else_is(tmp_path: Path, host: str) -> None:
    receipt = run_with(tmp_path / "receipt.jsonl", f"http://{host}/v1#m")
    assert list(receipt.header.modules) == ["analyst", "planner", "executor", "verifier", "generator"]
    assert read_receipt(receipt.path).header.modules["planner"].engine.startswith("http://SERVER-")
    assert f"//{host}/" not in receipt.path.read_text()


def test_what_was_asked_answered_and_found_stays_word_for_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    told = "see https://wiki.lab/page, /root/notes and /data/zoe/corpus.jsonl"
    team = Team(answers=lambda _: told)
    team.engines["openai:tool"] = ScriptedEngine(lambda *_: told)
    task = Task(
        id="x", question=f"Which number is this: 1? {told}", answers=(told,), metadata={"scorer": "exact_match"}
    )
    receipt = run_with(tmp_path / "receipt.jsonl", "http://wiki.lab/v1#m", team, [task])
    record = read_receipt(receipt.path).records[0]
    assert record.trajectory
    assert (record.answer, record.golds, record.trajectory.task.question) == (told, (told,), task.question)
    assert record.trajectory.turns[0].result == told


def header_text(**settings: Any) -> str:
    """The config of a header, as it is written."""
    config = config_of(**settings).model_dump(mode="json")
    return json.dumps(Privacy.of_config(config, {}).config(config))


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        ({"tools__mcp__x": {"command": ["npx", "x", "--api-key", "sk-4711"]}}, "sk-4711"),
        ({"tools__mcp__x": {"command": ["/data/zoe/bin/serve", "--root=/data/zoe/mine"]}}, "zoe"),
        ({"tools__mcp__x": {"url": "https://mcp.example.org/s/k-4711/mcp"}}, "k-4711"),
        ({"tools__wikipedia_search__url": "http://zoe:pw@localhost:9200/wiki"}, "pw"),
        ({"tools__web_search__url": "https://s.lab/search?key=k-4711"}, "k-4711"),
        ({"tools__web_search__url": "https://s.lab/search?key=k-4711"}, "s.lab"),
        ({"tools__wikipedia_search__contact": "zoe@lab.org"}, "zoe"),
        ({'engines."openai:planner".extra_body': {"user": {"api_key": "k-4711"}}}, "k-4711"),
        ({'engines."openai:planner".base_url': "http://gpu7.lab/v1"}, "gpu7"),
        ({'engines."local:/data/zoe/m.gguf".threads': 1}, "zoe"),
        ({"engine": "local:runs/zoe-smith/planner.gguf"}, "zoe"),
        ({"tools__wikipedia_search__corpus": "corpora/zoe/wiki.jsonl.gz"}, "zoe"),
        ({"trace": "runs/zoe/trace"}, "zoe"),
        ({"prompts": "~/zoe/prompts"}, "zoe"),
    ],
)
def test_settings_give_nothing_away(settings: dict[str, Any], secret: str) -> None:
    assert secret in str(config_of(**settings).model_dump(mode="json"))
    assert secret not in header_text(**settings)


def test_what_is_not_private_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "engine": "vllm:Qwen/Qwen2.5-7B",
        "generator__engine": "http://localhost:8000/v1#planner",
        "tools__mcp__x": {"url": "http://127.0.0.1:8931/mcp", "headers": {"Authorization": "MY_TOKEN"}},
        "planner__max_tokens": 99,
    }
    text = header_text(**settings)
    for public in ("vllm:Qwen/Qwen2.5-7B", "http://localhost:8000/v1#planner", "127.0.0.1:8931/mcp", "MY_TOKEN", "99"):
        assert public in text


def test_two_commands_stay_two() -> None:
    one, other = (header_text(tools__mcp__x={"command": ["npx", root]}) for root in ("--root=/a", "--root=/b"))
    assert one != other
    assert '["npx", "sha256:' in one


@pytest.mark.parametrize("place", ["/", ".", "/tmp", "//"])
def test_a_place_that_is_no_secret_is_not_cut_out(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    cleaned = Privacy.of_config({"trace": place, "prompts": place, "engine": f"local:{place}"}, {}).clean
    assert cleaned("see /tmp/log and . or /") == "see /tmp/log and . or /"


@pytest.mark.parametrize("home", ["/", "", "/home/ann"])
def test_a_home_folder_that_is_the_root_is_not_cut_out_of_addresses(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    text = "see https://example.org//a, https://example.org/home/ann/b and /home/ann/b"
    shown = text.replace(" /home/ann/", " ~/") if len(home) > 1 else text
    assert Privacy.of_config({}, {}).clean(text) == shown
