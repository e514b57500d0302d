import re
from itertools import count

import pytest

from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.tasks.arithmetic import ArithmeticSource
from agentflow.tasks.splits import Split, split_of
from agentflow.types import Task


def loaded(split: Split = "train", num: int = 300, seed: int = 1, digits: int = 4) -> tuple[Task, ...]:
    source = ArithmeticSource(source="arithmetic", seed=seed, digits=digits, **{"train": 0, split: num})
    found: tuple[Task, ...] = getattr(source.load(), split)
    return found


def worked_out(question: str) -> int:
    """The answer, in another way than the generator's."""
    numbers = [int(number) for number in re.findall(r"\d+", question)]
    if "remains" in question:
        base, power, divisor = numbers
        return int(base**power % divisor)
    if "multiples" in question:
        low, high, first, second = numbers
        return len([number for number in range(low, high + 1) if number % first == 0 and number % second])
    if "digits" in question:
        return sum(map(int, str(numbers[0] * numbers[1])))
    if "orders" in question:
        return numbers[0] * numbers[1] + numbers[2] * numbers[3]
    if "store" in question:
        start, come, sold, weeks = numbers
        held = start
        for _ in range(weeks):
            held += come - sold
        return held
    found = re.search(r"[(\d][-+*() \d]*[)\d]", question)
    assert found
    value: int = eval(found[0])
    return value


@pytest.mark.parametrize("digits", [2, 4, 5])
def test_every_answer_is_right(digits: int) -> None:
    for task in loaded(digits=digits):
        assert task.answers == (str(worked_out(task.question)),), task
        assert score(task, f"It is {task.answers[0]}.") == 1.0


def test_no_question_is_in_two_splits_whatever_the_seed() -> None:
    parts = {split: {task.question for seed in (1, 2) for task in loaded(split, seed=seed)} for split in SPLIT_NAMES}
    for split, found in parts.items():
        assert {split_of(question) for question in found} == {split}


SPLIT_NAMES: tuple[Split, ...] = ("train", "validation", "test")


def test_the_splits_do_not_depend_on_each_other() -> None:
    alone = loaded("test", 20)
    source = ArithmeticSource(source="arithmetic", seed=1, train=200, validation=50, test=30)
    assert source.load().test[:20] == alone


def test_one_seed_is_one_list() -> None:
    assert loaded() == loaded()
    assert loaded() != loaded(seed=2)
    assert loaded(num=1)[0].question == "What is the sum of the decimal digits of 4365 * 1755?"


def test_questions_differ_and_ids_too() -> None:
    tasks = loaded(num=1000)
    assert len({task.question for task in tasks}) == len({task.id for task in tasks}) == 1000


def test_too_few_questions() -> None:
    from agentflow.tasks.splits import fill

    same = (Task(id=str(number), question="What is 2 + 1?") for number in range(50))
    with pytest.raises(ConfigError, match="same: wanted 2 different questions for train, found 1: set train lower"):
        fill("same", same, {"train": 2, "validation": 0, "test": 0})
    endless = (Task(id=str(number), question=f"What is {number}?") for number in count())
    assert len(fill("endless", endless, {"train": 2, "validation": 1, "test": 1}).test) == 1
