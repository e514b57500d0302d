"""Leakage: queries that restate the question, results that contain it, and the score without them."""

import doctest
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import JsonValue

from agentflow.evaluation import leakage
from agentflow.evaluation.leakage import contains, find_leakage, question_of, restates
from agentflow.evaluation.receipt import Record
from agentflow.tools.text import cut_end
from agentflow.types import Action, Outcome, Status, Task, Trajectory, Turn, Usage

QUESTION = "Which film by the director of the opera house fire was released in the year of the moon landing?"


OPTIONS = [
    "Ampicillin given intravenously every six hours for ten days",
    "Ceftriaxone, one gram given intramuscularly a single time",
    "Doxycycline, one hundred milligrams taken twice daily by mouth",
    "Nitrofurantoin, one hundred milligrams taken twice daily for five days",
]
STEM = "A pregnant woman at 22 weeks gestation presents with burning upon urination. Which is the best treatment?"
LISTED = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", OPTIONS, strict=True))
CHOICE = f"{STEM}\n{LISTED}\nChoose the correct option."


def turn(tool: str, asked: JsonValue, result: str, index: int = 0, status: Status = Status.OK) -> Turn:
    """One call of a tool; a text is its query."""
    arguments = asked if isinstance(asked, dict) else {"query": asked}
    action = Action(sub_goal="find", tool=tool)
    return Turn(index=index, action=action, arguments=arguments, result=result, status=status)


def record(name: str, score: float, *turns: tuple[str, str, str], **of_task: Any) -> Record:
    """A record of an item whose turns are (tool, query, result)."""
    return record_of(name, score, [turn(*made, index) for index, made in enumerate(turns)], **of_task)


def record_of(name: str, score: float, made: Sequence[Turn], *, trial: int = 0, **of_task: Any) -> Record:
    task = Task(**{"question": QUESTION, "id": name, "answers": ("x",), **of_task})
    return Record(
        id=name,
        trial=trial,
        seed=1,
        score=score,
        outcome=Outcome.ANSWERED,
        answer="x",
        golds=("x",),
        scorer="exact_match",
        num_turns=len(made),
        usage=Usage(),
        seconds=1.0,
        ended="",
        trajectory=Trajectory(task=task, turns=tuple(made), outcome=Outcome.ANSWERED),
    )


def signs(made: Turn, **of_task: Any) -> tuple[bool, bool]:
    """Whether the query of a turn restates the question, and whether its result contains it."""
    leaks = find_leakage([record_of("a", 1.0, [made], **of_task)]).leaks
    return any(leak.restating_turns for leak in leaks), any(leak.containing_turns for leak in leaks)


def test_examples() -> None:
    assert doctest.testmod(leakage).failed == 0


def test_the_score_is_given_with_and_without_the_items_that_show_a_sign() -> None:
    records = [
        record("clean", 0.0, ("web_search", "moon landing year", "It was 1969.")),
        record("restated", 1.0, ("web_search", QUESTION, "Nothing.")),
        record("contained", 1.0, ("server.fetch", "quiz", f"Item 7: {QUESTION} Answer: x")),
        record("both", 1.0, ("web_search", "moon", "1969"), ("wikipedia_search", QUESTION, f"dataset: {QUESTION}")),
    ]
    found = find_leakage(records)
    assert [(leak.id, leak.restating_turns, leak.containing_turns) for leak in found.leaks] == [
        ("restated", (0,), ()),
        ("contained", (), (0,)),
        ("both", (1,), (1,)),
    ]
    assert found.everything.mean == 0.75
    assert found.without_restated is not None
    assert found.without_restated.mean == 0.5
    assert found.without_any is not None
    assert (found.without_any.mean, found.without_any.num) == (0.0, 1)


@pytest.mark.parametrize("tool", ["python", "generalist"])
def test_a_tool_that_looks_nothing_up_leaks_nothing(tool: str) -> None:
    assert signs(turn(tool, f"# {QUESTION}", QUESTION)) == (False, False)


