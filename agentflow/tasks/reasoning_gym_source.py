"""Tasks out of the generators of reasoning-gym."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Literal

from pydantic import Field, JsonValue

from agentflow.errors import ConfigError, UnknownName
from agentflow.tasks.dice import Dice
from agentflow.tasks.source import Generator
from agentflow.tasks.splits import Tasks, fill
from agentflow.types import Task

Entry = dict[str, Any]

# Those whose answer is one whole number: "72 apples" is right, too.
NUMBER_ANSWERS = frozenset(
    {
        "basic_arithmetic",
        "chain_sum",
        "count_bits",
        "count_primes",
        "gcd",
        "gsm_symbolic",
        "lcm",
        "leg_counting",
        "letter_counting",
        "products",
    }
)
# Their own verifiers run the answer as Python; the first two have a rule of ours.
COUNTDOWNS = {"countdown": None, "puzzle24": 24}
RUN_ANSWERS = frozenset(
    {
        "binary_matrix",
        "intermediate_integration",
        "n_queens",
        "polynomial_multiplication",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    }
)


class ReasoningGymSource(Generator):
    """`source = "reasoning-gym"`: tasks of one of its generators, `dataset`, with that generator's own `settings`.

    Whole-number answers are scored by "number", countdown and puzzle24 by "countdown", all others by the generator's
    own verifier, "reasoning_gym": all or nothing, or with `partial` its marks in between.
    """

    source: Literal["reasoning-gym"]
    dataset: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    partial: bool = False

    @property
    def label(self) -> str:
        return self.name or self.dataset

    def load(self) -> Tasks:
        """`ConfigError` for an unknown generator or settings, and for one that makes too few different questions."""
        return fill(f"reasoning-gym, {self.dataset}", self._tasks(), self.wanted)

    def _tasks(self) -> Iterator[Task]:
        # Generators seed entry i with seed + i, so that seeds in a row would give the same entries.
        seed = Dice("reasoning-gym", self.dataset, self.seed).whole(0, 2**31 - 1)
        size = 20 * max(self.wanted.values()) + 200
        generator = _generator(self.dataset, {**self.settings, "seed": seed, "size": size})
        for index in range(size):
            entry = generator[index]
            if not _starts_with_a_sign(self.dataset, entry):
                yield self._task(seed, index, entry)

    def _task(self, seed: int, index: int, entry: Entry) -> Task:
        return Task(
            id=f"{self.label}/{self.seed}-{index}",
            question=entry["question"],
            answers=(str(entry["answer"]),),
            source=self.label,
            metadata=self._scoring(seed, index, entry),
        )

    def _scoring(self, seed: int, index: int, entry: Entry) -> dict[str, JsonValue]:
        if self.dataset in NUMBER_ANSWERS:
            return {"scorer": "number"}
        if self.dataset in COUNTDOWNS:
            own = entry["metadata"]
            target = COUNTDOWNS[self.dataset] or int(own["target"])
            return {"scorer": "countdown", "numbers": [int(number) for number in own["numbers"]], "target": target}
        origin: dict[str, JsonValue] = {"dataset": self.dataset, "seed": seed, "index": index}
        return {"scorer": "reasoning_gym", **origin, "settings": self.settings, "partial": self.partial}


def _starts_with_a_sign(dataset: str, entry: Entry) -> bool:
    """Whether a solution has a number with a sign in front, which our rule refuses in answers."""
    answer = str(entry["answer"]).replace(" ", "")
    return dataset in COUNTDOWNS and (answer.startswith("-") or "(-" in answer)


def _generator(dataset: str, settings: dict[str, Any]) -> Any:
    try:
        import reasoning_gym
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise ConfigError("source 'reasoning-gym' needs pip install 'agentflow-grpo[reasoning-gym]'") from error
    if dataset in RUN_ANSWERS:
        raise ConfigError(
            f"reasoning-gym, {dataset}: its verifier runs the answer as a program, which is not safe here"
        )
    if dataset not in DATASETS:
        raise UnknownName("generator of reasoning-gym", dataset, DATASETS)
    known = [field.name for field in fields(DATASETS[dataset][1])]
    for name in settings.keys() - set(known):
        raise UnknownName(f"setting of reasoning-gym's {dataset}", name, known)
    try:
        return reasoning_gym.create_dataset(dataset, **settings)
    except (ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"reasoning-gym, {dataset}: its settings do not fit: {error}") from error
