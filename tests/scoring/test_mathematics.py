import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.scoring import score
from agentflow.scoring.math_pool import MathPool
from agentflow.scoring.mathematics import math_match
from agentflow.types import Task

pytest.importorskip("math_verify")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("33", "33"),
        ("33", "033"),
        ("33", "$33$"),
        ("33", r"\boxed{33}"),
        ("33", "The answer is 33."),
        ("33", "**33**"),
        ("33", "33.0"),
        ("33", "x = 33"),
        ("33", "$x=33$"),
        ("27", "27 miles"),
        ("10080", "10,080"),
        (r"10,\!080", "10080"),
        (r"\$36", "36"),
        (r"\$18.90", r"\$18.90"),
        (r"50\%", "50%"),
        (r"90^\circ", "90"),
        ("1024", "2^{10}"),
        ("1024", "The answer is 2^{10}"),
        (r"\frac{1}{2}", "1/2"),
        (r"\frac{1}{2}", "0.5"),
        (r"\dfrac{1}{2}", r"\frac12"),
        (r"\frac{3\sqrt{3}}{4}", r"\frac{3}{4}\sqrt{3}"),
        ("(1,2)", r"\left( 1, 2 \right)"),
        ("(6,31,-1)", "(6, 31, -1)"),
        ("3, 5, 7", "7, 5, 3"),
        (r"x \in [-2,7]", "[-2, 7]"),
        ("x=5", "5"),
        ("(a+5)(b+2)", "ab + 2a + 5b + 10"),
        (r"3 \pm 2 \sqrt{2}", r"3 + 2\sqrt{2}, 3 - 2\sqrt{2}"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ \frac{4}{2} \end{pmatrix}"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"\text{Evelyn}", "evelyn."),
        (r"\text{ellipse}", "an ellipse"),
        ("no", "No."),
        (r"52_8", "52_8"),
        (r"\text{(C)}", "(C)"),
        (r"\cot x", r"\frac{1}{\tan x}"),
        ("33", "Answer: 33"),
        ("33", "<answer>33</answer>"),
        ("33", "There are 33 ways."),
        ("33", "33 because 3 * 12 - 3 = 33"),
        ("33", "66/2 = 33"),
        ("33", "We have 12 red ones.\nThere are 33 in all."),
        ("0.5", r"50\% = 0.5"),
        (r"\frac12", "½"),
        ("13.5", "13½"),
        ("-0.5", "−½"),
        (r"3\sqrt{2}", "3√2"),
        (r"3\sqrt{x+1}", "3√(x+1)"),
        (r"\frac{1}{3}", r"0.\overline{3}"),
        (r"0.1\overline{6}", r"\frac16"),
        (r"3\sqrt{13}", "3 sqrt(13)"),
        (r"\sqrt{13}", "sqrt{13}"),
        (r"\infty", "∞"),
        (r"(-\infty,3)", "(-∞, 3)"),
        ("-33", "–33"),
        ("33", "３３"),
        (r"2\pi", "2π"),
        (r"2\pi", "2pi"),
        (r"2\pi", "2*pi"),
        (r"\frac{\pi}{2}", "pi/2"),
        ("1024", "2**10"),
        ("1024", "2 ** 10"),
        ("1024", "2¹⁰"),
        ("x^2+1", "x²+1"),
        ("6", "2·3"),
        ("52_8", "52₈"),
        ("1000", "1e3"),
        ("0.05", "5e-2"),
        ("1,2", "1 and 2"),
        ("1,2,3", "1, 2, and 3"),
        ("1,2", "x = 1 or x = 2"),
        ("5", r"5\ cm^2"),
        ("5", "5 cm^2"),
        ("5", r"5\text{ cm}^2"),
    ],
)
def test_equal(gold: str, answer: str) -> None:
    assert math_match(answer, [gold]) == 1.0


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("33", "32"),
        ("33", ""),
        ("33", r"\boxed{}"),
        ("33", r"33 at first, so \boxed{34}"),
        ("33", "33, 34"),
        ("33", "(33, 34)"),
        ("33", "thirty-three"),
        ("3", "3x"),
        ("3", "3!"),
        ("3", r"3\sqrt{2}"),
        ("3", r"3\pi"),
        ("2", "2^{10}"),
        ("50", r"50\%x"),
        (r"\frac{1}{3}", "0.33"),
        ("33", r"33.\overline{3}"),
        ("13", "sqrt(13)"),
        ("(1,2)", "(2,1)"),
        ("(8,-2)", "(7,-3)"),
        ("[1,2]", "(1,2)"),
        ("21/2", "2 1/2"),
        ("x+y", "xy"),
        ("a-b", "a/b"),
        ("yes", "sey"),
        ("no", "on"),
        (r"\text{ellipse}", "line"),
        ("52_8", "52_9"),
        ("2k", "k"),
        ("i", "-i"),
        ("33", "either 32 or 33"),
        ("33", "between 32 and 33"),
        ("33", "32 and 33"),
        ("33", "32 or 33 miles"),
        ("33", "It is 32 or 33 miles long"),
        ("33", "not 33"),
        ("33", "The answer is not 33"),
        ("33", "The total isn't 33"),
        ("33", "The total isn’t 33"),
        ("33", "33 is not the answer"),
        ("33", r"\boxed{\text{not } 33}"),
        ("33", "34\n33"),
        ("33", "32 -> 33"),
        ("33", "32 → 33"),
        ("33", r"$32 \to 33$"),
        ("33", "34 = 33"),
        ("33", "$34 = 33$"),
        ("33", "x = 34 = 33"),
        ("3", "(-∞, 3)"),
        ("3", "3√2"),
        ("3", "3π"),
        ("3", "3pi"),
        ("2", "2·3"),
        ("2", "2**10"),
        ("1", "1e3"),
        ("5", "5 ab^2"),
        ("522", "52²"),
        ("528", "52₈"),
        ("-1", r"\begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix}"),
        (r"\begin{pmatrix} 2 & 0 \\ 0 & 2 \end{pmatrix}", "2"),
    ],
)
def test_different(gold: str, answer: str) -> None:
    assert math_match(answer, [gold]) == 0.0