@pytest.mark.parametrize("tool", ["web_search", "web.crawl", "open_url", "visit", "wikipedia_search", "server.ask"])
def test_any_other_tool_may(tool: str) -> None:
    assert signs(turn(tool, QUESTION, f"Item 7: {QUESTION} Answer: x")) == (True, True)


@pytest.mark.parametrize(
    "nothing",
    [
        "No results for {query!r}. Try other or fewer words.",  # as the tools of this package say it
        "No passage found for {query!r}. Try another name or fewer words.",
        'Results for "{query}": none',
        '{{"query": "{query}", "results": []}}',
    ],
)
@pytest.mark.parametrize("question", [QUESTION, CHOICE, "谁是法国歌剧卡门的作曲家并且出生在哪里"])
def test_a_tool_that_quotes_the_query_has_found_nothing(nothing: str, question: str) -> None:
    query = cut_end(question, 200)
    assert signs(turn("web_search", question, nothing.format(query=query)), question=question) == (True, False)
    page = f"{nothing.format(query=query)}\n\n[1] A quiz\n{question} Answer: x"
    assert signs(turn("web_search", question, page), question=question) == (True, True)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_call_that_went_wrong_brought_nothing(status: Status) -> None:
    assert signs(turn("web_search", QUESTION, f"too long: {QUESTION}", status=status)) == (False, False)


@pytest.mark.parametrize("arguments", [{"queries": ["moon", QUESTION]}, {"search": {"text": QUESTION, "limit": 3}}])
def test_a_query_may_stand_anywhere_in_the_arguments(arguments: JsonValue) -> None:
    assert signs(turn("web_search", arguments, "")) == (True, False)


@pytest.mark.parametrize("options", [OPTIONS, [f"A. {OPTIONS[0]}", "B. no", "C. neither", "D. none"]])
def test_options_are_no_part_of_the_question(options: list[str]) -> None:
    listed = [option if option[1] == "." else f"{'ABCD'[place]}. {option}" for place, option in enumerate(options)]
    question = "\n".join([STEM, *listed, "Choose the correct option."])
    of_task = {"question": question, "metadata": {"options": options}}
    assert signs(turn("web_search", STEM, f"Quiz: {STEM} Answer: D"), **of_task) == (True, True)


def test_text_without_spaces_is_compared_by_its_characters() -> None:
    question = "谁是法国歌剧卡门的作曲家并且出生在哪里"
    assert signs(turn("web_search", question, f"题目:{question}答案"), question=question) == (True, True)
    assert signs(turn("web_search", "比才", "卡门是一部法国歌剧"), question=question) == (False, False)


def test_an_item_is_left_out_with_all_its_trials() -> None:
    found = find_leakage(
        [
            record_of("a", 1.0, [turn("web_search", QUESTION, "")], trial=1),
            record_of("a", 1.0, [turn("web_search", "moon", "")], trial=0),
            record_of("b", 0.0, [turn("web_search", "moon", "")], trial=0),
        ]
    )
    assert [(leak.id, leak.trial) for leak in found.leaks] == [("a", 1)]
    assert found.without_restated is not None
    assert (found.without_restated.mean, found.without_restated.num) == (0.0, 1)


def test_nothing_is_left_where_every_item_shows_a_sign() -> None:
    assert find_leakage([record("a", 1.0, ("web_search", QUESTION, ""))]).without_any is None


@pytest.mark.parametrize(
    ("query", "same"),
    [
        (QUESTION.upper(), True),
        (f"please tell me: {QUESTION}", True),
        ("director of the opera house fire", False),
        ("", False),
    ],
)
def test_restating(query: str, same: bool) -> None:
    assert restates(query, QUESTION) is same


def test_a_short_question_can_hardly_be_asked_for_otherwise() -> None:
    assert not restates("Who wrote Carmen?", "Who wrote Carmen?")
    assert not contains("Who wrote Carmen?", "Who wrote Carmen?")


def test_instructions_about_the_answer_are_no_part_of_the_question() -> None:
    task = Task(question="Who?When ready, output the final answer enclosed in <answer> and </answer> tags.")
    assert question_of(task) == "Who?"
