import pytest
from pydantic import JsonValue

from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.types import Task


def puzzle(**metadata: JsonValue) -> Task:
    return Task(question="Make 111.", metadata={"scorer": "countdown", **metadata})


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("53 * 58 / 53 + 53", 1.0),
        ("53 + 58 × 53 ÷ 53 = 111", 1.0),
        ("53 + 58", 0.0),
        ("53 * 58 / 53 + 53 = 24", 0.0),
        ("111", 0.0),
        ("__import__('os').getpid()", 0.0),
    ],
)
def test_countdown(answer: str, reward: float) -> None:
    assert score(puzzle(numbers=[53, 58, 53, 53], target=111), answer) == reward


@pytest.mark.parametrize("target", [None, "111", 1.5, True])
def test_a_target_that_is_none(target: JsonValue) -> None:
    with pytest.raises(ConfigError, match=r"countdown wants metadata\['target'\], an integer"):
        score(puzzle(numbers=[1, 2], target=target), "1 + 2")


def test_numbers_that_are_none() -> None:
    with pytest.raises(ConfigError, match=r"countdown wants metadata\['numbers'\], a list of integers"):
        score(puzzle(target=3), "1 + 2")
