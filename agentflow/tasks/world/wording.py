"""How values are written, in articles and as answers."""

from collections.abc import Mapping
from datetime import date

from agentflow.tasks.world.relations import Relation
from agentflow.tasks.world.world import Thing, Value, World

_MONTHS: tuple[str, ...] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
)
_MONTHS += ("December",)
_SUFFIXES: Mapping[int, str] = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}  # no day is after the 28th


def called(thing: Thing) -> str:
    """A thing's name inside a sentence: `the Tolvell Academy`, and all others as they are."""
    return f"the {thing.name}" if thing.kind == "institution" else thing.name


def written(world: World, relation: Relation, value: Value) -> str:
    """A value as articles have it: `12 March 1843`, `48,312`, `1843`, a name."""
    return answers(world, relation, value)[0]


def answers(world: World, relation: Relation, value: Value) -> tuple[str, ...]:
    """A value as articles have it, then in other forms that are as right."""
    if isinstance(value, date):
        return dates(value)
    if isinstance(value, int):
        return (str(value),) if relation.target == "year" or value < 1000 else (f"{value:,}", str(value))
    return (world.things[value].name,) if relation.leads_on else (value,)


def scorer(relation: Relation) -> str:
    """The rule that compares an answer with the value."""
    return "number" if relation.target in ("year", "people", "metres") else "exact_match"


def dates(day: date) -> tuple[str, ...]:
    """
    >>> dates(date(1843, 3, 12))[:4]
    ('12 March 1843', 'March 12, 1843', '1843-03-12', '12th March 1843')
    """
    month, ordinal = _MONTHS[day.month - 1], f"{day.day}{_SUFFIXES.get(day.day, 'th')}"
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.year:04}-{day.month:02}-{day.day:02}",
        f"{ordinal} {month} {day.year}",
        f"{ordinal} of {month} {day.year}",
        f"{month} {ordinal}, {day.year}",
        f"{day.day} of {month} {day.year}",
    )
