import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import FileServer, PackageIndex, serving


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache of its own, and nothing of the person who runs it has a say."""
    for name in os.environ:
        if name.startswith(("PIP_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as files:
        yield files


@pytest.fixture
def package_index(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> PackageIndex:
    """The only package index that pip knows."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    return PackageIndex(server)
