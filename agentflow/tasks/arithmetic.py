"""Arithmetic that is too long for a head and short for a program: expressions, remainders, counts, stories."""

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from pydantic import Field

from agentflow.tasks.dice import Dice
from agentflow.tasks.source import Generator
from agentflow.tasks.splits import Tasks, fill
from agentflow.types import Task


class Sum(NamedTuple):
    """A question and its exact answer."""

    question: str
    answer: int


class ArithmeticSource(Generator):
    """`source = "arithmetic"`: questions with one whole number as their answer, scorer "number".

    `digits` is the length of the longest number in a question.
    """

    source: Literal["arithmetic"]
    digits: int = Field(default=4, ge=2, le=12)

    @property
    def label(self) -> str:
        return self.name or "arithmetic"

    def load(self) -> Tasks:
        """`ConfigError` if `digits` allows too few different questions."""
        return fill(self.label, self._tasks(), self.wanted)

    def _tasks(self) -> Iterator[Task]:
        for index in range(20 * max(self.wanted.values()) + 200):
            # Dice of its own for each task: a change to one kind of question leaves the others as they were.
            dice = Dice("arithmetic", self.seed, self.digits, index)
            question, answer = dice.pick(KINDS)(dice, self.digits)
            yield Task(
                id=f"{self.label}/{self.seed}-{self.digits}-{index}",
                question=question,
                answers=(str(answer),),
                source=self.label,
                metadata={"scorer": "number"},
            )


def expression(dice: Dice, digits: int) -> Sum:
    """
    >>> expression(Dice(1), 3)
    Sum(question='What is (698 - 87) * (61 + 87)?', answer=90428)
    """
    a, b, c = _number(dice, digits), _number(dice, digits - 1), _number(dice, 2)
    asked, answer = dice.pick(
        [
            (f"{a} * {b} + {c}", a * b + c),
            (f"{a} - {b} * {c}", a - b * c),
            (f"({a} + {b}) * {c}", (a + b) * c),
            (f"({a} - {c}) * ({b} + {c})", (a - c) * (b + c)),
            (f"{a} * {c} - {b} * {c + 1}", a * c - b * (c + 1)),
        ]
    )
    return Sum(dice.pick(["What is {}?", "Compute {}.", "Work out the value of {}."]).format(asked), answer)


def remainder(dice: Dice, digits: int) -> Sum:
    """
    >>> remainder(Dice(1), 3)
    Sum(question='What remains when 69 to the power 61 is divided by 87?', answer=72)
    """
    base, power, divisor = _number(dice, 2), _number(dice, min(digits - 1, 4)), _number(dice, 2)
    return Sum(
        f"What remains when {base} to the power {power} is divided by {divisor}?",
        pow(base, power, divisor),
    )


def count(dice: Dice, digits: int) -> Sum:
    """How many whole numbers of a range are multiples of one number and not of another."""
    low, high = sorted((_number(dice, digits - 1), _number(dice, digits)))
    first, second = dice.whole(3, 9), dice.whole(10, 19)
    both = math.lcm(first, second)
    return Sum(
        f"How many whole numbers from {low} to {high}, both included, are multiples of {first} but not of {second}?",
        _multiples(low, high, first) - _multiples(low, high, both),
    )


def digit_sum(dice: Dice, digits: int) -> Sum:
    """
    >>> digit_sum(Dice(1), 3)
    Sum(question='What is the sum of the decimal digits of 698 * 611?', answer=31)
    """
    a, b = _number(dice, digits), _number(dice, digits)
    return Sum(f"What is the sum of the decimal digits of {a} * {b}?", sum(int(digit) for digit in str(a * b)))


def purchase(dice: Dice, digits: int) -> Sum:
    """A story of things that are bought."""
    shop, thing, other = dice.pick(SHOPS), dice.pick(THINGS), dice.pick(OTHERS)
    amount, price, more, paid = _number(dice, digits - 1), _number(dice, 2), _number(dice, 2), _number(dice, 2)
    total = amount * price + more * paid
    return Sum(
        f"A {shop} orders {amount} {thing} at {price} coins each and {more} {other} at {paid} coins each. "
        "How many coins does the order cost?",
        total,
    )


def stock(dice: Dice, digits: int) -> Sum:
    """A story of a store that grows and shrinks by the same amounts every week."""
    thing, weeks = dice.pick(THINGS), dice.whole(11, 60)
    start, kept, lost = _number(dice, digits), _number(dice, digits - 1), _number(dice, 2)
    return Sum(
        f"A store holds {start} {thing}. Every week {kept + lost} come in and {lost} are sold. "
        f"How many {thing} does it hold after {weeks} weeks?",
        start + weeks * kept,
    )


KINDS: list[Callable[[Dice, int], Sum]] = [expression, remainder, count, digit_sum, purchase, stock]
SHOPS = ("baker", "school", "theatre", "workshop", "harbour office", "museum", "printer", "village")
THINGS = ("lamps", "chairs", "barrels", "notebooks", "ropes", "bricks", "jars", "blankets", "clocks", "baskets")
OTHERS = ("shelves", "hammers", "ladders", "kettles", "mirrors", "wheels", "drums", "maps", "tents", "candles")


def _number(dice: Dice, digits: int) -> int:
    """A whole number with exactly so many digits, at least two."""
    length = max(digits, 2)
    return dice.whole(10 ** (length - 1), 10**length - 1)


def _multiples(low: int, high: int, factor: int) -> int:
    """How many multiples of `factor` there are from `low` to `high`, both included.

    >>> _multiples(3, 9, 3)
    3
    """
    return high // factor - (low - 1) // factor
