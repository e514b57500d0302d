"""What stops a run: each limit by itself, with an error that names it."""

import pytest

pytest.importorskip("torch", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train.config import LimitsConfig
from agentflow.train.limits import TrainingStopped, check_limits
from agentflow.train.metrics import Numbers
from agentflow.train.run_folder import State

LIMITS = LimitsConfig(gap=0.1, error_rate=0.25, skipped_updates=3, empty_steps=5)
FINE: Numbers = {"gap": 0.002, "errors/infra": 0.0}


def stopped_by(metrics: Numbers, state: State) -> str:
    with pytest.raises(TrainingStopped) as raised:
        check_limits(metrics, state, LIMITS)
    return str(raised.value)


def test_a_step_like_any_other_goes_on() -> None:
    check_limits(FINE, State(step=7), LIMITS)


def test_a_limit_that_is_just_reached_is_not_passed() -> None:
    check_limits({"gap": 0.1, "errors/infra": 0.25}, State(step=7, skipped_updates=2, empty_steps=4), LIMITS)


def test_a_step_without_an_update_has_no_gap() -> None:
    check_limits({"errors/infra": 0.0}, State(step=7), LIMITS)


@pytest.mark.parametrize("gap", [0.1001, 3.0, float("inf")])
def test_sampler_and_learner_that_differ(gap: float) -> None:
    said = stopped_by(FINE | {"gap": gap}, State(step=7))
    assert said.startswith("step 7: sampler and learner differ by")
    assert "the limit is 0.1 (train.limits.gap)" in said


def test_the_gap_of_a_skipped_update_is_left_to_the_count_of_those() -> None:
    check_limits(FINE | {"gap": float("nan")}, State(step=7, skipped_updates=1), LIMITS)


def test_too_many_errors_of_the_world() -> None:
    said = stopped_by(FINE | {"errors/infra": 0.5}, State(step=7))
    assert said.startswith("step 7: 50% of the trajectories ended in errors that are not the policy's")
    assert "the limit is 25% (train.limits.error_rate)" in said


def test_updates_that_are_not_finite_one_after_the_other() -> None:
    said = stopped_by(FINE, State(step=7, skipped_updates=3))
    assert said.startswith("step 7: 3 updates in a row had a loss or gradient that is not finite")
    assert "train.limits.skipped_updates" in said


def test_steps_without_anything_to_learn_one_after_the_other() -> None:
    said = stopped_by(FINE, State(step=7, empty_steps=5))
    assert said.startswith("step 7: in 5 steps in a row no group had two different rewards")
    assert "train.limits.empty_steps" in said