def test_one_gold_of_several_is_enough() -> None:
    assert math_match("1/2", ["0.25", r"\frac12"]) == 1.0
    assert math_match("1/2", []) == 0.0


class Unasked(MathPool):
    """A pool that must not be asked."""

    def equal(self, gold: str, answer: str) -> bool:
        raise AssertionError((gold, answer))


@given(st.integers(), st.integers())
def test_whole_numbers_need_no_process(one: int, other: int) -> None:
    for spelling in (str(one), f"\\boxed{{{one}}}", f"The answer is {one}.", f"${one}$"):
        assert math_match(spelling, [str(other)], Unasked()) == float(one == other)


@settings(deadline=None, max_examples=60)
@given(st.integers(-999, 999), st.integers(1, 999), st.integers(2, 9))
def test_a_fraction_is_equal_however_it_is_written(top: int, bottom: int, factor: int) -> None:
    spelt = f"\\frac{{{top * factor}}}{{{bottom * factor}}}"
    assert math_match(spelt, [f"{top}/{bottom}"]) == 1.0
    assert math_match(spelt, [f"{top + 1}/{bottom}"]) == 0.0


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_no_answer_raises(answer: str) -> None:
    with_quick = MATH.model_copy(update={"answers": ("x^2",)})
    assert score(with_quick, answer) in (0.0, 1.0)


MATH = Task(question="?", answers=("1024",), metadata={"scorer": "math"})

HOSTILE = [
    "9^{9^{9^{9}}}",
    "(" * 900,
    "x^" * 500 + "2",
    r"\sum_{n=1}^{10^{20}} n!",
    "__import__('os').system('touch hacked')",
    r"\input{/etc/passwd}",
    "\x00",
    "\ud800",
    "9" * 1999,
    "9" * 100_000,
]


def test_hostile_answers_cost_seconds_and_score_nothing() -> None:
    pool = MathPool(size=1, seconds=0.2)
    started = time.monotonic()
    try:
        assert [math_match(answer, ["1024"], pool) for answer in HOSTILE] == [0.0] * len(HOSTILE)
        assert math_match("2^{10}", ["1024"], pool) == 1.0
    finally:
        pool.close()
    assert pool.counts.out_of_time >= 2
    assert pool.counts.asked < len(HOSTILE) + 2
    assert time.monotonic() - started < 60


class Deaf(MathPool):
    """A pool that finds nothing equal, at no cost."""

    def equal(self, gold: str, answer: str) -> bool:
        return False


REPEATED = [
    "√",
    "√(",
    "1 or ",
    "1 and ",
    "=",
    "1\n",
    "pi",
    "1 ",
    "1 ab ",
    "'",
    "2**",
    "½",
    "answer is ",
    "<answer>",
    "\\text{",
]


@pytest.mark.parametrize("part", REPEATED)
def test_hostile_answers_are_read_quickly(part: str) -> None:
    started = time.process_time()
    for answer in (part * (1990 // len(part)), "1" + part * (1980 // len(part)) + "!", part * 20_000):
        assert math_match(answer, ["1024"], Deaf()) == 0.0
    assert time.process_time() - started < 2


def test_a_power_of_a_program_does_not_hang_either() -> None:
    assert math_match("9**9**9**9", ["1024"]) == math_match("1e999", ["1024"]) == 0.0
