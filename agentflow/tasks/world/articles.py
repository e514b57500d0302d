"""A short article on each thing: every fact of its own, in varied words, with the names of the things it leads to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agentflow.tasks.dice import Dice
from agentflow.tasks.world.relations import Kind, of
from agentflow.tasks.world.wording import called, written
from agentflow.tasks.world.world import Thing, World


class Article(NamedTuple):
    """A passage of the corpus: title and text, under the id of its thing."""

    id: str
    title: str
    text: str


# The first sentence on a person takes up these facts; what else there is has sentences of its own.
_LIVES = (
    "{x} (born {born}, died {died}) was {a} {profession}.",
    "{x} was {a} {profession} who was born on {born} and died on {died}.",
    "{x}, {a} {profession}, was born on {born} and died on {died}.",
)
_LIVING = (
    "{x} (born {born}) is {a} {profession}.",
    "{x} is {a} {profession} who was born on {born}.",
    "{x}, {a} {profession}, was born on {born}.",
)
_AGAIN: Mapping[Kind, Sequence[str]] = {
    "work": ("it", "the book"),
    "city": ("it", "the city"),
    "institution": ("it", "the institution"),
    "mountain": ("it", "the mountain"),
    "country": ("it", "the country"),
}
_COLOUR: Mapping[Kind, Sequence[str]] = {
    "person": ("Several portraits survive.", "Many letters survive.", "Little else is known."),
    "work": ("Critics were divided.", "It is read in schools.", "A second edition followed."),
    "city": ("It is known for its markets.", "Its old walls still stand.", "A fair is held each autumn."),
    "institution": ("Its archive is open to all.", "It burned once and was rebuilt.", "Its tower is a landmark."),
    "mountain": ("Snow lies there all year.", "Its north face is steep.", "A hut stands below the top."),
    "country": ("Its coast is long.", "Most of it is farmland.", "Its winters are cold."),
}


def articles(world: World) -> Iterator[Article]:
    """One article a thing, of two to five sentences, in the order of the ids."""
    for thing in world.things.values():
        yield Article(thing.id, thing.name, _text(world, thing))


def as_jsonl(world: World) -> str:
    """The articles as lines of JSON, as corpora are built from them."""
    return "".join(json.dumps(article._asdict()) + "\n" for article in articles(world))


def _text(world: World, thing: Thing) -> str:
    dice = Dice(thing.id, "article")
    sentences = _life(world, thing, dice) if thing.kind == "person" else []
    told = ("profession", "born", "died") if thing.kind == "person" else ()
    for relation in dice.shuffled([relation for relation in of(thing.kind) if relation.name in thing.facts]):
        if relation.name not in told:
            value = written(world, relation, thing.facts[relation.name])
            sentences.append(_sentence(thing, dice.pick(relation.sentences), value, dice, first=not sentences))
    if dice.share() < 0.5:
        sentences.append(dice.pick(_COLOUR[thing.kind]))
    return " ".join(sentences)


def _life(world: World, thing: Thing, dice: Dice) -> list[str]:
    told = {relation.name: relation for relation in of("person") if relation.name in ("profession", "born", "died")}
    values = {name: written(world, told[name], thing.facts[name]) for name in told if name in thing.facts}
    a = "an" if values["profession"][0] in "aeiou" else "a"
    return [dice.pick(_LIVES if "died" in values else _LIVING).format(x=thing.name, a=a, **values)]


def _sentence(thing: Thing, template: str, value: str, dice: Dice, *, first: bool) -> str:
    name = called(thing)
    if not first and dice.share() < 0.6:
        name = _other_name(thing, template, dice) or name
    sentence = template.format(x=name, y=value)
    return sentence[0].upper() + sentence[1:]


def _other_name(thing: Thing, template: str, dice: Dice) -> str:
    """What a later sentence may call it. A pronoun for a person fits only where the sentence begins with it."""
    if thing.kind != "person":
        return "it" if f"a {thing.kind}" in template else dice.pick(_AGAIN[thing.kind])
    return ("she", "he")[thing.number % 2] if template.startswith("{x}") else ""
