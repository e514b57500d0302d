"""Whether one planner is better than another on the same tasks.

    agentflow train rollouts CONFIG --planner a=ENGINE --planner b=ENGINE --out FOLDER
    python perf/held_out.py FOLDER/a.jsonl FOLDER/b.jsonl

Pairs the items of two files of scored trajectories: the difference of the mean rewards, its 95 % interval by a
bootstrap over items, and the exact McNemar test.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from agentflow.trace import read_trajectories

RESAMPLES = 10_000


def read_rewards(path: Path) -> dict[str, float]:
    """Rewards by the id of their task. What ended in an error of the world has none and is left out."""
    return {t.task.id: t.reward for t in read_trajectories(path) if t.reward is not None}


def compare(first: Path, second: Path) -> None:
    """The second minus the first, on the tasks that both have."""
    one, other = read_rewards(first), read_rewards(second)
    both = sorted(one.keys() & other.keys())
    a, b = (np.array([rewards[name] for name in both]) for rewards in (one, other))
    random = np.random.default_rng(0)
    picks = random.integers(0, len(both), size=(RESAMPLES, len(both)))
    low, high = np.quantile((b - a)[picks].mean(axis=1), [0.025, 0.975])
    better, worse = int((b > a).sum()), int((b < a).sum())
    print(f"{len(both)} tasks (of {len(one)} and {len(other)}): {a.mean():.3f} -> {b.mean():.3f}")
    print(f"difference {(b - a).mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")
    print(f"better on {better}, worse on {worse}; McNemar p = {mcnemar(better, worse):.2g}")


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
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    arguments = parser.parse_args()
    compare(arguments.first, arguments.second)


if __name__ == "__main__":
    main()
