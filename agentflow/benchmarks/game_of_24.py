"""Game of 24: four numbers, each used exactly once, that make 24. Scored by arithmetic, not by the listed solutions."""

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.reference import REFERENCE_FILE, task_of
from agentflow.errors import ConfigError
from agentflow.tasks.rows import Row
from agentflow.types import Task


def _to_task(row: Row, number: int) -> Task:
    numbers = row.fields.get("question")
    if not isinstance(numbers, list) or [type(item) for item in numbers] != [int] * 4:
        raise ConfigError(f"{row.place}: field 'question' must be four integers, not {numbers!r}")
    return task_of(row, number, "gameof24", "game24", question=row.text("query"), metadata={"numbers": numbers})


GAME_OF_24 = Benchmark(
    name="gameof24",
    title="Game of 24",
    about="puzzles of four numbers, easy ones first",
    scorer="game24",
    to_task=_to_task,
    protocol=Protocol(items="the first 100 of the 300 in the file", first=100),
    column="GameOf24",
    source="nlile/24-game on the Hugging Face hub has such puzzles; no commit is known that has these in order",
    licence="Apache-2.0",
    aliases=("game24", "game_of_24", "24game"),
    known={"e4cd72131d8e707dc7f7db95356c7570dd95abe59600d8546e88af4d3b011c8d": REFERENCE_FILE},
)
