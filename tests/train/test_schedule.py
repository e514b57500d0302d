"""The learning rate of each step."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train import schedule as module
from agentflow.train.config import ScheduleConfig
from agentflow.train.schedule import learning_rate


def rates(num_steps: int, peak: float = 1.0, **schedule: object) -> list[float]:
    settings = ScheduleConfig.model_validate(schedule)
    return [learning_rate(step, num_steps, peak, settings) for step in range(num_steps)]


def test_by_default_every_step_has_the_same() -> None:
    assert rates(3, 1e-6) == [1e-6] * 3


def test_it_rises_in_equal_parts_to_its_peak() -> None:
    assert rates(6, 2.0, warmup_steps=4) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_linear_falls_by_the_same_each_step() -> None:
    assert rates(4, shape="linear") == [1.0, 0.75, 0.5, 0.25]
    assert rates(4, shape="linear", final=0.5) == [1.0, 0.875, 0.75, 0.625]


def test_cosine_is_at_half_in_the_middle() -> None:
    assert rates(4, shape="cosine") == pytest.approx([1.0, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5])
    assert rates(4, shape="cosine", final=0.2)[2] == pytest.approx(0.6)


def test_a_run_shorter_than_its_warm_up_only_rises() -> None:
    assert rates(2, warmup_steps=4, shape="cosine") == [0.25, 0.5]


@given(
    num_steps=st.integers(1, 30),
    warmup_steps=st.integers(0, 40),
    final=st.floats(0, 1),
    shape=st.sampled_from(["constant", "linear", "cosine"]),
)
def test_it_rises_then_falls_between_0_and_its_peak(
    num_steps: int, warmup_steps: int, final: float, shape: str
) -> None:
    found = rates(num_steps, warmup_steps=warmup_steps, final=final, shape=shape)
    assert all(0 < rate <= 1 + 1e-12 for rate in found)
    assert found[:warmup_steps] == sorted(found[:warmup_steps])
    assert found[warmup_steps:] == pytest.approx(sorted(found[warmup_steps:], reverse=True))


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(module).failed == 0
