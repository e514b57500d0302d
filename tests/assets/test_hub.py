"""The hub's own client against a small hub on loopback."""

import hashlib
import socket
import sys
import time
from pathlib import Path

import pytest

from agentflow.assets.fetch import fetch
from agentflow.assets.hub import HubSource
from agentflow.errors import DownloadError

from .recorded import CONTENT, BytesSource, RecordedProgress, asset_of
from .servers import COMMIT, FileServer

pytest.importorskip("huggingface_hub")
PATH = f"/someone/models/resolve/{COMMIT}/weights.bin"


@pytest.fixture(autouse=True)
def _nothing_but_loopback(server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The client read its address and its folders when it was imported."""
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.AGENT_HARNESSES_PATH", str(tmp_path / "no-agents"), raising=False)


def hub(url: str, **settings: float) -> HubSource:
    return HubSource("someone/models", "weights.bin", revision=COMMIT, endpoint=url, **settings)


def test_a_file_comes_from_the_hub(server: FileServer) -> None:
    server.files[PATH] = CONTENT
    asset = asset_of(hub(server.url))
    assert fetch(asset, RecordedProgress()).read_bytes() == CONTENT
    assert server.gets.count(PATH) == 1
    assert not asset.parts.exists()


def test_a_hub_that_can_not_be_reached_is_left_for_the_next_source_in_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = hub(f"http://127.0.0.1:{unused.getsockname()[1]}")
        progress = RecordedProgress()
        start = time.monotonic()
        assert fetch(asset_of(gone, BytesSource(CONTENT)), progress).read_bytes() == CONTENT
    assert time.monotonic() - start < 5
    (line,) = progress.lines
    assert line.startswith("weights.bin: hub someone/models did not bring it: ConnectError")


def test_a_hub_that_does_not_answer_is_left_in_time(server: FileServer) -> None:
    server.hanging.add(PATH)
    start = time.monotonic()
    with pytest.raises(DownloadError, match="hub someone/models did not bring it"):
        fetch(asset_of(hub(server.url, timeout_seconds=0.3)), RecordedProgress())
    assert time.monotonic() - start < 5


def test_a_file_that_the_hub_does_not_have_is_said_in_one_line(server: FileServer) -> None:
    progress = RecordedProgress()
    with pytest.raises(DownloadError):
        fetch(asset_of(hub(server.url)), progress)
    (line,) = progress.lines
    assert "404" in line
    assert "\n" not in line


def test_wrong_bytes_from_the_hub_are_removed(server: FileServer) -> None:
    server.files[PATH] = b"x" * len(CONTENT)
    asset = asset_of(hub(server.url))
    with pytest.raises(DownloadError, match=f"wrong bytes, removed: SHA-256 is .*expected {asset.sha256}"):
        fetch(asset, RecordedProgress())
    assert not asset.path.exists()
    assert list(asset.parts.rglob("*.bin")) == []


def test_a_file_of_another_size_is_not_even_fetched(server: FileServer) -> None:
    server.files[PATH] = b"too short"
    with pytest.raises(DownloadError, match=f"has 9 bytes, expected {len(CONTENT)}"):
        fetch(asset_of(hub(server.url)), RecordedProgress())
    assert PATH not in server.gets


def test_a_file_of_another_hash_is_not_even_fetched(server: FileServer) -> None:
    server.files[PATH] = b"x" * len(CONTENT)
    server.etags[PATH] = hashlib.sha256(server.files[PATH]).hexdigest()
    with pytest.raises(DownloadError, match=f"SHA-256 {server.etags[PATH]}"):
        fetch(asset_of(hub(server.url)), RecordedProgress())
    assert PATH not in server.gets


def test_the_hubs_offline_switch_is_obeyed(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    server.files[PATH] = CONTENT
    with pytest.raises(DownloadError, match=r"(?i)offline"):
        fetch(asset_of(hub(server.url)), RecordedProgress())
    assert server.gets == []


def test_without_the_client_the_next_source_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    progress = RecordedProgress()
    fetch(asset_of(hub("http://127.0.0.1:1"), BytesSource(CONTENT)), progress)
    assert progress.lines == [
        "weights.bin: hub someone/models did not bring it: "
        'huggingface_hub is not installed (pip install "agentflow-grpo[local]")'
    ]
