"""A way through a world: from one thing along relations to a value, each step told by another article."""

from dataclasses import dataclass

from agentflow.tasks.dice import Dice
from agentflow.tasks.world.relations import Relation, of
from agentflow.tasks.world.wording import called
from agentflow.tasks.world.world import Thing, Value, World


@dataclass(frozen=True)
class Walk:
    """`things[i]` has the fact `relations[i]`, which leads to `things[i + 1]` and in the end to `value`."""

    things: tuple[Thing, ...]
    relations: tuple[Relation, ...]
    value: Value

    @property
    def last(self) -> Relation:
        return self.relations[-1]

    @property
    def key(self) -> str:
        """What is asked, whatever the words: `00017.author.birthplace`."""
        return ".".join([self.things[0].id.rpartition("-")[2], *(relation.name for relation in self.relations)])

    @property
    def passages(self) -> list[str]:
        """The ids of the articles that tell the steps, in their order."""
        return [thing.id for thing in self.things]

    @property
    def described(self) -> str:
        """The last thing, in terms of the first: `the teacher of the author of X`."""
        text = called(self.things[0])
        for relation in self.relations[:-1]:
            text = relation.phrase.format(x=text)
        return text

    @property
    def phrase(self) -> str:
        """The value, in terms of the first thing: `the year of birth of the author of X`."""
        return self.last.phrase.format(x=self.described)


def walk(world: World, start: Thing, steps: int, dice: Dice, targets: frozenset[str] = frozenset()) -> Walk | None:
    """A walk of so many steps that never comes to a thing twice, to a value of one of `targets` if there are any.

    `None` where the dice led into a dead end.
    """
    things, relations = [start], list[Relation]()
    while True:
        here, steps = things[-1], steps - 1
        ways = [
            relation for relation in of(here.kind) if relation.name in here.facts and _fits(relation, steps, targets)
        ]
        if not ways:
            return None
        relation = dice.pick(ways)
        relations.append(relation)
        value = here.facts[relation.name]
        if relation.leads_on:
            target = world.things[str(value)]
            if target in things:
                return None
            things.append(target)
        if not steps:
            return Walk(tuple(things[: len(relations)]), tuple(relations), value)


def _fits(relation: Relation, steps: int, targets: frozenset[str]) -> bool:
    if steps:
        return relation.leads_on
    return not targets or relation.target in targets
