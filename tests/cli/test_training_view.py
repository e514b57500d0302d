"""What somebody sees of a run: a line a step in a log, a live picture on a terminal."""

import doctest
import io

from rich.console import Console

from agentflow.cli import training_view
from agentflow.cli.training_view import TrainingView

STEP = {
    "reward/mean": 0.5,
    "groups/zero_variance": 0.25,
    "kl": 0.001,
    "seconds/rollout": 50.0,
    "seconds/judge": 5.0,
    "seconds/learn": 9.0,
    "seconds/publish": 1.0,
}


def test_doctests() -> None:
    assert doctest.testmod(training_view).failed == 0


def watched(*, terminal: bool) -> tuple[TrainingView, io.StringIO]:
    out = io.StringIO()
    return TrainingView(Console(file=out, force_terminal=terminal, width=120)), out


def test_a_log_gets_a_line_a_step_with_phases_and_the_time_left() -> None:
    view, out = watched(terminal=False)
    with view:
        view.begin(0, 11)
        view.validation({"reward/mean": 0.25}, 0)
        view.phase("rollout", 8)
        view.advance()
        view.step(STEP, 1)
    first, second = out.getvalue().splitlines()
    assert first == "validation after step 0: reward 0.250"
    assert second.startswith("step 1/11: reward 0.500 no difference 0.250 kl 0.001")
    assert second.endswith("rollout 50s judge 5s learn 9s publish 1s | about 10 min left")


def test_imitation_has_no_rewards_but_a_loss() -> None:
    view, out = watched(terminal=False)
    with view:
        view.begin(0, 2)
        view.step({"loss": 1.25, "seconds/learn": 60.0}, 1)
    assert out.getvalue() == "step 1/2: loss 1.250 | learn 60s | about 1 min left\n"


def test_a_terminal_gets_the_curve_the_phases_and_what_runs() -> None:
    view, out = watched(terminal=True)
    with view:
        view.begin(3, 11)
        for step, reward in enumerate((0.0, 0.5, 1.0), start=4):
            view.step(STEP | {"reward/mean": reward}, step)
        view.validation({"reward/mean": 0.75}, 6)
        view.phase("rollout", 8)
    shown = out.getvalue()
    for part in ("step 6 of 11", "▁▅█", "0.750 after step 6", "rollout 50 s", "learn 9 s"):
        assert part in shown


def test_notices_are_shown_at_once() -> None:
    view, out = watched(terminal=False)
    with view:
        view.notice("the checkpoint is damaged")
    assert "the checkpoint is damaged" in out.getvalue()
