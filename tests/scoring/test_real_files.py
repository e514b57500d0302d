"""The readers and the scorers on the real dev files, which are no part of the project: gold 1, another's gold 0."""

import importlib.util
import json
import os
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from types import ModuleType

import pytest

from agentflow.scoring import score
from agentflow.scoring.game24 import game24
from agentflow.scoring.numbers import parse_number
from agentflow.scoring.options import chosen_option, option_texts
from agentflow.scoring.text import normal_form
from agentflow.tasks.dev_sets import read_game24, read_gsm8k, read_search
from agentflow.types import Task

from .puzzles import solution

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("AGENTFLOW_SHARED", REPOSITORY.parent / "shared/data"))

FIRST_DEV_IDS = ["gsm8k:464", "game24:555", "hotpotqa:5ae7535c5542997b22f6a6d8"]

pytestmark = pytest.mark.skipif(
    not (DATA / "dev").is_dir(), reason=f"no dev files in {DATA}: set AGENTFLOW_SHARED to the folder that holds dev/"
)


def neighbours(tasks: list[Task]) -> list[tuple[Task, Task]]:
    """Each task with the next one, the last with the first."""
    return list(zip(tasks, tasks[1:] + tasks[:1], strict=True))


def test_gsm8k() -> None:
    tasks = read_gsm8k(DATA / "dev/gsm8k_test_919.jsonl.gz")
    assert len(tasks) == 919
    for task, other in neighbours(tasks):
        assert score(task, f"The answer is ${task.answers[0]}.") == 1.0
        coincide = parse_number(task.answers[0]) == parse_number(other.answers[0])
        assert score(task, other.answers[0]) == float(coincide)


def test_game24() -> None:
    tasks = read_game24(DATA / "dev/game24_100.jsonl.gz")
    assert len(tasks) == 100
    golds = [solution(_numbers(task)) for task in tasks]
    for task, gold, other in zip(tasks, golds, golds[1:] + golds[:1], strict=True):
        assert gold is not None
        assert other is not None
        assert score(task, gold) == score(task, f"\\boxed{{{gold} = 24}}") == 1.0
        assert score(task, other) == 0.0


def test_every_listed_solution_of_the_game24_benchmark_is_right() -> None:
    items = json.loads((DATA / "benchmarks/gameof24.json").read_bytes())
    listed = [(item["question"], answer) for item in items for answer in item["answer"]]
    assert len(listed) == 601
    assert all(game24(answer, numbers) == 1.0 for numbers, answer in listed)


def test_each_option_of_medqa_is_named_by_its_letter_and_its_text_and_by_no_others() -> None:
    items = [option_texts(item["options"]) for item in json.loads((DATA / "benchmarks/medqa.json").read_bytes())]
    assert len(items) == 300
    for texts in items:
        for (index, text), other in zip(enumerate(texts), texts[1:] + texts[:1], strict=True):
            letter = ascii_uppercase[index]
            for said in (
                f"{letter} {text}",
                f"{text} ({letter})",
                f"It is {letter}. {text}",
                f"The best choice is {text}.",
            ):
                assert chosen_option(said, texts) == index, said
            for said in (f"{letter}\n{other}", f"{other} ({letter})", f"{letter}. {other} is the best choice"):
                assert chosen_option(said, texts) is None, said


def _numbers(task: Task) -> list[int]:
    numbers = task.metadata["numbers"]
    assert isinstance(numbers, list)
    return [number for number in numbers if isinstance(number, int)]


@pytest.mark.parametrize(("name", "count"), [("dev/search_dev", 714), ("train/search_train", 2753)])
def test_search(name: str, count: int) -> None:
    tasks = read_search(DATA / f"{name}.jsonl.gz")
    assert len(tasks) == count
    for task, other in neighbours(tasks):
        assert all(score(task, gold) == 1.0 for gold in task.answers)
        mine, theirs = ({normal_form(gold) for gold in item.answers} for item in (task, other))
        assert all(score(task, gold) == float(normal_form(gold) in mine) for gold in other.answers)
        assert "" not in mine | theirs


@cache
def dev_items() -> ModuleType:
    """The harness's module, which lives outside the package."""
    specification = importlib.util.spec_from_file_location("dev_items", REPOSITORY / "perf/dev_items.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_dev_items_stay_the_same_and_are_apart_from_the_train_items() -> None:
    dev, train = dev_items().dev_items(DATA), dev_items().train_items(DATA)
    for tasks in (dev, train):
        assert [task.source for task in tasks] == ["gsm8k"] * 20 + ["game24"] * 20 + ["hotpotqa"] * 20
        assert len({task.question for task in tasks}) == 60
    assert not {task.question for task in dev} & {task.question for task in train}
    assert [dev[index].id for index in (0, 20, 40)] == FIRST_DEV_IDS
    assert dev_items().dev_items(DATA) == dev
