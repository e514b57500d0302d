"""Expressions whose value is known by construction, and a solver: what the Game of 24 tests check against."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from hypothesis import strategies as st


class Known(NamedTuple):
    """An expression's text, fully bracketed, with its value and its numbers."""

    text: str
    value: Fraction
    numbers: tuple[int, ...]


def joined(left: Known, right: Known) -> list[Known]:
    """Both sides under each of the four operations; no quotient by zero."""
    both = left.numbers + right.numbers
    results = [
        Known(f"({left.text} + {right.text})", left.value + right.value, both),
        Known(f"({left.text} - {right.text})", left.value - right.value, both),
        Known(f"({left.text} * {right.text})", left.value * right.value, both),
    ]
    if right.value:
        results.append(Known(f"({left.text} / {right.text})", left.value / right.value, both))
    return results


def leaf(number: int) -> Known:
    """A number by itself."""
    return Known(str(number), Fraction(number), (number,))


TREES: st.SearchStrategy[Known] = st.recursive(
    st.integers(0, 99).map(leaf),
    lambda trees: st.tuples(trees, trees).flatmap(lambda pair: st.sampled_from(joined(*pair))),
    max_leaves=12,
)


def solution(numbers: Sequence[int]) -> str | None:
    """An expression that makes 24, by trying everything; None where there is none."""
    return _solution([leaf(number) for number in numbers])


def _solution(parts: list[Known]) -> str | None:
    if len(parts) == 1:
        return parts[0].text if parts[0].value == 24 else None
    for first, second in permutations(range(len(parts)), 2):
        rest = [part for index, part in enumerate(parts) if index not in (first, second)]
        for part in joined(parts[first], parts[second]):
            found = _solution([part, *rest])
            if found is not None:
                return found
    return None
