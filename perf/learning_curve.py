"""The curves of a training run as a picture, from its metrics alone.

    python perf/learning_curve.py runs/world-arithmetic/metrics.jsonl --out docs/images/world-arithmetic.svg

Needs matplotlib. Left the rewards of each step's rollouts (sampled) and of the validations (greedy), right what changes
in the planner: its tools, the share of its plans that can not be read, its entropy.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

Row = dict[str, Any]


def read_rows(path: Path, kind: str) -> list[Row]:
    """The lines of one kind, "train" or "validation"."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == kind]


def draw(axes: Any, rows: list[Row], names: dict[str, str], **style: Any) -> None:
    """A line for each metric; steps without it are left out. A tool that was not called has no share: that is 0."""
    for name, label in names.items():
        missing = 0.0 if name.endswith("/share") else None
        points = [(row["step"], row.get(name, missing)) for row in rows if row.get(name, missing) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, **style)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    train, validation = (read_rows(arguments.metrics, kind) for kind in ("train", "validation"))
    names = sorted({name for row in train for name in row})
    sources = [name for name in names if name.startswith("reward/") and name not in ("reward/mean", "reward/std")]
    tools = [name for name in names if name.startswith("tool/") and name.endswith("/share")]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw(left, train, {"reward/mean": "rollouts, all"}, linewidth=2.5, color="black")
    draw(left, train, {name: f"rollouts, {name.removeprefix('reward/')}" for name in sources}, alpha=0.7)
    draw(left, validation, {"reward/mean": "validation, greedy"}, marker="o", linestyle="--", color="tab:red")
    left.set(title="reward", xlabel="step", ylim=(0, 1.02))
    draw(right, train, {name: f"calls of {name.split('/')[1]}" for name in tools}, linewidth=2)
    draw(right, train, {"turns/plan_error": "plans that can not be read"}, linestyle="--")
    draw(right, train, {"entropy": "entropy, nats a token"}, linestyle=":")
    right.set(title="planner", xlabel="step", ylim=(0, 1.02))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "agentflow"}):  # the same numbers give the same file
        figure.savefig(arguments.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
