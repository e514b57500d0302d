from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on disk."""
    from .tiny import write_model  # needs torch, and each test file says so

    return write_model(tmp_path_factory.mktemp("models") / "llama", "llama")
