"""A world: its things and what is true of them, all from a seed and a size."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from agentflow.tasks.dice import Dice
from agentflow.tasks.world.names import Names
from agentflow.tasks.world.relations import Kind

Value = str | int | date  # of a relation that leads on, the id of a thing
SMALLEST = 60
_HUNDREDTHS: Mapping[Kind, int] = {"work": 26, "city": 14, "institution": 11, "mountain": 9, "country": 4}
_GENRES = (
    "Lantern",
    "Orchard",
    "Harbour",
    "Winter",
    "Mirror",
    "Ferry",
    "Archive",
    "Garden",
    "Bridge",
    "Letter",
    "Storm",
)
_COLOURS = (
    "Silent",
    "Crimson",
    "Hollow",
    "Second",
    "Broken",
    "Distant",
    "Golden",
    "Last",
    "Patient",
    "Salt",
    "Wandering",
)
_HOUSES = ("Academy", "Observatory", "Museum", "Library", "Conservatory", "Institute", "Hospital", "College")
_PROFESSIONS: tuple[str, ...] = (
    "cartographer",
    "botanist",
    "composer",
    "glassmaker",
    "physician",
    "astronomer",
    "engineer",
    "painter",
)
_PROFESSIONS += ("historian", "navigator", "chemist", "sculptor", "translator", "architect", "geologist", "poet")


@dataclass(frozen=True)
class Thing:
    """Something with an article. `facts` are by the name of the relation; `number` counts the things of its kind."""

    id: str
    kind: Kind
    number: int
    name: str
    facts: dict[str, Value]


class World(NamedTuple):
    """All things by id. `name` is unique for a seed and a size."""

    name: str
    things: Mapping[str, Thing]

    def of(self, kind: Kind) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind == kind]


def build_world(seed: int, size: int) -> World:
    """The world of a seed, with `size` things, at least 60. Another size is another world.

    >>> world = build_world(seed=1, size=60)
    >>> len(world.things), len({thing.name for thing in world.things.values()})
    (60, 60)
    """
    if size < SMALLEST:
        raise ValueError(f"a world has at least {SMALLEST} things, not {size}")
    name = f"world-{seed}-{size}"
    dice = Dice(name)
    counts = {kind: size * share // 100 for kind, share in _HUNDREDTHS.items()}
    counts["person"] = size - sum(counts.values())
    names = Names(dice)
    things: dict[str, Thing] = {}
    for kind, count in counts.items():
        for number in range(count):
            id_ = f"{name}-{len(things):05}"
            things[id_] = Thing(id_, kind, number, _name(kind, names, dice), {})
    world = World(name, things)
    _Historian(world, names, dice).write()
    return world


def _name(kind: Kind, names: Names, dice: Dice) -> str:
    if kind == "person":
        return _full_name(names)
    if kind == "work":
        word, noun = names.word("other"), dice.pick(_GENRES)
        return dice.pick([f"The {noun} of {word}", f"The {dice.pick(_COLOURS)} {word}", f"{word} and the {noun}"])
    if kind == "institution":
        return f"{names.word('last')} {dice.pick(_HOUSES)}"
    return f"Mount {names.word('peak')}" if kind == "mountain" else names.word(kind)


def _full_name(names: Names) -> str:
    """A first and a last name. Both are often shared with others; the two together never are."""
    while True:
        name = f"{names.shared('first', 30)} {names.shared('last', 60)}"
        if names.once(name):
            return name


class _Historian:
    """Decides what is true. Dates agree: nobody is taught by the unborn or works before a house opens."""

    def __init__(self, world: World, names: Names, dice: Dice) -> None:
        self._world, self._names, self._dice = world, names, dice
        self._people, self._cities, self._countries = world.of("person"), world.of("city"), world.of("country")
        self._houses = world.of("institution")

    def write(self) -> None:
        self._write_countries()
        self._write_cities()
        self._write_lives()
        self._write_houses()
        self._write_mountains()
        self._write_works()
        self._write_ties()

    def _write_countries(self) -> None:
        for country, capital in zip(self._countries, self._cities, strict=False):
            country.facts.update(
                capital=capital.id,
                currency=self._names.word("other").lower(),
                independent=self._dice.whole(1500, 1900),
            )

    def _write_cities(self) -> None:
        for number, city in enumerate(self._cities):
            capital = number < len(self._countries)
            country = self._countries[number] if capital else self._dice.pick(self._countries)
            city.facts.update(
                country=country.id,
                population=self._dice.whole(10_000, 999_999),
                founded=self._dice.whole(600, 1499),
            )

    def _write_lives(self) -> None:
        for person in self._people:
            born = self._day(self._dice.whole(1700, 1960))
            died = self._day(born.year + self._dice.whole(50, 95))
            person.facts.update(
                profession=self._dice.pick(_PROFESSIONS), born=born, birthplace=self._dice.pick(self._cities).id
            )
            if died.year <= 2020:
                person.facts.update(died=died)

    def _write_houses(self) -> None:
        for house in self._houses:
            founder = self._dice.pick(self._people)
            opened = _born(founder) + self._dice.whole(25, 49)
            house.facts.update(seat=self._dice.pick(self._cities).id, founder=founder.id, opened=opened)

    def _write_mountains(self) -> None:
        for mountain in self._world.of("mountain"):
            climber = self._dice.pick(self._people)
            mountain.facts.update(
                country=self._dice.pick(self._countries).id,
                height=self._dice.whole(1200, 8999),
                climber=climber.id,
                climbed=_born(climber) + self._dice.whole(18, 45),
            )

    def _write_works(self) -> None:
        for work in self._world.of("work"):
            author = self._dice.pick(self._people)
            work.facts.update(
                author=author.id,
                published=_born(author) + self._dice.whole(20, 49),
                setting=self._dice.pick(self._cities).id,
            )

    def _write_ties(self) -> None:
        for person in self._people:
            born = _born(person)
            teachers = [other for other in self._people if 18 <= born - _born(other) <= 45]
            houses = [house for house in self._houses if _year(house.facts["opened"]) <= born + 40]
            if teachers:
                person.facts.update(teacher=self._dice.pick(teachers).id)
            if houses:
                person.facts.update(workplace=self._dice.pick(houses).id)

    def _day(self, year: int) -> date:
        return date(year, self._dice.whole(1, 12), self._dice.whole(1, 28))


def _born(person: Thing) -> int:
    return _year(person.facts["born"])


def _year(value: Value) -> int:
    assert not isinstance(value, str)
    return value.year if isinstance(value, date) else value
