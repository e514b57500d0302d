from collections import Counter

import pytest

from agentflow.errors import ConfigError
from agentflow.tasks.mixture import Mixture, Part
from agentflow.types import Task


def tasks(name: str, num: int) -> list[Task]:
    return [Task(id=f"{name}{number}", question=f"{name}{number}?", source=name) for number in range(num)]


def mixture(seed: int = 0) -> Mixture:
    return Mixture([Part("a", 3.0, tasks("a", 7)), Part("b", 1.0, tasks("b", 50)), Part("none", 5.0, [])], seed)


def test_the_position_alone_decides() -> None:
    whole = mixture().batch(0, 2500)
    again = mixture()
    for position in (0, 999, 1000, 1001, 2400, 17):
        assert again.batch(position, 30) == whole[position : position + 30]


def test_another_seed_is_another_order_of_the_same_tasks() -> None:
    assert mixture(1).batch(0, 20) != mixture(2).batch(0, 20)
    assert mixture(1).tasks == mixture(2).tasks


def test_shares_hold_in_every_stretch() -> None:
    whole = mixture().batch(0, 3000)
    for start in range(0, 3000, 100):
        counts = Counter(task.source for task in whole[start : start + 100])
        assert abs(counts["a"] - 75) <= 2


def test_every_epoch_has_every_task_once() -> None:
    of_a = [task.id for task in mixture().batch(0, 4000) if task.source == "a"]
    for start in range(0, len(of_a) - 7, 7):
        assert len(set(of_a[start : start + 7])) == 7
    assert of_a[:7] != of_a[7:14]


def test_a_far_position_is_as_cheap_as_a_near_one() -> None:
    assert len(mixture().batch(10**12, 5)) == 5


def test_a_rare_source_still_has_its_turn() -> None:
    parts = [Part("a", 1e9, tasks("a", 3)), Part("b", 1.0, tasks("b", 3))]
    assert any(task.source == "b" for task in Mixture(parts, 0).batch(0, 1001))


def test_nothing_to_train_on() -> None:
    with pytest.raises(ConfigError, match="no source gives a task to train on"):
        Mixture([Part("a", 1.0, [])], 0)


@pytest.mark.parametrize(("position", "num_tasks"), [(-1, 1), (0, -1)])
def test_a_negative_position(position: int, num_tasks: int) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        mixture().batch(position, num_tasks)
