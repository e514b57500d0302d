import calendar
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.scoring.dates import day_first, month_named
from agentflow.scoring.text import exact_match, normal_form


def spellings(date: datetime.date) -> list[str]:
    month = calendar.month_name[date.month]
    return [
        f"{date.day} {month} {date.year}",
        f"{month} {date.day}, {date.year}",
        f"{month} {date.day:02}, {date.year}.",
        f"the {date.day}th of {month} {date.year}",
        f"{month[:3]}. {date.day}, {date.year}",
    ]


@given(st.dates())
def test_a_day_is_the_same_day_in_every_order(date: datetime.date) -> None:
    assert len({normal_form(spelling) for spelling in spellings(date)}) == 1


@given(st.dates(), st.dates())
def test_two_days_are_never_the_same_day(one: datetime.date, other: datetime.date) -> None:
    assert exact_match(spellings(one)[0], [spellings(other)[1]]) == float(one == other)


@given(st.text(alphabet="0123456789 abcdefghijklmnopqrstuvwxyz"))
def test_one_spelling_is_final(words: str) -> None:
    once = day_first(words)
    assert day_first(once) == once


@pytest.mark.parametrize("words", ["may", "june 2004", "march on rome", "31", "may 32 march", "7 junes"])
def test_what_is_no_day_stays(words: str) -> None:
    assert day_first(words) == words


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_a_date_of_numbers_is_that_day(date: datetime.date) -> None:
    assert exact_match(date.isoformat(), [spellings(date)[0]]) == 1.0


@pytest.mark.parametrize(
    "words", ["1937-13-01", "1937-00-01", "1937-01-32", "1937-1-1", "1937-12-14-5", "5-1937-12-14"]
)
def test_what_is_no_date_of_numbers_stays(words: str) -> None:
    assert month_named(words) == words
