from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.errors import ConfigError
from agentflow.scoring.numbers import Number, number_in, number_match, parse_number, same_number

FRACTIONS = st.fractions(max_denominator=10_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("72", "72"),
        ("72.", "72"),
        ("72!", "72"),
        ("1,450,000", "1450000"),
        ("1{,}000", "1000"),
        (r"1\,000", "1000"),
        ("1\u202f000", "1000"),
        ("3.50", "7/2"),
        (".5", "1/2"),
        ("-10", "-10"),
        ("−10", "-10"),
        ("–10", "-10"),
        ("+4", "4"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("$ 1,234.5", "2469/2"),
        ("€7", "7"),
        (r"\$7", "7"),
        ("3/4", "3/4"),
        ("3 / 4", "3/4"),
        ("1 1 / 2", "3/2"),
        ("80k", "80000"),
        ("$1.5k", "1500"),
        ("300K", "300"),
        ("5 k", "5"),
        ("-3/4", "-3/4"),
        ("2 1/2", "5/2"),
        ("-2 1/2 cups", "-5/2"),
        ("2½", "5/2"),
        ("½", "1/2"),
        (r"\frac{3}{4}", "3/4"),
        (r"-\dfrac{1}{2}", "-1/2"),
        (r"2\tfrac{1}{2}", "5/2"),
        (r"2\ \frac12", "5/2"),
        (r"\frac34", "3/4"),
        (r"\frac{270}7\text{ degrees}", "270/7"),
        (r"36^\circ", "36"),
        (r"36^{\circ}", "36"),
        ("36°", "36"),
        (r"$\boxed{42}$", "42"),
        (r"\(\boxed{1,080}\)", "1080"),
        ("1.2e3", "1200"),
        ("1.2E-3", "12/10000"),
        ("1.2 × 10^3", "1200"),
        (r"1.2 \times 10^{3}", "1200"),
        ("5 x 10^-2", "1/20"),
        ("10⁶", "1000000"),
        ("10⁻²", "1/100"),
        ("3 million", "3000000"),
        ("$1.5 Billion", "1500000000"),
        ("18 km/h", "18"),
        ("12 m^2", "12"),
        ("12 m²", "12"),
        ("5 s^{-1}", "5"),
        ("5km", "5"),
        (r"72\text{ dollars}", "72"),
        ("x = -3", "-3"),
        ("x=-3", "-3"),
        ("CO2: 44 g", "44"),
        ("答案是72", "72"),
        ("**72**", "72"),
        ("#### 72", "72"),
        ("~72", "72"),
    ],
)
def test_one_number_is_read_exactly(text: str, value: str) -> None:
    wanted = Number(Fraction(value))
    assert parse_number(text) == wanted
    assert number_in(text) == wanted


NO_NUMBERS = r"""
none | 3π | 3\pi | \frac{\pi}{3} | π/3 | 2√3 | \sqrt{3} | \frac{\sqrt{3}}{2} | \frac{3}{-4} | 2^10 | ^3 | 52_8 | 52_{12}
\sqrt 7 | √ 7 | sqrt(7) | 1 / 0
1/0 | ½/0 | 12:30 | 5/6/2020 | 5 / 6 / 2020 | 1e9999999999 | 10^9999999999 | GPT4 | A1 | .. | - | $
"""


@pytest.mark.parametrize(
    "text",
    ["", "9" * 5000, "1" + ",000" * 2000, *(text.strip() for text in NO_NUMBERS.strip().replace("\n", "|").split("|"))],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert number_in(text) is None
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48 + 24 = 72", 72),
        ("√49=7", 7),
        ("sqrt(49)=7", 7),
        ("60 miles / 2 hours = 30", 30),
        ("48 - 24", 24),
        ("5-3", 3),
        ("between 5–10", 10),
        ("He has 3 apples and 4 pears", 4),
        ("1, 2, 3", 3),
        (r"\boxed{5}, which is 2 more than 3", 5),
        (r"\boxed{5} or rather \boxed{6}, not 7", 6),
        (r"\boxed{5", 5),
        ("<answer>5</answer>, since 2 + 3 = 5 and not 6", 5),
        (r"<answer>It is \boxed{5}, not 6</answer> 7", 5),
    ],
)
def test_the_last_number_is_meant(text: str, value: int) -> None:
    assert number_in(text) == Number(Fraction(value))


def test_a_box_without_a_number_is_not_looked_past() -> None:
    assert number_in(r"72, so \boxed{\text{seventy-two}}") is None
    assert number_in("72 or 3π") is None


def test_percent() -> None:
    percent = Number(Fraction(20), percent=True)
    assert parse_number("20%") == parse_number(r"20\%") == parse_number("20 percent") == percent
    assert number_match("20%", ["20"]) == number_match("20%", ["0.2"]) == number_match("0.2", ["20%"]) == 1.0
    assert number_match("20", ["20%"]) == number_match("20 %", ["20%"]) == 1.0
    assert number_match("0.2%", ["20%"]) == number_match("0.2", ["20"]) == number_match("2000", ["20%"]) == 0.0


def test_tolerance_is_absolute() -> None:
    third, rounded = Number(Fraction(10, 3)), Number(Fraction("3.33"))
    assert not same_number(rounded, third)
    assert same_number(rounded, third, Fraction("0.01"))
    assert not same_number(rounded, third, Fraction("0.001"))


def test_a_gold_that_is_no_number_is_the_users_mistake() -> None:
    for gold in ("many", "3 or 4", "", "1/0"):
        with pytest.raises(ConfigError, match="one number each"):
            number_match("4", [gold])


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert number_match(text, ["7"]) in (0.0, 1.0)
    assert parse_number(text) is None or parse_number(text) == number_in(text)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,/-−+^eE×x %$½²{}\\fracboxedπ√ "))
def test_any_text_of_a_numbers_characters_is_read(text: str) -> None:
    assert number_match(text, ["7"]) in (0.0, 1.0)


@settings(deadline=None)
@given(FRACTIONS)
def test_a_fraction_is_read_back_however_it_is_written(value: Fraction) -> None:
    top, bottom = value.numerator, value.denominator
    sign = "-" if top < 0 else ""
    whole, rest = divmod(abs(top), bottom)
    spellings = [str(value), rf"{sign}\frac{{{abs(top)}}}{{{bottom}}}", rf"\frac{{{top}}}{{{bottom}}}"]
    spellings += [f"{sign}{whole} {rest}/{bottom}", f"so it is \\boxed{{{value}}} km."]
    for spelling in spellings:
        assert number_in(spelling) == Number(value), spelling


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_decimal_is_read_back_with_commas_and_units(value: object) -> None:
    for spelling in (
        f"{value}",
        f"{value:,}",
        f"${value:,}.",
        f"{value} cm",
        f"{value:e}",
        f"{value}".replace("-", "−"),
    ):
        assert number_in(spelling) == Number(Fraction(str(value))), spelling


@settings(deadline=None)
@given(FRACTIONS, FRACTIONS)
def test_only_the_gold_scores(answer: Fraction, gold: Fraction) -> None:
    assert number_match(str(gold), [str(gold)]) == 1.0
    assert number_match(str(answer), [str(gold)]) == float(answer == gold)
