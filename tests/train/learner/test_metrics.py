import math

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.train.learner.metrics import combine, means, measure
from agentflow.train.objective import ObjectiveConfig, Tokens, flow_grpo_loss

OBJECTIVE = ObjectiveConfig(kl_coefficient=0.1)


def tokens(ratio: list[float], advantage: list[float]) -> Tokens:
    count = len(ratio)
    return Tokens(
        policy_logprobs=torch.tensor(ratio).log(),
        entropy=torch.full((count,), 2.0),
        rollout_logprobs=torch.zeros(count),
        advantage=torch.tensor(advantage),
        weight=torch.full((count,), 0.25),
        reference_logprobs=torch.zeros(count),
    )


def test_what_is_clipped_is_what_the_clip_holds_back() -> None:
    some = tokens([1.5, 1.5, 0.5, 0.5], [1.0, -1.0, 1.0, -1.0])
    measured = measure(some, OBJECTIVE, flow_grpo_loss(some, OBJECTIVE))
    assert measured["clip_fraction"] == 0.5
    assert measured["ratio_max"] == 1.5
    assert measured["gap_max"] == pytest.approx(math.log(2))
    assert measured["gap"] == pytest.approx(2 * math.log(2) + 2 * math.log(1.5))
    assert measured["entropy"] == 2.0
    assert measured["tokens"] == 4
    assert measured["kl"] == pytest.approx(0.25 * 2 * (2 - math.log(2) - 1 + 2 / 3 - math.log(2 / 3) - 1))


def test_the_gap_is_that_before_the_update_where_it_is_known() -> None:
    some = tokens([2.0], [1.0])
    before = Tokens(**{**vars(some), "old_logprobs": torch.tensor([0.1])})
    assert measure(before, OBJECTIVE, torch.tensor(0.0))["gap"] == pytest.approx(0.1)


@pytest.mark.parametrize("order", [[math.nan, 1.0], [1.0, math.nan]])
def test_a_maximum_that_is_no_number_is_not_forgotten(order: list[float]) -> None:
    assert math.isnan(combine([{"gap_max": value} for value in order])["gap_max"])


def test_nothing_measured_has_no_means() -> None:
    assert means(combine([])) == {}
