"""A run that is killed at any moment goes on to the very bits of a run that was not.

AGENTFLOW_KILLS=20 kills as often as the bar asks for; two kills are enough for every day.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("peft", reason="training needs the extra `train`")

NUM_STEPS = 6
NUM_KILLS = int(os.environ.get("AGENTFLOW_KILLS", "2"))
TIMED = ("seconds/", "tokens/second", "memory/", "tool/")  # what a clock says, and no two runs agree on


def start(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.train.scripted_run", str(folder), str(NUM_STEPS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_step(process: "subprocess.Popen[str]") -> str:
    """The line of the next step, or "" at the end."""
    assert process.stdout
    return process.stdout.readline()


def finish(folder: Path) -> None:
    process = start(folder)
    process.communicate(timeout=300)
    assert process.returncode == 0


def weights(folder: Path) -> dict[str, bytes]:
    """Weights and optimizer. Python's and numpy's own random states, which nobody uses, begin as each process likes."""
    last = folder / "run" / "checkpoints" / f"step-{NUM_STEPS:06}" / "learner"
    return {path.name: path.read_bytes() for path in sorted(last.iterdir()) if path.name != "random.pt"}


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if not k.startswith(TIMED)} for line in lines]


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(whole)
    chance = random.Random(NUM_KILLS)
    for _ in range(NUM_KILLS):
        process = start(killed)
        wait_for_step(process)  # so that it is past its imports: these take longer than all steps
        time.sleep(chance.uniform(0, 1.0))
        process.kill()
        process.communicate()
        if chance.random() < 0.5:  # nor does it matter what was lost: begin again from less than there is
            drop_last_checkpoint(killed)
    finish(killed)
    assert weights(killed) == weights(whole)
    assert metrics(killed) == metrics(whole)


def drop_last_checkpoint(folder: Path) -> None:
    """Damage the newest checkpoint, if there is one before it."""
    found = sorted((folder / "run" / "checkpoints").glob("step-*"))
    if len(found) > 1:
        (found[-1] / "state.json").write_text("{}")
