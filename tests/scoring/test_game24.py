import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentflow.scoring.game24 import game24

from .puzzles import TREES, Known, solution

NUMBERS = st.lists(st.integers(1, 13), min_size=4, max_size=4)


@pytest.mark.parametrize(
    "answer",
    [
        "(10 - 4) * (9 - 5)",
        "(10 − 4) × (9 − 5) = 24",
        "(10-4)*(9-5)=24.",
        "(10 - 4) * (9 - 5) = 24.0",
        "（10－4）×（9－5）＝24",
        "`(10 - 4) * (9 - 5)`",
        "**(10 - 4) * (9 - 5) = 24**.",
        "**(10 - 4) * (9 - 5).**",
        "$(10 - 4) \\times (9 - 5) = 24$",
        "\\[ \\left(10 - 4\\right) \\cdot (9 - 5) \\]",
        "The expression is \\boxed{(10 - 4) \\times (9 - 5) = 24}.",
        "[10 - 4] x [9 - 5]",
        "(9 - 5)(10 - 4)",
        "24 = (10 - 4) * (9 - 5)",
        "(10 - 4) * (9 - 5) == 24",
        "(10 - 4) * (9 - 5) = 6 * 4 = 24",
        "(10 - 4) * (9 - 5) = \\boxed{24}",
        "**(10 - 4) * (9 - 5)** = 24",
        "**(10 - 4) * (9 - 5)** = **24**",
        "24 = **(10 - 4) * (9 - 5)**.",
        "```python\n(10 - 4) * (9 - 5)\n```",
        "```\n(10 - 4) * (9 - 5) = 24\n```",
        '"(10 - 4) * (9 - 5)"',
        "'(10 - 4) * (9 - 5)'",
        "“(10 - 4) * (9 - 5)” = 24",
        "(10 - 4)\\*(9 - 5)",
        "(10 - 4) ✖ (9 - 5)",
        "(10 - 4) times (9 - 5)",
        "Answer: (10 - 4) * (9 - 5) = 24",
        "**Answer:** (10 - 4) * (9 - 5) = 24",
        "The answer is (10 - 4) * (9 - 5).",
        "The answer is **(10 - 4) * (9 - 5)**.",
        "<answer>(10 - 4) * (9 - 5)</answer>",
        "I tried 10 - 4 first. So (10 - 4) is 6. <answer>\\boxed{(10 - 4) * (9 - 5)}</answer>",
    ],
)
def test_right(answer: str) -> None:
    assert game24(answer, [4, 5, 9, 10]) == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "24",
        "= 24",
        "(10 - 4) * 4",  # a number left out, another used twice
        "(10 - 4) * (9 - 5) * 1",  # a number too many
        "(10 - 4) * (9 - 5) + 0",
        "(10 - 4) * (9 - 5) * 10 / 10",
        "10 + 4 + 9 + 5",  # 28
        "10 + 4 + 9 + 5 = 24",
        "(10 - 4) * (9 - 5) = 25",
        "(10 - 4) * (9 - 5) = 6 * 4 = 25",
        "(10 - 4) * (9 - 5) = 6 * 5 = 24",
        "(10 - 4) * (9 - 5) = x = 24",
        "25 = (10 - 4) * (9 - 5)",
        "6 * 4 = 24",
        "24 = 24",
        "(10 - 4) * (9 - 5) =",
        "= (10 - 4) * (9 - 5)",
        "10 - 4 = 6, 9 - 5 = 4, 6 * 4 = 24",
        "10 - 4 = 6 = 9 - 5 = 4",
        "(-4 + 10) * (9 - 5)",  # a sign in front
        "The answer is not (10 - 4) * (9 - 5)",
        "(10 - 4)**(9 - 5)",
        "**(10 - 4)**(9 - 5)**",
        "(10 - 4) * (9 - 5)**",
        "10 - 4 \\boxed{24} (9 - 5)",
        "(10 - 4) * (9 - 5) / 0",
        "1049 - 1025",
        "\\boxed{24}",
        "(10 - 4) * (9 - 5) \\boxed{no}",
    ],
)
def test_wrong(answer: str) -> None:
    assert game24(answer, [4, 5, 9, 10]) == 0.0


def test_a_lone_24_needs_to_be_given() -> None:
    assert game24("24", [24]) == game24("24 = 24", [24]) == 1.0
    assert game24("= 24", [24]) == game24("24 =", [24]) == 0.0


def test_exact_fractions_and_not_nearly() -> None:
    for fraction in ("8 / 3", r"\frac{8}{3}", r"\frac83", r"\tfrac 8 3", r"\cfrac{8}{3}"):
        assert game24(f"8 / (3 - {fraction})", [3, 3, 8, 8]) == 1.0
    assert game24(r"8 / (3 - \frac833)", [3, 3, 8, 8]) == game24(r"8 / (3 - \frac838)", [3, 3, 8, 8]) == 0.0
    assert game24("(1 + 1 / 10000000000000000000) * 24", [1, 1, 24, 10**19]) == 0.0


@settings(deadline=None)
@given(NUMBERS)
def test_a_solution_scores_one_for_its_own_numbers_only(numbers: list[int]) -> None:
    gold = solution(numbers)
    assume(gold is not None)
    assert gold is not None
    assert game24(gold, numbers) == game24(gold + " = 24", numbers[::-1]) == 1.0
    for index in range(4):
        assert game24(gold, [*numbers[:index], numbers[index] + 1, *numbers[index + 1 :]]) == 0.0
        assert game24(gold, numbers[:index] + numbers[index + 1 :]) == 0.0
    assert game24(gold, [*numbers, 1]) == 0.0
    assert game24(f"{gold} + 1 - 1", numbers) == 0.0


@settings(deadline=None)
@given(TREES, NUMBERS)
def test_only_24_out_of_the_given_numbers_scores(tree: Known, numbers: list[int]) -> None:
    assert game24(tree.text, list(tree.numbers)) == float(tree.value == 24)
    assert game24(tree.text, numbers) == float(tree.value == 24 and sorted(tree.numbers) == sorted(numbers))


@settings(deadline=None)
@given(st.text(), NUMBERS)
def test_any_text_is_scored(answer: str, numbers: list[int]) -> None:
    assert game24(answer, numbers) in (0.0, 1.0)
