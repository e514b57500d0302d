"""`agentflow eval`, `rescore` and `compare`: what they print, what they exit with, and what they say to a mistake."""

import doctest
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agentflow.cli import evaluating, evaluation_view
from agentflow.evaluation.receipt import Record, read_receipt
from agentflow.types import Outcome, Usage

from ..scripted_team import PLAN, VERDICT, write_script, write_team
from .command import Command, Ended, environment


def write_items(folder: Path, num: int = 12) -> Path:
    """Questions to which the scripted team answers 42: right for those with an even number."""
    rows = [
        {"id": f"n{number}", "question": f"What is it, {number}?", "answer": str(42 + number % 2), "scorer": "number"}
        for number in range(num)
    ]
    file = folder / "numbers.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


@pytest.fixture
def evaluate(agentflow: Command, tmp_path: Path) -> Command:
    """Runs `agentflow eval` on the items, which it calls `items`; keywords are scripts of the team's modules."""
    file = write_items(tmp_path).rename(tmp_path / "items.jsonl")

    def run(*arguments: str, **scripts: Any) -> Ended:
        config = write_team(tmp_path, **scripts)
        return agentflow("eval", str(file), "--config", str(config), "--out", f"{tmp_path}/r.jsonl", *arguments)

    return run


@pytest.mark.parametrize("module", [evaluating, evaluation_view])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_a_table_and_a_receipt(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    code, output, _ = evaluate()
    assert code == 0
    assert "items" in output
    assert "50.0 %" in output
    assert "25.4 - 74.6" in output
    assert output.splitlines()[-1] == f"receipt: {tmp_path}/r.jsonl"
    receipt = read_receipt(tmp_path / "r.jsonl")
    assert (receipt.header.benchmark.name, receipt.header.max_turns, len(receipt.records)) == ("items", 10, 12)
    assert not (tmp_path / "trace.jsonl").exists() or receipt.header.config["trace"] == "trace.jsonl"

    code, output, errors = agentflow("rescore", f"{tmp_path}/r.jsonl")
    assert (code, errors) == (0, "")
    assert output.splitlines()[-1].startswith("accuracy scored anew    0.5 [0.25")
    assert output.endswith("the same to the last digit\n")


def test_more_trials_go_into_the_same_receipt(evaluate: Command) -> None:
    evaluate("--limit", "4")
    code, output, errors = evaluate("--trials", "2", "--limit", "6", "--concurrency", "3")
    assert code == 0
    assert "6 x 2" in output
    assert "avg@k" in output
    assert "pass@k" in output
    assert "4 of 12 are there already" in errors


def test_failures_are_shown_with_both_accuracies_and_exit_with_1(evaluate: Command) -> None:
    planner = [{"when": "What is it, 3?", "error": "the server is down"}, {"reply": PLAN}]
    code, output, _ = evaluate(planner=planner)
    assert code == 1
    assert "8.3 %" in output
    assert "54.5 %" in output
    assert "items: failed (infra): 1, 8.3 %; 1 x EngineError: the server is down" in output
    assert "not answered" not in output
    assert "empty answers" not in output
    code, output, errors = evaluate(planner=planner)
    assert (code, "failed (infra): 1" in output) == (1, True)
    assert "11 of 12 are there already" in errors


def test_a_name_is_shown_as_it_is(agentflow: Command, tmp_path: Path) -> None:
    items = write_items(tmp_path).rename(tmp_path / "easy[bold].jsonl")
    engine = write_script(tmp_path / "solo.jsonl", "<answer>42</answer>")
    _, output, _ = agentflow("eval", str(items), "--flow", "plain", "--engine", engine, "--out", f"{tmp_path}/r.jsonl")
    assert " easy[bold] " in output


def test_a_run_in_which_nothing_works_is_stopped(evaluate: Command, tmp_path: Path) -> None:
    write_items(tmp_path, 60).rename(tmp_path / "items.jsonl")
    code, output, errors = evaluate(planner=[{"error": "the server is down"}])
    assert (code, output) == (1, "")
    assert "solves failed, more than --error-rate allows" in errors
    assert "EngineError: the server is down" in errors
    assert 20 <= len(read_receipt(tmp_path / "r.jsonl").records) < 30


def write_two(folder: Path) -> tuple[str, ...]:
    """Two files of items, `a` and `b`, and the options that put their receipts into the folder `out`."""
    for name in "ab":
        row = {"id": f"{name}0", "question": f"What is it, {name}?", "answer": "42", "scorer": "number"}
        (folder / f"{name}.jsonl").write_text(f"{json.dumps(row)}\n")
    return (f"{folder}/a.jsonl", f"{folder}/b.jsonl", "--out", f"{folder}/out")


def test_mistakes_of_the_second_benchmark_are_found_before_the_first_is_run(agentflow: Command, tmp_path: Path) -> None:
    both, config = write_two(tmp_path), str(write_team(tmp_path))
    foreign = tmp_path / "out" / "b.jsonl"
    foreign.parent.mkdir()
    foreign.write_text('{"kind": "x"}\n')
    code, output, errors = agentflow("eval", *both, "--config", config)
    assert (code, output) == (2, "")
    assert "b.jsonl, line 1: no receipt" in errors
    assert not (tmp_path / "out" / "a.jsonl").exists()
    foreign.unlink()
    long = {"id": "b0", "question": "word " * 2000, "answer": "42", "scorer": "number"}
    (tmp_path / "b.jsonl").write_text(f"{json.dumps(long)}\n")
    code, output, errors = agentflow("eval", *both, "--config", config)
    assert (code, output) == (2, "")
    assert "item 'b0' can not be asked and scored" in errors
    assert not list((tmp_path / "out").iterdir())


def test_the_table_of_what_was_done_is_printed_whatever_comes_after(agentflow: Command, tmp_path: Path) -> None:
    both, config = write_two(tmp_path), str(write_team(tmp_path, planner=[{"when": "What is it, a?", "reply": PLAN}]))
    code, output, errors = agentflow("eval", *both, "--config", config)
    assert code == 2
    assert "none of its 1 rules fits" in errors
    assert "100.0 %" in output
    assert f"receipt: {tmp_path}/out/a.jsonl" in output


def test_prices_make_a_column_of_the_table(evaluate: Command, tmp_path: Path) -> None:
    planner = f'prices."scripted:{tmp_path}/planner.jsonl"'
    code, output, _ = evaluate("--set", f"{planner}.prompt=1", "--set", f"{planner}.completion=10")
    assert code == 0
    summary = read_receipt(tmp_path / "r.jsonl").header.summary
    assert summary
    assert 0 < summary.dollars < 0.1
    assert " cost " in output
    assert f"${summary.dollars:.4f}" in output


RECORD = Record(
    id="x",
    trial=0,
    seed=0,
    score=1,
    outcome=Outcome.ANSWERED,
    answer="42",
    golds=("42",),
    scorer="judge",
    num_turns=1,
    usage=Usage(prompt_tokens=900),
    judge_usage=Usage(completion_tokens=100),
    dollars=0.25,
    seconds=40,
    ended="",
)


def test_a_line_of_a_log_has_the_cost_and_the_time_left() -> None:
    so_far = evaluation_view.Progressing("items", num_trials=100, started=time.monotonic() - 400)
    assert so_far.line() == "items: 0/100, nothing done, 0 tokens"
    for _ in range(10):
        so_far.add(RECORD)
    assert so_far.line() == "items: 10/100, 100.0 % right, 10 k tokens, $2.50, 1 h 0 min left"


def test_the_bar_has_the_time_left_of_items_that_take_minutes() -> None:
    screen = io.StringIO()
    with evaluation_view.EvaluationView.of("items", Console(file=screen, force_terminal=True, width=200)) as view:
        view.begin(100, [RECORD] * 9)
        view.so_far.started -= 400
        view.end_trial(RECORD)
    assert "$2.50" in screen.getvalue()
    assert "10 h 0 min left" in screen.getvalue()


def test_solves_that_end_early_are_counted_by_how(evaluate: Command) -> None:
    code, output, _ = evaluate("--max-turns", "2", verifier=VERDICT | {"verdict": "CONTINUE"})
    assert code == 0
    assert "items: not answered: out of turns 12" in output
    assert "2.00" in output


def test_baselines_are_evaluated_in_the_same_way(evaluate: Command, tmp_path: Path) -> None:
    engine = write_script(tmp_path / "solo.jsonl", {"reasoning": "so", "answer": "It is 42.", "short_answer": "42"})
    code, output, _ = evaluate("--flow", "plain", "--engine", engine)
    assert code == 0, output
    header = read_receipt(tmp_path / "r.jsonl").header
    assert (header.flow, list(header.modules), header.tools) == ("plain", ["solo"], {})
    assert list(header.prompts.files) == ["plain.md"]


def test_two_receipts_are_compared(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluate()
    (tmp_path / "r.jsonl").rename(tmp_path / "first.jsonl")
    evaluate("--max-turns", "4", generator={"answer": "It is 43.", "short_answer": "43"})
    code, output, _ = agentflow("compare", f"{tmp_path}/first.jsonl", f"{tmp_path}/r.jsonl")
    assert code == 0
    assert "12 items: the second is better on 6, worse on 6, the same on 0" in output
    assert "McNemar's exact test: p = 1" in output
    assert "  config.budget.max_turns: 10 -> 4" in output
    assert "  config.generator.engine: 'scripted:generator.jsonl@" in output
    assert "failure" not in output


def test_failures_and_changed_lines_are_told_of_in_a_comparison(
    evaluate: Command, agentflow: Command, tmp_path: Path
) -> None:
    evaluate()
    text = (tmp_path / "r.jsonl").read_text()
    (tmp_path / "first.jsonl").write_text(text.replace('"score":0.0', '"score":1.0'))
    (tmp_path / "r.jsonl").unlink()
    evaluate(planner=[{"when": "What is it, 3?", "error": "the server is down"}, {"reply": PLAN}])
    _, output, _ = agentflow("compare", f"{tmp_path}/first.jsonl", f"{tmp_path}/r.jsonl")
    assert f"{tmp_path}/first.jsonl is not as it was finished" in output
    assert f"{tmp_path}/r.jsonl is not as" not in output
    assert "failures, which count as wrong: 0 of the first, 1 of the second" in output
    assert "11 items without a failure: the second is better on 0, worse on 5, the same on 6" in output
    _, output, _ = agentflow("leakage", f"{tmp_path}/first.jsonl")
    assert f"{tmp_path}/first.jsonl is not as it was finished" in output


def test_a_packed_receipt_is_no_folder() -> None:
    """It is refused as a file: see the tests of receipts."""
    assert evaluating.receipt_path("aime24", Path("mine.jsonl.gz")) == Path("mine.jsonl.gz")


def test_two_receipts_of_different_items_are_refused(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluate("--limit", "5")
    (tmp_path / "r.jsonl").rename(tmp_path / "first.jsonl")
    evaluate()
    both = (f"{tmp_path}/first.jsonl", f"{tmp_path}/r.jsonl")
    code, _, errors = agentflow("compare", *both)
    assert code == 2
    assert "did not run the same trials: 0 are only in" in errors
    assert "7 only in" in errors
    assert "--common" in errors
    code, output, _ = agentflow("compare", *both, "--common")
    assert code == 0
    assert "5 items" in output
    assert f"{both[1]}: 7 of 12 records are left out" in output
    assert f"{both[0]}: " not in output


def test_a_comparison_names_what_is_not_finished_or_was_scored_anew(
    evaluate: Command, agentflow: Command, tmp_path: Path
) -> None:
    evaluate()
    folder = tmp_path / ("long-name-" * 9)
    folder.mkdir()
    anew, begun = folder / "anew.jsonl", folder / "begun.jsonl"
    agentflow("rescore", f"{tmp_path}/r.jsonl", "--out", str(anew))
    header, *records = (tmp_path / "r.jsonl").read_text().splitlines(keepends=True)
    undone = {**json.loads(header), "finished": "", "summary": None, "records_hash": ""}
    begun.write_text("".join([json.dumps(undone), "\n", *records]))
    _, output, _ = agentflow("compare", str(anew), str(begun))
    assert f"{anew}: its marks are not those of the run: it was scored anew by agentflow-grpo" in output
    assert f"{begun}: the evaluation is not finished: this is what is there so far" in output
    assert "…" not in output  # long paths often differ at their ends
    _, output, _ = agentflow("leakage", str(begun))
    assert "the evaluation is not finished" in output


def test_a_changed_receipt_is_found_out(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluate()
    path = tmp_path / "r.jsonl"
    path.write_text(path.read_text().replace('"score":0.0', '"score":1.0', 1))
    code, output, _ = agentflow("rescore", str(path))
    assert code == 1
    assert "changed: n1, trial 0: 1.0 -> 0.0 (answer '42', golds '43')" in output
    assert "lines were changed since" in output
    assert output.endswith("NOT the same\n")


def test_a_receipt_is_written_anew_with_the_marks_of_today(
    evaluate: Command, agentflow: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentflow.scoring import rules

    write_items(tmp_path, 60).rename(tmp_path / "items.jsonl")
    evaluate()
    monkeypatch.setitem(rules.RULES, "number", lambda *_: 1.0)
    command = ("rescore", f"{tmp_path}/r.jsonl", "--out", f"{tmp_path}/new.jsonl")
    code, output, errors = agentflow(*command)
    assert (code, errors) == (0, "")
    assert "30 of 60 marks changed\nchanged: n1, trial 0: 0.0 -> 1.0 (answer '42', golds '43')" in output
    assert "and of n41, trial 0; n43, trial 0;" in output
    assert "accuracy scored anew    1.0 [0.9398" in output
    assert output.endswith(f"NOT the same\nreceipt: {tmp_path}/new.jsonl\n")
    code, output, _ = agentflow("rescore", f"{tmp_path}/new.jsonl")
    assert code == 0
    assert "its marks are not those of the run: it was scored anew by agentflow-grpo" in output
    code, _, errors = agentflow(*command)
    assert (code, "is there already" in errors) == (2, True)


def test_a_second_opinion_has_the_settings_of_its_engine(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluate()
    judge = write_script(tmp_path / "judge.jsonl", {"reason": "so", "verdict": "RIGHT"})
    config = tmp_path / "judge.toml"
    config.write_text(f'[engines."{judge}"]\nlatency = 1\n')
    code, _, errors = agentflow("rescore", f"{tmp_path}/r.jsonl", "--judge", judge, "--config", str(config))
    assert code == 2
    assert "did you mean 'latency_seconds'" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["eval", "bambogle"], "unknown benchmark 'bambogle': did you mean 'bamboogle'?"),
        (["eval", "no/such/file.jsonl"], "no/such/file.jsonl"),
        (["eval", "bamboogle", "--data", "ITEMS"], "--accept-data"),
        (["eval", "bamboogle", "--data", "FOLDER"], "has no file for bamboogle: wanted one of bamboogle.jsonl"),
        (["eval", "ITEMS", "aime24", "--out", "one.jsonl", "--data", "ITEMS"], "name a folder"),
        (["eval", "ITEMS", "--data", "ITEMS"], "is for benchmarks that are named"),
        (["eval", "ITEMS", "ITEMS"], "two benchmarks of one name"),
        (["eval"], "BENCH"),
        (["eval", "ITEMS", "--record", "a", "--replay", "b"], "--record or --replay"),
        (["eval", "ITEMS", "--limit", "0"], "--limit"),
        (["rescore", "ITEMS"], "line 1: no receipt"),
        (["rescore", "a.jsonl", "b.jsonl", "--out", "c.jsonl"], "--out c.jsonl is one file, and 2 receipts were named"),
        (["rescore", "nothing.jsonl"], "no receipt at nothing.jsonl"),
        (["compare", "ITEMS", "ITEMS"], "line 1: no receipt"),
    ],
)
def test_mistakes_are_told_in_one_message(agentflow: Command, tmp_path: Path, arguments: list[str], words: str) -> None:
    named = {"ITEMS": str(write_items(tmp_path)), "FOLDER": str(tmp_path)}
    code, output, errors = agentflow(*[named.get(argument, argument) for argument in arguments])
    assert (code, output) == (2, "")
    assert words in errors.replace("\n", "")


def test_items_that_want_a_judge_and_have_one(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(file.read_text().replace('"number"', '"judge"'))
    code, _, errors = evaluate()
    assert code == 2
    assert "items of items are scored by a judge: name its engine with --judge" in errors.replace("\n", " ")
    rules = [
        {"when": "- 43", "reply": {"reason": "another number", "verdict": "WRONG"}},
        {"when": "- 42", "reply": {"reason": "the same number", "verdict": "RIGHT"}},
    ]
    code, output, _ = evaluate("--judge", write_script(tmp_path / "judge.jsonl", rules))
    assert code == 0
    assert "50.0 %" in output
    assert "items: judge and rule agree on 12 of 12 answers (100.0 %), Cohen's kappa 1.00" in output
    receipt = read_receipt(tmp_path / "r.jsonl")
    assert {record.reason for record in receipt.records} == {"another number", "the same number"}
    assert receipt.header.judge
    assert receipt.header.judge["engine"] == "scripted:judge.jsonl"
    assert str(tmp_path) not in (tmp_path / "verdicts.jsonl").read_text()
    assert receipt.header.judge["weights"] == hashlib.sha256((tmp_path / "judge.jsonl").read_bytes()).hexdigest()
    code, output, _ = agentflow("rescore", f"{tmp_path}/r.jsonl")
    assert code == 0
    assert "12 verdicts of a judge are taken as they are" in output
    assert "judge and rule agree" not in output


def test_a_judge_gives_a_second_opinion(evaluate: Command, agentflow: Command, tmp_path: Path) -> None:
    evaluate(planner=[{"when": "What is it, 4?", "error": "down"}, {"reply": PLAN}])
    rules = [
        {"when": "What is it, 0?", "reply": {"reason": "not a word", "verdict": "WRONG"}},
        {"when": "What is it, 2?", "error": "the judge is away"},
        {"when": "- 43", "reply": {"reason": "another number", "verdict": "WRONG"}},
        {"reply": {"reason": "the same number", "verdict": "RIGHT"}},
    ]
    judge = write_script(tmp_path / "judge.jsonl", rules)
    code, output, _ = agentflow("rescore", f"{tmp_path}/r.jsonl", "--judge", judge)
    assert code == 0
    assert "judge and rule agree on 9 of 10 answers (90.0 %)" in output
    assert "not judged: 1" in output
    assert "judged wrong: n0, trial 0 scores 1 (answer '42', golds '42'): not a word" in output


def test_golds_are_scored_without_solving(agentflow: Command, tmp_path: Path) -> None:
    file = write_items(tmp_path, 4)
    code, output, errors = agentflow("eval", str(file), "--check-scorer")
    assert (code, errors) == (0, "")
    assert "own gold: 8 of 8 spellings score 1" in output
    assert "numbers: nothing odd was found" in output
    file.write_text(file.read_text().replace('"number"', '"contains"').replace('"43"', '"142"'))
    file.write_text(file.read_text().replace('"42"', '"142 x"'))
    code, output, _ = agentflow("eval", str(file), "--check-scorer")
    assert code == 1
    assert "WRONG" in output


def test_what_is_odd_about_the_items_is_told_in_a_line(evaluate: Command, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(file.read_text().replace("is it, 1?", "is it, 2?"))
    _, _, errors = evaluate()
    assert errors.startswith("items: ")
    assert "items with the question of another one" in errors
    assert errors.endswith(" (the items: --check-scorer)\n")
    assert errors.count("\n") == 1


def test_tool_results_are_recorded_and_replayed(evaluate: Command, tmp_path: Path) -> None:
    cassette = tmp_path / "tools.cassette"
    evaluate("--record", str(cassette))
    first = read_receipt(tmp_path / "r.jsonl")
    assert (first.header.recordings.mode, first.header.recordings.file) == ("record", "tools.cassette")
    (tmp_path / "r.jsonl").unlink()
    code, _, _ = evaluate("--replay", str(cassette), tools__generalist=[{"error": "no tool is needed"}])
    second = read_receipt(tmp_path / "r.jsonl")
    assert code == 0
    assert second.header.recordings.mode == "replay"
    assert second.header.recordings.digest == first.header.recordings.digest != ""
    assert second.header.tools == first.header.tools
    assert [record.answer for record in second.records] == [record.answer for record in first.records]


def start(tmp_path: Path, num: int, latency_seconds: float) -> tuple["subprocess.Popen[bytes]", Path]:
    """A real process that evaluates, two items at once."""
    file, config = write_items(tmp_path, num), write_team(tmp_path, latency_seconds=latency_seconds)
    out = tmp_path / "receipt.jsonl"
    command = ["eval", str(file), "--config", str(config), "--out", str(out), "--concurrency", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agentflow", *command],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return process, out


def wait_for_lines(out: Path, num: int) -> None:
    end = time.monotonic() + 30
    while not out.exists() or out.read_bytes().count(b"\n") < num:
        assert time.monotonic() < end, "nothing was written"
        time.sleep(0.01)


def test_a_process_that_was_killed_loses_nothing_and_its_items_are_not_run_again(
    agentflow: Command, tmp_path: Path
) -> None:
    process, out = start(tmp_path, 40, 0.01)
    with process:
        wait_for_lines(out, 8)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    left = out.read_bytes()
    done = [line for line in left.splitlines(keepends=True)[1:] if line.endswith(b"\n")]
    assert 7 <= len(done) < 40
    resumed, _ = start(tmp_path, 40, 0.0)
    output, errors = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, errors
    assert f"{len(done)} of 40 are there already" in errors.decode()
    assert b"50.0 %" in output
    whole = out.read_bytes().splitlines(keepends=True)
    assert len(whole) == 41
    assert set(done) <= set(whole)
    assert agentflow("rescore", str(out)).code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_process_says_how_to_go_on(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process, out = start(tmp_path, 40, 0.02)
    with process:
        wait_for_lines(out, 4)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert b"the same command goes on from there" in errors
    receipt = read_receipt(out)
    assert not receipt.is_finished
    assert {record.outcome for record in receipt.records} == {Outcome.ANSWERED}
