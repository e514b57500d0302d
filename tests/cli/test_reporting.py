"""`agentflow leakage`: what it prints of a receipt."""

import json
from pathlib import Path

import pytest

from ..scripted_team import PLAN, write_team
from .command import Command

QUESTION = "Which film by the director of the opera house fire was released in the year of the moon landing?"


@pytest.fixture
def receipt(agentflow: Command, tmp_path: Path) -> Path:
    """Of two items with two trials each; the query of the second one restates the question, and finds it."""
    rows = [
        {"id": "clean", "question": "Why is it?", "answer": "42", "scorer": "number"},
        {"id": "leaked", "question": QUESTION, "answer": "7", "scorer": "number"},
    ]
    (tmp_path / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    config = write_team(
        tmp_path,
        planner=[{"when": QUESTION, "reply": {**PLAN, "context": QUESTION}}, {"reply": PLAN}],
        executor=[{"when": QUESTION, "reply": {"query": QUESTION}}, {"reply": {"query": "why"}}],
        tools__generalist=[{"when": QUESTION, "reply": f"A quiz: {QUESTION} Seven."}, {"reply": "because"}],
    )
    out = tmp_path / "r.jsonl"
    agentflow("eval", str(tmp_path / "items.jsonl"), "--config", str(config), "--out", str(out), "--trials", "2")
    out.write_text(out.read_text().replace('"tool":"generalist"', '"tool":"web_search"'))  # one that looks things up
    return out


def test_the_trials_that_show_a_sign_and_the_score_without_their_items(agentflow: Command, receipt: Path) -> None:
    code, output, errors = agentflow("leakage", str(receipt))
    assert (code, errors) == (0, "")
    first, second, *table = output.splitlines()
    signs = "the query restates the question in turn 1; the result contains it in turn 1"
    assert (first, second) == (f"leaked, trial 0: {signs}", f"leaked, trial 1: {signs}")
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for line in table if len(cells := line.split("│")) > 2
    }
    assert rows["all items"][::2] == ["50.0 %", "4"]
    assert rows["without either"][::2] == ["100.0 %", "2"]


def test_a_receipt_without_records(agentflow: Command, receipt: Path) -> None:
    header = json.loads(receipt.read_text().splitlines()[0])
    receipt.write_text(json.dumps({**header, "finished": "", "summary": None, "records_hash": ""}) + "\n")
    code, _, errors = agentflow("leakage", str(receipt))
    assert (code, "holds no records yet" in errors) == (2, True)
