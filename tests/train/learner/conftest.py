"""Tiny models on disk. Everything in this folder needs torch, transformers and peft."""

from pathlib import Path

import pytest

for needed in ("torch", "transformers", "peft"):
    pytest.importorskip(needed, reason="needs pip install 'agentflow-grpo[train]'")

from .tiny import write_model  # noqa: E402  # needs them


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "llama", "llama")
