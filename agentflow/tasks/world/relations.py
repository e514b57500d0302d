"""What can be said of the things of a world, how an article says it, how a question asks for it.

Every relation leads from one thing to one value, so that "the birthplace of the author of X" means one thing, and a
question has one answer.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["person", "work", "city", "institution", "mountain", "country"]
Target = Literal[
    "person", "work", "city", "institution", "mountain", "country", "date", "year", "people", "metres", "text"
]
KINDS: tuple[Kind, ...] = ("person", "work", "city", "institution", "mountain", "country")


@dataclass(frozen=True)
class Relation:
    """`sentences` and `asks` and `phrase` hold `{x}` for the thing; sentences hold `{y}` for the value.

    `phrase` names the value in the middle of another question: "the birthplace of {x}", "the year of birth of {x}".
    """

    kind: Kind
    name: str
    target: Target
    phrase: str
    asks: tuple[str, ...]
    sentences: tuple[str, ...] = ()  # none where the first sentence of every article says it

    @property
    def leads_on(self) -> bool:
        """Whether its value is a thing with an article of its own."""
        return self.target in KINDS


def of(kind: Kind) -> tuple[Relation, ...]:
    """The relations that things of a kind can have.

    >>> [relation.name for relation in of("mountain")]
    ['country', 'height', 'climber', 'climbed']
    """
    return tuple(relation for relation in RELATIONS if relation.kind == kind)


RELATIONS = (
    Relation(
        "person",
        "profession",
        "text",
        "the profession of {x}",
        ("What was the profession of {x}?", "What did {x} work as?"),
    ),
    Relation(
        "person",
        "born",
        "date",
        "the year of birth of {x}",
        ("On which date was {x} born?", "What is the date of birth of {x}?"),
    ),
    Relation(
        "person",
        "birthplace",
        "city",
        "the birthplace of {x}",
        ("In which city was {x} born?", "What is the birthplace of {x}?"),
        ("{x} was born in the city of {y}.", "The birthplace of {x} is {y}.", "{x} came from {y}."),
    ),
    Relation(
        "person",
        "died",
        "date",
        "the year of death of {x}",
        ("On which date did {x} die?", "What is the date of death of {x}?"),
    ),
    Relation(
        "person",
        "teacher",
        "person",
        "the teacher of {x}",
        ("Who was the teacher of {x}?", "By whom was {x} taught?"),
        ("{x} was taught by {y}.", "The teacher of {x} was {y}.", "{x} was a pupil of {y}."),
    ),
    Relation(
        "person",
        "workplace",
        "institution",
        "the workplace of {x}",
        ("At which institution did {x} work?", "What was the workplace of {x}?"),
        ("{x} worked at the {y}.", "The workplace of {x} was the {y}."),
    ),
    Relation(
        "work",
        "author",
        "person",
        "the author of {x}",
        ("Who wrote {x}?", "Who is the author of {x}?"),
        ("{x} was written by {y}.", "{y} wrote {x}.", "The author of {x} is {y}."),
    ),
    Relation(
        "work",
        "published",
        "year",
        "the year of publication of {x}",
        ("In which year was {x} published?", "When was {x} first published?"),
        ("{x} was published in {y}.", "The first edition of {x} was published in {y}."),
    ),
    Relation(
        "work",
        "setting",
        "city",
        "the setting of {x}",
        ("In which city is {x} set?", "Which city is the setting of {x}?"),
        ("{x} is set in the city of {y}.", "The setting of {x} is {y}."),
    ),
    Relation(
        "city",
        "country",
        "country",
        "the country of {x}",
        ("In which country is {x}?", "Which country is {x} in?"),
        ("{x} is a city in {y}.", "{x} lies in the country of {y}."),
    ),
    Relation(
        "city",
        "population",
        "people",
        "the population of {x}",
        ("What is the population of {x}?", "How many people live in {x}?"),
        ("{x} has a population of {y}.", "The population of {x} is {y}.", "In {x} live {y} people."),
    ),
    Relation(
        "city",
        "founded",
        "year",
        "the year of foundation of {x}",
        ("In which year was {x} founded?", "When was {x} founded?"),
        ("{x} was founded in {y}.", "The foundation of {x} dates to {y}."),
    ),
    Relation(
        "institution",
        "seat",
        "city",
        "the home city of {x}",
        ("In which city is {x}?", "What is the home city of {x}?"),
        ("{x} is in the city of {y}.", "The home city of {x} is {y}."),
    ),
    Relation(
        "institution",
        "founder",
        "person",
        "the founder of {x}",
        ("Who founded {x}?", "Who was the founder of {x}?"),
        ("{x} was founded by {y}.", "The founder of {x} was {y}."),
    ),
    Relation(
        "institution",
        "opened",
        "year",
        "the year of opening of {x}",
        ("In which year did {x} open?", "When was {x} opened?"),
        ("{x} opened in {y}.", "{x} was opened to the public in {y}."),
    ),
    Relation(
        "mountain",
        "country",
        "country",
        "the country of {x}",
        ("In which country is {x}?", "Which country is {x} in?"),
        ("{x} is a mountain in {y}.", "{x} rises in the country of {y}."),
    ),
    Relation(
        "mountain",
        "height",
        "metres",
        "the height of {x} in metres",
        ("What is the height of {x} in metres?", "How many metres high is {x}?"),
        ("{x} is {y} metres high.", "{x} has a height of {y} metres."),
    ),
    Relation(
        "mountain",
        "climber",
        "person",
        "the first climber of {x}",
        ("Who was the first to climb {x}?", "Who was the first climber of {x}?"),
        ("{y} was the first to climb {x}.", "The first climber of {x} was {y}."),
    ),
    Relation(
        "mountain",
        "climbed",
        "year",
        "the year of the first ascent of {x}",
        ("In which year was {x} first climbed?", "When was the first ascent of {x}?"),
        ("{x} was first climbed in {y}.", "The first ascent of {x} was in {y}."),
    ),
    Relation(
        "country",
        "capital",
        "city",
        "the capital of {x}",
        ("What is the capital of {x}?", "Which city is the capital of {x}?"),
        ("The capital of {x} is {y}.", "{x} is a country whose capital is {y}."),
    ),
    Relation(
        "country",
        "currency",
        "text",
        "the currency of {x}",
        ("What is the currency of {x}?", "In which currency does one pay in {x}?"),
        ("The currency of {x} is the {y}.", "In {x} one pays with the {y}."),
    ),
    Relation(
        "country",
        "independent",
        "year",
        "the year of independence of {x}",
        ("In which year did {x} become independent?", "What is the year of independence of {x}?"),
        ("{x} became independent in {y}.", "{x} has been independent since {y}."),
    ),
)
