"""Questions on a world: look-ups along a walk, and computations on what two walks lead to."""

from collections.abc import Iterator, Sequence

from agentflow.tasks.dice import Dice
from agentflow.tasks.splits import SPLITS, Split
from agentflow.tasks.world.calculations import COUNTS, YEARS, Calculation, age, compare
from agentflow.tasks.world.walks import Walk, walk
from agentflow.tasks.world.wording import answers, scorer
from agentflow.tasks.world.world import Thing, World
from agentflow.types import Task

_FIFTHS: tuple[Split, ...] = ("train", "train", "train", "validation", "test")
_TRIES = 200  # dead ends in a row after which the world is taken to have no more


def questions(world: World, split: Split, hops: Sequence[int], compute: float) -> Iterator[Task]:
    """Questions of a split, each once: of so many hops in turn, a share of those of two and more to be computed.

    A split has things of its own to ask about: no question of another begins with them. The questions are the same
    whichever are wanted of other splits. It ends when 200 draws in a row gave nothing new.
    """
    assert split in SPLITS
    dice = Dice(world.name, "questions", split, tuple(hops), compute)
    starts = [thing for thing in world.things.values() if _FIFTHS[thing.number % len(_FIFTHS)] == split]
    seen: set[str] = set()
    number, tries = 0, 0
    while starts and tries < _TRIES:
        wanted = hops[number % len(hops)]
        computed = wanted > 1 and dice.share() < compute
        task = _computed(world, starts, wanted, dice) if computed else _looked_up(world, starts, wanted, dice)
        tries += 1
        if task is not None and task.id not in seen:
            seen.add(task.id)
            number, tries = number + 1, 0
            yield task


def _looked_up(world: World, starts: Sequence[Thing], hops: int, dice: Dice) -> Task | None:
    found = walk(world, dice.pick(starts), hops, dice)
    if found is None:
        return None
    return Task(
        id=found.key,
        question=dice.pick(found.last.asks).format(x=found.described),
        answers=answers(world, found.last, found.value),
        metadata={"scorer": scorer(found.last), "hops": hops, "operation": "look-up", "passages": [*found.passages]},
    )


def _computed(world: World, starts: Sequence[Thing], hops: int, dice: Dice) -> Task | None:
    """The computation is a hop, too: two hops leave one look-up, which gives the age of a person."""
    lookups = hops - 1
    if lookups == 1 or dice.share() < 0.25:
        found = walk(world, dice.pick(starts), lookups, dice, frozenset({"date"}))
        return _task(hops, age(found), [found]) if found else None
    targets = dice.pick([YEARS, YEARS, COUNTS])
    one = walk(world, dice.pick(starts), lookups - 1, dice, targets)
    other = walk(world, dice.pick(starts), 1, dice, targets)
    if one is None or other is None or not _comparable(one, other):
        return None
    return _task(hops, compare(one, other, together=dice.share() < 0.5), [one, other])


def _comparable(one: Walk, other: Walk) -> bool:
    """Whether two walks share no article and lead to numbers of one unit."""
    kinds = {"year" if found.last.target in YEARS else found.last.target for found in (one, other)}
    return len(kinds) == 1 and not set(one.passages) & set(other.passages)


def _task(hops: int, found: Calculation | None, walks: Sequence[Walk]) -> Task | None:
    if found is None:
        return None
    return Task(
        id=":".join([found.operation, *sorted(found_walk.key for found_walk in walks)]),
        question=found.question,
        answers=(str(found.answer),),
        metadata={
            "scorer": "number",
            "hops": hops,
            "operation": found.operation,
            "values": list(found.values),
            "passages": [passage for found_walk in walks for passage in found_walk.passages],
        },
    )
