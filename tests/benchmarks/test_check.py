"""A check that can fail, and that tells coinciding answers from wrong scores."""

import pytest

from agentflow.benchmarks import Benchmark, check_scorer
from agentflow.benchmarks.trials import coincide, enough_others, spellings
from agentflow.errors import ConfigError
from agentflow.types import Task

QUIZ = Benchmark("quiz", "Quiz", "questions", "exact_match", lambda row, number: Task(question=row.place))


def items(scorer: str, *answers: str) -> list[Task]:
    return [
        Task(id=f"q:{number}", question="?", answers=(answer,), metadata={"scorer": scorer})
        for number, answer in enumerate(answers)
    ]


def test_answers_that_coincide_are_listed_and_left_aside() -> None:
    found = check_scorer(QUIZ, items("exact_match", "yes", "Rome", "Yes.", "Oslo"))
    assert found.ok
    assert found.coinciding == (("q:0", "q:2"),)
    assert (found.num_coinciding, found.num_foreign, found.num_items) == (2, 10, 4)
    assert "groups of items with one answer: 1 (2 pairs left aside)\n    q:0, q:2" in found.text()


def test_a_lenient_scorer_is_found_out() -> None:
    found = check_scorer(QUIZ, items("contains", "Paris", "Paris, Texas", "Rome"))
    assert not found.ok
    assert [str(miss) for miss in found.foreign_misses] == ["q:0: 'Paris, Texas' (of q:1) scores 1"]
    assert "WRONG: q:0: 'Paris, Texas' (of q:1) scores 1" in found.text()
    assert "foreign answers: 5 of 6 score 0" in found.text()


def test_a_scorer_of_marks_in_between_gives_a_foreign_gold_less_than_1() -> None:
    found = check_scorer(QUIZ, items("f1", "Kansas City", "New York City"))
    assert found.ok
    assert "foreign answers: 2 of 2 score less than 1" in found.text()
    wrong = check_scorer(QUIZ, items("f1", "Kansas City", "City Kansas"))
    assert [str(miss) for miss in wrong.foreign_misses][:1] == ["q:0: 'City Kansas' (of q:1) scores 1"]


def test_a_scorer_that_refuses_a_gold_is_found_out() -> None:
    wrong = Task(id="q:0", question="?", answers=("4 * 6",), metadata={"scorer": "game24", "numbers": [1, 4, 5, 10]})
    found = check_scorer(QUIZ, [wrong])
    assert found.gold_misses[0].answer == "4 * 6"
    assert "own gold: 0 of 3 spellings score 1" in found.text()
    assert "WRONG: q:0: '4 * 6' (its own gold) scores 0" in found.text()


def test_an_item_is_tried_with_its_own_wrong_options() -> None:
    task = Task(id="q:0", question="?", answers=("x",), metadata={"scorer": "option", "options": ["x", "y", "z"]})
    found = check_scorer(QUIZ, [task])
    assert (found.ok, found.num_gold, found.num_foreign) == (True, 5, 4)


def test_options_of_one_text_are_one_answer() -> None:
    task = Task(id="q:0", question="?", answers=("A. w",), metadata={"scorer": "option", "options": list("wWyz")})
    found = check_scorer(QUIZ, [task])
    assert (found.ok, found.num_foreign) == (True, 4)


def test_an_option_that_is_the_letter_of_another_one_is_not_tried() -> None:
    options = ["B", "A", "some", "other"]
    task = Task(id="q:0", question="?", answers=("A. B",), metadata={"scorer": "option", "options": options})
    found = check_scorer(QUIZ, [task])
    assert (found.ok, found.num_foreign) == (True, 5)


def test_one_item_alone_has_no_foreign_answers() -> None:
    assert "foreign answers: none to try" in check_scorer(QUIZ, items("exact_match", "Rome")).text()
    assert check_scorer(QUIZ, []).num_foreign == 0


@pytest.mark.parametrize(
    ("gold", "spelt"),
    [
        ("1234.5", ("$1234.5", "1234.5%", "1,234.5")),
        ("-7", ("$-7", "-7%")),
        ("Rome", ("ROME",)),
        ("rome, 3", ("ROME, 3", "rome; 3")),
    ],
)
def test_golds_of_gaia_are_tried_in_their_spellings(gold: str, spelt: tuple[str, ...]) -> None:
    [task] = items("gaia", gold)
    assert spellings(task) == [gold, *spelt]
    assert check_scorer(QUIZ, [task]).ok


def test_how_many_pairs_were_tried_is_said() -> None:
    tasks = items("exact_match", "a1", "b1", "c1", "d1", "e1")
    assert "(pairs of items: 10 of 20)" in check_scorer(QUIZ, tasks, 2).text()
    assert "(pairs of items: all 20)" in check_scorer(QUIZ, tasks).text()


@pytest.mark.parametrize(
    ("scorer", "num", "others"),
    [("math", 30, 29), ("math", 40, 39), ("math", 300, 16), ("option", 300, 299), ("exact_match", 5000, 200)],
)
def test_large_files_are_tried_with_a_sample_of_the_others(scorer: str, num: int, others: int) -> None:
    assert enough_others(items(scorer, *map(str, range(num)))) == others


def test_as_many_others_as_are_wanted() -> None:
    tasks = items("exact_match", "a1", "b1", "c1", "d1", "e1")
    assert [check_scorer(QUIZ, tasks, others).num_foreign for others in (0, 1, 2, 9, None)] == [0, 5, 10, 20, 20]


def test_items_without_a_gold_are_counted() -> None:
    task = Task(id="q:0", question="?", metadata={"scorer": "game24", "numbers": [1, 1, 4, 6]})
    assert check_scorer(QUIZ, [task]).without_gold == ("q:0",)


def test_a_judge_can_not_be_checked() -> None:
    with pytest.raises(ConfigError, match="only rules can be checked"):
        check_scorer(QUIZ, items("judge", "x"))


@pytest.mark.parametrize(
    ("scorer", "answer", "gold", "same"),
    [("number", "33.0", "33", True), ("math", "1,000", "1000", True), ("exact_match", "the 5th", "5 flats", False)],
)
def test_coinciding_answers_are_told_without_the_scorer(scorer: str, answer: str, gold: str, same: bool) -> None:
    task, origin = items(scorer, gold, answer)
    assert coincide(task, answer, origin) == same
