"""How often a planner's team is right on tasks that no training saw, and whether one planner is better than another.

    python perf/held_out.py solve CONFIG NAME=ENGINE... --out FOLDER [--temperature 0.7] [--limit 200]
    python perf/held_out.py compare FOLDER/A.jsonl FOLDER/B.jsonl

`solve` takes the test split of a training config and its frozen modules, and puts each planner into the same seat,
without a schema, at the same temperature (0.7 is the paper's) and with the same seeds. What the frozen modules said to
one planner they say to the next. One line an item in FOLDER/NAME.jsonl, as it is done: the same command goes on.
`compare` pairs the items: the difference of the accuracies, its 95 % interval by a bootstrap over items, and the exact
McNemar test.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from agentflow.assemble import open_flow
from agentflow.cli.training import read_train_config
from agentflow.engines import open_engine
from agentflow.flow import Flow
from agentflow.rollout import derive_seed, rollout
from agentflow.tasks.sources import open_tasks
from agentflow.train.config import POLICY, TrainConfig
from agentflow.train.run_folder import RunFolder
from agentflow.train.team import remembered_engines, with_corpus
from agentflow.types import Task, Trajectory

RESAMPLES = 10_000


def read_records(path: Path) -> dict[str, dict[str, object]]:
    """The records of a file by the id of their task."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {str(record["id"]): record for record in map(json.loads, lines)}


def as_record(trajectory: Trajectory) -> dict[str, object]:
    return {
        "id": trajectory.task.id,
        "source": trajectory.task.source,
        "hops": trajectory.task.metadata.get("hops"),
        "reward": trajectory.reward,
        "answer": trajectory.answer,
        "gold": trajectory.task.answers,
        "outcome": trajectory.outcome,
        "turns": len(trajectory.turns),
        "tools": [turn.action.tool if turn.action else None for turn in trajectory.turns],
        "statuses": [turn.status for turn in trajectory.turns],
    }


async def solve(config: TrainConfig, planners: dict[str, str], tasks: list[Task], out: Path, concurrency: int) -> None:
    """Solve what the files do not have yet, one planner after the other."""
    config = with_corpus(config, RunFolder(out))
    frozen = remembered_engines(config)
    for name, specification in planners.items():
        engine = open_engine(specification, settings=config.engines.get(POLICY, {}))
        traced = config.model_copy(update={"trace": out / f"{name}.trace.jsonl"})
        started = time.monotonic()
        async with open_flow(traced, notice=_say, engines={**frozen, POLICY: engine}) as flow:
            await _solve_all(flow, tasks, out / f"{name}.jsonl", concurrency)
        await engine.close()
        _say(f"{name}: {time.monotonic() - started:.0f} s")
        report(out / f"{name}.jsonl")
    for engine in frozen.values():
        await engine.close()


async def _solve_all(flow: Flow, tasks: list[Task], path: Path, concurrency: int) -> None:
    done = read_records(path)
    gate = asyncio.Semaphore(concurrency)
    with path.open("a", encoding="utf-8") as file:

        async def one(number: int, task: Task) -> None:
            async with gate:
                trajectory = await rollout(flow, task, seed=derive_seed(number))
            file.write(json.dumps(as_record(trajectory), ensure_ascii=False) + "\n")
            file.flush()

        await asyncio.gather(*(one(number, task) for number, task in enumerate(tasks) if task.id not in done))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def report(path: Path) -> None:
    records = list(read_records(path).values())
    for source in [*sorted({str(record["source"]) for record in records}), "all"]:
        rewards = [float(str(r["reward"] or 0)) for r in records if source in (str(r["source"]), "all")]
        print(f"{path.name}: {source}: {sum(rewards):.0f} of {len(rewards)} right, {np.mean(rewards):.3f}")
    tools = Counter(str(tool) for record in records for tool in record["tools"])  # type: ignore[attr-defined]
    print(f"{path.name}: tools {dict(tools)}, outcomes {dict(Counter(str(r['outcome']) for r in records))}")


def compare(first: Path, second: Path) -> None:
    """The second minus the first, on the tasks that both have."""
    one, other = read_records(first), read_records(second)
    both = sorted(one.keys() & other.keys())
    a, b = (np.array([float(str(records[name]["reward"] or 0)) for name in both]) for records in (one, other))
    random = np.random.default_rng(0)
    picks = random.integers(0, len(both), size=(RESAMPLES, len(both)))
    low, high = np.quantile((b - a)[picks].mean(axis=1), [0.025, 0.975])
    better, worse = int((b > a).sum()), int((b < a).sum())
    print(f"{len(both)} tasks: {a.mean():.3f} -> {b.mean():.3f}, difference {(b - a).mean():+.3f}")
    print(f"95 % interval {low:+.3f} to {high:+.3f}; better on {better}, worse on {worse} of them")
    print(f"McNemar p = {mcnemar(better, worse):.2g}")


def mcnemar(better: int, worse: int) -> float:
    """Two-sided exact p of as uneven a split if both were equally good.

    >>> mcnemar(5, 5), round(mcnemar(10, 0), 4)
    (1.0, 0.002)
    """
    num = better + worse
    tail = sum(math.comb(num, k) for k in range(min(better, worse) + 1)) / 2**num if num else 1.0
    return min(1.0, 2 * tail)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    solving = commands.add_parser("solve")
    solving.add_argument("config", type=Path)
    solving.add_argument("planners", nargs="+", metavar="NAME=ENGINE")
    solving.add_argument("--out", type=Path, required=True)
    solving.add_argument("--temperature", type=float, default=0.7)
    solving.add_argument("--limit", type=int)
    solving.add_argument("--concurrency", type=int, default=16)
    solving.add_argument("--set", action="append", default=[])
    comparing = commands.add_parser("compare")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "compare":
        compare(arguments.first, arguments.second)
        return
    config = read_train_config(arguments.config, arguments.set, {})
    seat = config.planner.model_copy(update={"temperature": arguments.temperature})
    config = config.model_copy(update={"planner": seat})
    tasks = open_tasks(config.train.tasks, seed=config.train.seed, needs=("test",)).test
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = tasks if arguments.limit is None else spread(tasks, arguments.limit)
    planners = dict(planner.split("=", 1) for planner in arguments.planners)
    asyncio.run(solve(config, planners, chosen, arguments.out, arguments.concurrency))


def spread(tasks: list[Task], limit: int) -> list[Task]:
    """Some of the tasks, evenly from the whole list, so that every source has its share."""
    return [tasks[index] for index in np.linspace(0, len(tasks) - 1, min(limit, len(tasks))).round().astype(int)]


if __name__ == "__main__":
    main()
