import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import ConfigError, UnknownName
from agentflow.scoring import score
from agentflow.tasks.dev_sets import read_game24, read_gsm8k, read_search


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_gsm8k(tmp_path: Path) -> None:
    path = written(tmp_path, {"question": "How many?", "answer": "1,000 + 875 = <<1000+875=1875>>1,875\n#### 1,875"})
    [task] = read_gsm8k(path)
    assert (task.id, task.source, task.answers) == ("gsm8k:1", "gsm8k", ("1,875",))
    assert score(task, "She has 1875.") == 1.0
    assert score(task, "1876") == 0.0


@pytest.mark.parametrize("answer", ["1,875", "so ####", "so #### ", "", 5, None])
def test_gsm8k_without_a_final_answer(tmp_path: Path, answer: object) -> None:
    with pytest.raises(ConfigError, match=r"tasks\.jsonl:1: field 'answer' must"):
        read_gsm8k(written(tmp_path, {"question": "How many?", "answer": answer}))


def test_game24(tmp_path: Path) -> None:
    [task] = read_game24(written(tmp_path, {"rank": 37, "numbers": [4, 5, 9, 10]}))
    assert (task.id, task.source, task.answers) == ("game24:37", "game24", ())
    assert "4, 5, 9 and 10" in task.question
    assert score(task, "(10 - 4) * (9 - 5)") == 1.0
    assert score(task, "4 * 6") == 0.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"numbers": [1, 2, 3, 4]}, "'rank' must be an integer"),
        ({"rank": "1", "numbers": [1, 2, 3, 4]}, "'rank' must be an integer"),
        ({"rank": 1}, "'numbers' must be four integers"),
        ({"rank": 1, "numbers": [1, 2, 3]}, "'numbers' must be four integers"),
        ({"rank": 1, "numbers": [1, 2, 3, 4.5]}, "'numbers' must be four integers"),
    ],
)
def test_a_bad_puzzle(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"tasks.jsonl:1: field {message}"):
        read_game24(written(tmp_path, row))


def test_a_repeated_puzzle_is_refused(tmp_path: Path) -> None:
    row = {"rank": 1, "numbers": [1, 2, 3, 4]}
    with pytest.raises(ConfigError, match="both have the id 'game24:1'"):
        read_game24(written(tmp_path, row, row))


SEARCH = [
    {"id": "h1", "dataset": "hotpotqa", "question": "Who?", "answers": ["Ann"], "gold_ids": ["w1"]},
    {"id": "n1", "dataset": "nq", "question": "Where?", "answers": ["Rome", "Roma"]},
]


def test_search(tmp_path: Path) -> None:
    path = written(tmp_path, *SEARCH)
    both = read_search(path)
    assert [(task.id, task.source) for task in both] == [("h1", "hotpotqa"), ("n1", "nq")]
    assert both[0].metadata == {"scorer": "exact_match", "dataset": "hotpotqa", "gold_ids": ["w1"]}
    assert score(both[1], "roma.") == 1.0
    assert read_search(path, "nq") == both[1:]
    with pytest.raises(UnknownName, match="unknown dataset 'hotpot': did you mean 'hotpotqa'"):
        read_search(path, "hotpot")


@pytest.mark.parametrize("field", ["id", "dataset", "question"])
def test_a_search_question_without_a_field(tmp_path: Path, field: str) -> None:
    row = {name: value for name, value in SEARCH[0].items() if name != field}
    with pytest.raises(ConfigError, match=f"tasks.jsonl:1: field '{field}' is missing"):
        read_search(written(tmp_path, row))
