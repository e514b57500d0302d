"""What is computed along a tree equals what transformers computes of each sample alone."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.train.samples import PlannerTurn, make_sample

from .tiny import KINDS, open_learner, plain_logprobs, random_samples, shake, write_model

CLOSE = 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_shared_prefixes_change_nothing(tmp_path: Path, kind: str) -> None:
    folder = write_model(tmp_path, kind)
    learner = open_learner(folder)
    for seed in range(4):
        samples = random_samples(seed)
        for sample, values in zip(samples, learner.logprobs(samples), strict=True):
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, plain_logprobs(folder, sample), atol=CLOSE)


def test_logprobs_are_those_of_the_sampling_temperature(llama: Path) -> None:
    sample = random_samples(0)[0]
    values = open_learner(llama, temperature=0.5).logprobs([sample])[0]
    np.testing.assert_allclose(values, plain_logprobs(llama, sample, 0.5), atol=CLOSE)


@pytest.mark.parametrize("settings", [{"token_budget": 1}, {"token_budget": 30}, {"share_prefixes": False}])
def test_no_way_to_cut_changes_them(llama: Path, settings: dict[str, int]) -> None:
    samples = random_samples(1)
    for one, other in zip(
        open_learner(llama).logprobs(samples), open_learner(llama, **settings).logprobs(samples), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=CLOSE)


def test_the_same_twice_gives_the_same_bits(llama: Path) -> None:
    learner, samples = open_learner(llama), random_samples(2)
    assert [row.tobytes() for row in learner.logprobs(samples)] == [row.tobytes() for row in learner.logprobs(samples)]


@pytest.mark.parametrize("settings", [{"lora_rank": 4}, {"lora_rank": 0}], ids=["adapter", "all weights"])
def test_the_reference_stays_the_base(llama: Path, settings: dict[str, int]) -> None:
    learner, samples = open_learner(llama, **settings), random_samples(3)
    shake(learner)
    moved = learner.logprobs(samples)
    for sample, reference, policy in zip(samples, learner.logprobs(samples, reference=True), moved, strict=True):
        np.testing.assert_allclose(reference, plain_logprobs(llama, sample), atol=CLOSE)
        assert np.abs(reference - policy).max() > 0.01
    assert [row.tobytes() for row in learner.logprobs(samples)] == [row.tobytes() for row in moved]


def test_no_samples_no_logprobs(llama: Path) -> None:
    assert open_learner(llama).logprobs([]) == []


def test_a_sample_longer_than_the_context_is_refused(llama: Path) -> None:
    turn = PlannerTurn(tuple([1] * 70), (2,), (-1.0,))
    with pytest.raises(Exception, match="'long' has 70 tokens and at most 64 fit"):
        open_learner(llama).logprobs([make_sample(turn, 1.0, 1.0, "long")])


def test_a_sample_without_a_prompt_is_refused(llama: Path) -> None:
    sample = random_samples(0)[0]
    sample.mask[:] = True
    with pytest.raises(ValueError, match="wanted action tokens after a prompt"):
        open_learner(llama).logprobs([sample])
