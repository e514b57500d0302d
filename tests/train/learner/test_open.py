"""Which models can be opened, and what is said of those that can not."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch
from transformers import MistralConfig

from agentflow.errors import AgentFlowError, ConfigError
from agentflow.train.learner import memory

from ...engines.local import tiny_model
from .tiny import open_learner, random_samples, write_model


def test_a_gguf_file_is_opened_and_can_be_saved_as_a_folder(tmp_path: Path) -> None:
    path = tiny_model.write_model(tmp_path / "tiny.gguf")
    learner = open_learner(path)
    values = learner.logprobs(random_samples(0))
    learner.model.get_base_model().save_pretrained(tmp_path / "folder")
    assert all(np.isfinite(row).all() for row in values)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 1000)
    monkeypatch.setattr("agentflow.train.learner.weights.open_model", None)
    with pytest.raises(ConfigError, match=r"takes about .* GiB are free: take LoRA .*, or a smaller token_budget"):
        open_learner(llama, lora_rank=0)


def test_memory_bounds_the_longest_sample(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = open_learner(llama)
    assert learner.max_tokens == 64  # the model's context
    shape = learner.model.get_base_model().config
    fixed, token = memory.fixed_bytes(shape, learner.config, "cpu"), memory.token_bytes(shape, learner.config)
    monkeypatch.setattr(memory, "available_bytes", lambda device: fixed + 10 * token)
    assert open_learner(llama, token_budget=5).max_tokens == 10


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    MistralConfig(hidden_size=8, num_hidden_layers=1).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"can not train a mistral model .* wanted one of llama, qwen2, qwen3"):
        open_learner(tmp_path)


def test_sliding_windows_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path, "qwen2", use_sliding_window=True, max_window_layers=0)
    with pytest.raises(ConfigError, match="sliding windows"):
        open_learner(tmp_path)


@pytest.mark.parametrize("text", ["{", json.dumps({"model_type": "nothing"})])
def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(AgentFlowError):
        open_learner(tmp_path)


def test_a_gpu_has_to_be_there(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="finds no GPU"):
        open_learner(llama, device="cuda")
