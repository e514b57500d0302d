import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from agentflow.errors import ConfigError, UnknownName
from agentflow.scoring import score
from agentflow.types import Task


def task(*answers: str, **metadata: JsonValue) -> Task:
    return Task(id="t1", question="?", answers=answers, metadata=metadata)


SCORABLE = [
    (task("Paris", "City of Light", scorer="exact_match"), "the city of light", "Paris, France"),
    (task("Paris, France", scorer="f1"), "France Paris", "London"),
    (task("Paris", scorer="contains"), "Paris, France", "Parisian"),
    (task("1,080", scorer="number"), "It costs $1080.", "1081"),
    (task("3.333", scorer="number", tolerance=0.001), "10/3", "3.3"),
    (task("3.333", scorer="number", tolerance="1/1000"), "10/3", "3.3"),
    (task(scorer="game24", numbers=[4, 6, 1, 1]), "4 * 6 * 1 / 1", "4 * 6"),
]


@pytest.mark.parametrize(("item", "right", "wrong"), SCORABLE)
def test_each_rule_is_reached_by_its_name(item: Task, right: str, wrong: str) -> None:
    assert score(item, right) == 1.0
    assert score(item, wrong) == 0.0


@settings(deadline=None)
@given(st.sampled_from([item for item, _, _ in SCORABLE]), st.text())
def test_no_answer_is_an_error(item: Task, answer: str) -> None:
    assert 0.0 <= score(item, answer) <= 1.0


def test_an_unknown_scorer_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UnknownName, match="did you mean 'exact_match'"):
        score(task("a", scorer="exactmatch"), "a")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (task("a"), "has no scorer"),
        (task("a", scorer=3), "has no scorer"),
        (task(scorer="exact_match"), "no gold answers"),
        (task(scorer="f1"), "no gold answers"),
        (task(scorer="contains"), "no gold answers"),
        (task(scorer="number"), "no gold answers"),
        (task("four", scorer="number"), "one number each"),
        (task("4", scorer="number", tolerance=-1), "tolerance must be"),
        (task("4", scorer="number", tolerance="small"), "tolerance must be"),
        (task("4", scorer="number", tolerance="1/0"), "tolerance must be"),
        (task("4", scorer="number", tolerance=True), "tolerance must be"),
        (task(scorer="game24"), "list of integers"),
        (task(scorer="game24", numbers=[]), "list of integers"),
        (task(scorer="game24", numbers="4 5 6 10"), "list of integers"),
        (task(scorer="game24", numbers=[4, 5, 6, "10"]), "list of integers"),
        (task(scorer="game24", numbers=[4, 5, 6, True]), "list of integers"),
        (task(scorer="game24", numbers=[4, 5, 6, 10.5]), "list of integers"),
    ],
)
@pytest.mark.parametrize("answer", ["", "a", "4"])
def test_a_task_that_can_not_be_scored_says_so_whatever_the_answer(item: Task, message: str, answer: str) -> None:
    with pytest.raises(ConfigError, match=message):
        score(item, answer)
