from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.scoring.arithmetic import MAX_CHARACTERS, MAX_DEPTH, expression_value, read_expression

from .puzzles import TREES, Known


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("10 - 4 - 3", "3"),
        ("24 / 4 / 3", "2"),
        ("2 * 3 - 4 / 5", "26/5"),
        ("8/(3-8/3)", "24"),
        ("[1+{2+(3)}]", "6"),
        ("6 × 4", "24"),
        ("6 x 4", "24"),
        ("6X4", "24"),
        ("6·4", "24"),
        ("6 ∗ 4", "24"),
        ("6 ✕ 4", "24"),
        ("6 ✖️ 4", "24"),
        ("6 times 4", "24"),
        ("6 \\* 4", "24"),
        ("2(3)", "6"),
        ("(2)(3)", "6"),
        ("(2)3", "6"),
        ("(10 - 4)(5 - 1)", "24"),
        ("1 + 2(3)[4]", "25"),
        ("8 / 2 * 3(2)", "24"),
        ("\\frac{1}{2}(6)", "3"),
        ("48 ÷ 2", "24"),
        ("48 ∕ 2", "24"),
        ("48 : 2", "24"),
        ("28 − 4", "24"),
        ("28 – 4", "24"),
        ("（２８－４）", "24"),
        (r"\left(6 \times 8\right) \div 2", "24"),
        (r"\frac{6 + 2}{4 - \frac{1}{2}} \cdot 7", "16"),
        (r"$\dfrac{48}{2}$".strip("$"), "24"),
        ("1.5 * 16", "24"),
        ("007", "7"),
        ("0/5", "0"),
        (r"\frac12", "1/2"),
    ],
)
def test_value(text: str, value: str) -> None:
    assert expression_value(text) == Fraction(value)


NO_EXPRESSIONS = """
2 3 | (2) 3 4 | 8/2(3) | 8/(2)(3) | 8/(2)3 | ()(2) | 2(-3) | 2 times times 3
-4 | 4 + -4 | +4 | 2**3 | 2^3 | 2//3 | 7 % 4 | 5! | (1+2 | 1+2) | (1] | () | 1+ | *2
1/0 | 1/(2-2) | 0/0 | a+1 | 1e3 | __import__('os') | 1 if 1 else 2 | 1=1 | 1 + 2 = 3 | 1,000 | 1.2.3 | .5 | 1. | ٣
½*48 | 10² | \\frac{1} | \\frac1 | \\frac(1)(2) | frac{1}{2} | \\
"""


@pytest.mark.parametrize(
    "text", ["", " ", *(text.strip() for text in NO_EXPRESSIONS.strip().replace("\n", "|").split("|"))]
)
def test_anything_else_is_no_expression(text: str) -> None:
    assert expression_value(text) is None


def test_length_and_depth_are_bounded() -> None:
    deepest = "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH
    assert expression_value(deepest) == 1
    assert expression_value(f"({deepest})") is None
    assert expression_value("(" * 100_000) is None
    longest = "1" + "+1" * ((MAX_CHARACTERS - 1) // 2)
    assert expression_value(longest) == len(longest) // 2 + 1
    assert expression_value(longest + "+1") is None
    assert expression_value("9" * MAX_CHARACTERS) == 10**MAX_CHARACTERS - 1


@settings(deadline=None)
@given(TREES)
def test_random_trees_evaluate_exactly(tree: Known) -> None:
    expression = read_expression(tree.text)
    assert expression == (tree.value, tuple(map(Fraction, tree.numbers)))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(1, 99)), max_size=8), st.integers(1, 99))
def test_precedence_is_the_usual_one(steps: list[tuple[str, int]], first: int) -> None:
    text = str(first) + "".join(f" {operator} {number}" for operator, number in steps)
    exact = "F(" + text.replace(" ", ") ").replace(") +)", ") + F(").replace(") -)", ") - F(")
    exact = exact.replace(") *)", ") * F(").replace(") /)", ") / F(").replace("F( ", "F(") + ")"
    assert expression_value(text) == eval(exact, {"F": Fraction})  # our own digits and operators only


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    value = expression_value(text)
    assert value is None or isinstance(value, Fraction)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.+-*/×÷−·()[]{}= \\fracx"))
def test_any_text_of_an_expressions_characters_is_read(text: str) -> None:
    value = expression_value(text)
    assert value is None or isinstance(value, Fraction)
