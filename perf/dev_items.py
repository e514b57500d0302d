"""The fixed items that we develop on: 60 to measure (dev), 60 others to tune prompts on (train).

    python perf/dev_items.py DATA_FOLDER [dev|train] > items.jsonl

Each split has 20 of GSM8K, 20 of Game of 24 and 20 of HotpotQA, drawn with seed 0 from its own files, so that a prompt
is never tuned on what it is measured on: items whose question also occurs in the dev files are left out of train.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from agentflow.tasks.dev_sets import read_game24, read_gsm8k, read_search
from agentflow.tasks.files import sample
from agentflow.types import Task

NUM_EACH = 20
SEED = 0


def dev_items(data_folder: str | Path) -> list[Task]:
    """The 60 tasks to measure on: GSM8K, Game of 24, HotpotQA, in this order."""
    return [task for tasks in _dev_files(Path(data_folder)) for task in sample(tasks, NUM_EACH, SEED)]


def train_items(data_folder: str | Path, num_each: int = NUM_EACH) -> list[Task]:
    """`num_each` tasks of each kind to tune on, none of which is in the dev files; kinds ordered as in `dev_items`."""
    folder = Path(data_folder)
    dev_questions = {task.question for tasks in _dev_files(folder) for task in tasks}
    unseen = [[task for task in tasks if task.question not in dev_questions] for tasks in _train_files(folder)]
    return [task for tasks in unseen for task in sample(tasks, num_each, SEED)]


def _dev_files(folder: Path) -> tuple[list[Task], ...]:
    return (
        read_gsm8k(folder / "dev/gsm8k_test_919.jsonl.gz"),
        read_game24(folder / "dev/game24_100.jsonl.gz"),
        read_search(folder / "dev/search_dev.jsonl.gz", "hotpotqa"),
    )


def _train_files(folder: Path) -> tuple[list[Task], ...]:
    return (
        read_gsm8k(folder / "math/gsm8k_train.jsonl.gz"),
        read_game24(folder / "train/game24_train.jsonl.gz"),
        read_search(folder / "train/search_train.jsonl.gz", "hotpotqa"),
    )


SPLITS: dict[str, Callable[[str | Path], list[Task]]] = {"dev": dev_items, "train": train_items}


def main() -> None:
    """Print a split's tasks, one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("split", choices=sorted(SPLITS), nargs="?", default="dev")
    arguments = parser.parse_args()
    for task in SPLITS[arguments.split](arguments.data_folder):
        print(task.model_dump_json())


if __name__ == "__main__":
    main()
