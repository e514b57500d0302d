"""Questions whose answer is in no article and follows from two values that are: search, then compute."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from agentflow.tasks.world.walks import Walk

YEARS = frozenset({"date", "year"})
COUNTS = frozenset({"people", "metres"})


class Calculation(NamedTuple):
    """A question, its exact answer, what was done, and the values that it was done with, as years or numbers."""

    question: str
    answer: int
    operation: str
    values: Sequence[str]


def age(walk: Walk) -> Calculation | None:
    """How old the person became at whose date of death a walk arrives; `None` for any other walk."""
    if walk.last.name != "died":
        return None
    born, died = walk.things[-1].facts["born"], walk.value
    assert isinstance(born, date)
    assert isinstance(died, date)
    question = f"How old, in full years, was {walk.described} on the day of death?"
    return Calculation(question, full_years(born, died), "age", (born.isoformat(), died.isoformat()))


def full_years(born: date, died: date) -> int:
    """
    >>> full_years(date(1800, 3, 12), date(1870, 3, 11)), full_years(date(1800, 3, 12), date(1870, 3, 12))
    (69, 70)
    """
    return died.year - born.year - ((died.month, died.day) < (born.month, born.day))


def compare(one: Walk, other: Walk, *, together: bool) -> Calculation | None:
    """The difference of two years or numbers, or the sum of two populations; `None` where they are equal."""
    if together and one.last.target == other.last.target == "people":
        values = (_number(one), _number(other))
        question = f"How many people live in {one.described} and {other.described} together?"
        return Calculation(question, sum(values), "sum", [f"{value:,}" for value in values])
    if _number(one) == _number(other):
        return None
    high, low = (one, other) if _number(one) > _number(other) else (other, one)
    written = [str(_number(walk)) if walk.last.target in YEARS else f"{_number(walk):,}" for walk in (high, low)]
    return Calculation(_difference(high, low), _number(high) - _number(low), "difference", written)


def _difference(high: Walk, low: Walk) -> str:
    if high.last.name == low.last.name == "born":  # who was born later is younger
        return f"By their years of birth, how many years older was {low.described} than {high.described}?"
    if high.last.target == "people":
        return f"How many more people live in {high.described} than in {low.described}?"
    if high.last.target == "metres":
        return f"How many metres higher is {high.described} than {low.described}?"
    return f"How many years lie between {low.phrase} and {high.phrase}?"


def _number(walk: Walk) -> int:
    """The value as a number: of a date, the year."""
    assert not isinstance(walk.value, str)
    return walk.value.year if isinstance(walk.value, date) else walk.value
