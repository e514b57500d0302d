import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.scoring.final import enclosed, final_answer


@pytest.mark.parametrize(
    ("text", "final"),
    [
        ("17", "17"),
        ("The answer is 17", "17"),
        ("Answer: 17", "17"),
        ("FINAL ANSWER: 17", "17"),
        ("**Answer:** 17", "17"),
        ("**Answer**: 17", "17"),
        ("**Final answer: 17**", "17"),
        ("Answer：17", "17"),
        ("The answer would be 17", "17"),
        ("The answer is therefore: 17", "17"),
        ("The answer is 16. No, the answer is 17", "17"),
        (r"The answer is \boxed{17}, I think", "17"),
        ("<answer>17</answer>", "17"),
        ("<answer> The answer is 17 </answer> or 18", "17"),
        (r"\boxed{16} <answer>\boxed{17}</answer> \boxed{18}", "17"),
        ("Answer: 2**10", "2**10"),
        ("The answer isn't 17", "The answer isn't 17"),
        ("The answer is not 17", "not 17"),
        ("answerable: 17", "answerable: 17"),
        ("<answer>17", "<answer>17"),
        ("answer:", ""),
        (r"\boxed{}", ""),
        ("", ""),
    ],
)
def test_where_the_final_answer_stands(text: str, final: str) -> None:
    assert final_answer(text) == final


def test_nothing_is_enclosed_without_a_box_or_tags() -> None:
    assert enclosed("The answer is 17") is None


@given(st.text())
def test_a_final_answer_stands_in_its_text(text: str) -> None:
    assert final_answer(text) in text


def test_hostile_texts_are_read_quickly() -> None:
    started = time.monotonic()
    for part in ("<answer>", "\\boxed{", "answer ", "answer is ", "answer" + " " * 50, "*", " ", "answer:**"):
        final_answer(part * (200_000 // len(part)))
    assert time.monotonic() - started < 5
