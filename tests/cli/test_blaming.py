"""`agentflow blame`: what it prints, what it exits with, what it goes on with, and what it says to a mistake."""

import doctest
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli import blaming, evaluation_view
from agentflow.evaluation.receipt import Header, read_receipt

from ..scripted_team import ANSWER, PLAN, write_script, write_team
from .command import Command, Ended

RIGHT = {**ANSWER, "short_answer": "43"}


@pytest.fixture
def evaluated(agentflow: Command, tmp_path: Path) -> Command:
    """Runs `agentflow eval` on two questions, of which the team knows one, and which a number scores, or `scorer`."""

    def run(*arguments: str, scorer: str = "number", **scripts: Any) -> Ended:
        rows = [
            {"id": f"n{number}", "question": f"What is it, {number}?", "answer": str(42 + number), "scorer": scorer}
            for number in range(2)
        ]
        (tmp_path / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        config = write_team(tmp_path, **scripts)
        items = str(tmp_path / "items.jsonl")
        return agentflow("eval", items, "--config", str(config), "--out", f"{tmp_path}/r.jsonl", *arguments)

    return run


@pytest.fixture
def blame(agentflow: Command, tmp_path: Path) -> Command:
    """Runs `agentflow blame` on that receipt, with the config of the team, and with `.` for the folder of the test."""

    def run(*swaps: str, others: tuple[str, ...] = ()) -> Ended:
        given = [f"--swap={swap.replace('./', f'{tmp_path}/')}" for swap in swaps]
        fixed = ("--out", f"{tmp_path}/blame", "--config", f"{tmp_path}/agentflow.toml")
        return agentflow("blame", f"{tmp_path}/r.jsonl", *given, *fixed, *others)

    return run


def headers(folder: Path) -> dict[str, Header]:
    return {path.name: read_receipt(path).header for path in folder.glob("*.jsonl")}


def test_examples() -> None:
    assert doctest.testmod(blaming).failed == 0


def test_a_table_with_the_paths_below_it(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated()
    write_script(tmp_path / "strong.jsonl", RIGHT)
    code, output, errors = blame("generator=scripted:./strong.jsonl")
    assert (code, errors.splitlines()[0]) == (0, "items that failed: 1; trials of each: 1; runs: 2")
    first, second = (line for line in output.splitlines() if "%" in line and "95" not in line)
    assert first.rstrip().endswith(" 1  100.0 %  20.7 - 100.0  100.0 %   0.0 %  +100.0     -  1")
    assert second.split()[0] == "nothing"
    assert " 1    0.0 %    0.0 - 79.3    0.0 %   0.0 % " in second
    swap = f"generator=scripted:{tmp_path}/strong.jsonl"
    name = f"generator-strong.jsonl-{hashlib.sha256(swap.encode()).hexdigest()[:6]}"
    assert output.splitlines()[-2:] == [
        f"{swap}: receipt: {tmp_path}/blame/{name}.jsonl",
        f"nothing: receipt: {tmp_path}/blame/nothing.jsonl",
    ]


def test_each_run_tells_how_far_it_is(
    evaluated: Command, blame: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated("--trials", "2")
    write_script(tmp_path / "strong.jsonl", RIGHT)
    monkeypatch.setattr(evaluation_view, "LINE_SECONDS", 0)
    _, _, errors = blame("generator=scripted:./strong.jsonl", others=("--concurrency", "1"))
    lines = [line for line in errors.splitlines() if "/2, " in line]
    swap = f"generator=scripted:{tmp_path}/strong.jsonl"
    assert [line.split(" right")[0] for line in lines] == [
        "nothing: 1/2, 0.0 %",
        "nothing: 2/2, 0.0 %",
        f"{swap}: 1/2, 100.0 %",
        f"{swap}: 2/2, 100.0 %",
    ]


def test_a_receipt_with_nothing_to_put_right_says_why(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated(planner=[{"when": "What is it, 0?", "reply": PLAN}, {"when": "", "error": "down"}])
    write_script(tmp_path / "strong.jsonl", RIGHT)
    code, _, errors = blame("generator=scripted:./strong.jsonl")
    assert (code, "no item was wrong, but 1 solves failed: run the same evaluation once more" in errors) == (2, True)


def test_a_receipt_that_was_changed_is_told_of(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated()
    receipt = tmp_path / "r.jsonl"
    receipt.write_text(receipt.read_text().replace("What is it, 1?", "What is it, 9?"))
    write_script(tmp_path / "strong.jsonl", RIGHT)
    _, _, errors = blame("generator=scripted:./strong.jsonl")
    assert f"{receipt} is not as it was finished: its lines were changed since" in errors


def test_all_runs_have_the_conditions_of_the_receipt(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated("--trials", "2", "--max-turns", "7", "--set", "planner.max_tokens=99")
    before = read_receipt(tmp_path / "r.jsonl").header
    (tmp_path / "trace.jsonl").unlink(missing_ok=True)
    write_script(tmp_path / "strong.jsonl", PLAN)
    code, output, _ = blame("planner=scripted:./strong.jsonl")
    assert code == 0
    assert "1 x 2" in output
    found = headers(tmp_path / "blame")
    assert len(found) == 2
    for header in found.values():
        assert (header.max_turns, header.trials, header.seed) == (7, 2, before.seed + 1)
        assert header.config["memory"] == before.config["memory"]
        assert header.modules["planner"].sampling == before.modules["planner"].sampling
        assert header.modules["planner"].sampling.max_tokens == 99
    assert found["nothing.jsonl"].modules == before.modules
    assert not (tmp_path / "trace.jsonl").exists()


def test_what_is_done_is_not_done_again(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated()
    write_script(tmp_path / "strong.jsonl", RIGHT)
    blame("generator=scripted:./strong.jsonl")
    before = {path: path.read_bytes() for path in (tmp_path / "blame").iterdir()}
    write_script(tmp_path / "other.jsonl", RIGHT)
    code, output, _ = blame("generator=scripted:./strong.jsonl", "generator=scripted:./other.jsonl")
    assert code == 0
    assert all(path.read_bytes() == content for path, content in before.items())
    assert sum("receipt: " in line for line in output.splitlines()) == 3


def test_an_engine_that_is_down_is_seen_to_fail(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated()
    write_script(tmp_path / "down.jsonl", [{"when": "", "error": "the server is down"}])
    code, output, _ = blame("planner=scripted:./down.jsonl")
    assert code == 1
    assert "failed (infra): 1, 100.0 %; 1 x EngineError: the server is down" in output
    [row] = [line for line in output.splitlines() if "100.0 %" in line and "failed" not in line]
    assert " - " in row


def test_paths_that_no_config_gives_are_named(evaluated: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluated()
    code, _, errors = agentflow(
        "blame", f"{tmp_path}/r.jsonl", "--swap", "planner=openai:gpt-5", "--out", f"{tmp_path}/blame"
    )
    assert code == 2
    assert "--config that sets analyst.engine to what it stands for" in errors
    assert not (tmp_path / "blame").exists()


@pytest.mark.parametrize(
    ("swap", "told"),
    [
        ("planner", "is not of the form PART=ENGINE"),
        ("planner=", "is not of the form PART=ENGINE"),
        ("=x", "is not of the form PART=ENGINE"),
        ("planer=openai:gpt-5", "did you mean 'planner'?"),
        ("tools.genralist=openai:gpt-5", "did you mean 'tools.generalist'?"),
        ("planner=scripted:./planner.jsonl", "changes nothing"),
        ("tools.generalist.tokens=5", "settings of tool generalist: tokens: no setting of this name"),
    ],
)
def test_a_swap_that_can_not_be_made(swap: str, told: str, evaluated: Command, blame: Command, tmp_path: Path) -> None:
    evaluated()
    code, _, errors = blame(swap)
    assert (code, told in errors) == (2, True), errors
    assert not (tmp_path / "blame").exists()


def test_items_that_a_judge_scores_want_one(evaluated: Command, blame: Command, tmp_path: Path) -> None:
    judge = write_script(tmp_path / "judge.jsonl", {"reason": "it is not", "verdict": "WRONG"})
    evaluated("--judge", judge, scorer="judge")
    write_script(tmp_path / "strong.jsonl", RIGHT)
    code, _, errors = blame("generator=scripted:./strong.jsonl")
    assert (code, "name its engine with --judge" in errors) == (2, True)
    code, output, _ = blame("generator=scripted:./strong.jsonl", others=("--judge", judge))
    assert code == 0
    assert "0.0 %" in output
