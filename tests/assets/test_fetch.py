"""Fetching, whatever the source: nothing wrong or half is ever found under the final name."""

import errno
import json
import os
import time
from pathlib import Path

import pytest

from agentflow.assets.asset import State, state_of
from agentflow.assets.fetch import fetch, find
from agentflow.assets.lock import locked
from agentflow.errors import ConfigError, DownloadError

from .recorded import CONTENT, BytesSource, RecordedProgress, asset_of


def test_the_first_source_that_works_is_enough() -> None:
    first, second = BytesSource(CONTENT), BytesSource(CONTENT)
    asset = asset_of(first, second)
    assert state_of(asset) is State.ABSENT
    path = fetch(asset, RecordedProgress())
    assert path.read_bytes() == CONTENT
    assert (first.num_calls, second.num_calls) == (1, 0)
    assert state_of(asset) is State.ON_DISK
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "weights.bin",
        "weights.bin.lock",
        "weights.bin.verified.json",
    ]


def test_what_is_there_is_not_fetched_again_nor_hashed_again() -> None:
    source = BytesSource(CONTENT)
    path = fetch(asset_of(source), RecordedProgress())
    progress = RecordedProgress()
    assert fetch(asset_of(source), progress) == path
    assert source.num_calls == 1
    assert progress.bars == {}


def test_a_file_put_there_by_hand_is_hashed_once() -> None:
    asset = asset_of()
    asset.path.parent.mkdir(parents=True)
    asset.path.write_bytes(CONTENT)
    progress = RecordedProgress()
    assert fetch(asset, progress) == asset.path
    assert progress.bars == {"checking weights.bin": [len(CONTENT)]}
    assert fetch(asset, progress) == asset.path
    assert progress.bars == {"checking weights.bin": [len(CONTENT)]}


def test_a_file_that_was_touched_is_hashed_again_and_removed_if_it_is_wrong() -> None:
    source = BytesSource(CONTENT)
    path = fetch(asset_of(source), RecordedProgress())
    path.write_bytes(CONTENT[:-1] + b"!")
    os.utime(path, (time.time() + 5, time.time() + 5))
    progress = RecordedProgress()
    assert fetch(asset_of(source), progress).read_bytes() == CONTENT
    assert source.num_calls == 2
    assert "removed" in progress.lines[0]
    assert asset_of().sha256 in progress.lines[0]


def test_a_note_that_was_cut_off_is_no_proof() -> None:
    path = fetch(asset_of(BytesSource(CONTENT)), RecordedProgress())
    note = path.with_name("weights.bin.verified.json")
    assert json.loads(note.read_text())["num_bytes"] == len(CONTENT)
    note.write_text(note.read_text()[:20])
    progress = RecordedProgress()
    fetch(asset_of(BytesSource(CONTENT)), progress)
    assert "checking weights.bin" in progress.bars


def test_wrong_bytes_are_removed_and_said_and_the_next_source_is_tried() -> None:
    wrong, right = BytesSource(b"x" * len(CONTENT), "the wrong place"), BytesSource(CONTENT)
    progress = RecordedProgress()
    assert fetch(asset_of(wrong, right), progress).read_bytes() == CONTENT
    (line,) = progress.lines
    assert "the wrong place" in line
    assert "wrong bytes" in line
    assert asset_of().sha256 in line


def test_wrong_bytes_leave_no_parts_to_be_assembled_again() -> None:
    asset = asset_of(BytesSource(b"wrong"))
    with pytest.raises(DownloadError):
        fetch(asset, RecordedProgress())
    assert state_of(asset) is State.ABSENT


def test_when_all_fail_the_error_says_what_each_said_and_what_to_do() -> None:
    def fail() -> None:
        raise DownloadError("it rains")

    asset = asset_of(BytesSource(CONTENT, "hub a", fail), BytesSource(b"wrong", "wheels b"))
    with pytest.raises(DownloadError) as raised:
        fetch(asset, RecordedProgress())
    message = str(raised.value)
    assert "hub a did not bring it: it rains" in message
    assert "wheels b did not bring it: wrong bytes" in message
    assert str(asset.path) in message
    assert asset.sha256 in message
    assert not asset.path.exists()


def test_too_small_a_disk_is_found_before_anything_is_fetched() -> None:
    source = BytesSource(CONTENT)
    with pytest.raises(DownloadError) as raised:
        fetch(asset_of(source), RecordedProgress(), free_bytes=lambda _: 5_000)
    assert source.num_calls == 0
    assert "needs 10.2 kB" in str(raised.value)
    assert "5.0 kB are free" in str(raised.value)
    assert "AGENTFLOW_CACHE" in str(raised.value)


def test_a_disk_that_fills_up_meanwhile_is_said_with_the_remedy() -> None:
    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    asset = asset_of(BytesSource(CONTENT, fault=fill))
    with pytest.raises(DownloadError, match=r"No space left on device; set AGENTFLOW_CACHE"):
        fetch(asset, RecordedProgress())
    assert not asset.path.exists()
    assert state_of(asset) is State.PARTLY


def test_an_interruption_leaves_no_file_under_the_final_name_and_keeps_the_parts() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    asset = asset_of(BytesSource(CONTENT, fault=interrupt))
    with pytest.raises(KeyboardInterrupt):
        fetch(asset, RecordedProgress())
    assert not asset.path.exists()
    assert state_of(asset) is State.PARTLY
    assert fetch(asset_of(BytesSource(CONTENT)), RecordedProgress()).read_bytes() == CONTENT


def test_the_final_name_appears_only_at_the_end() -> None:
    seen = []
    source = BytesSource(CONTENT, fault=lambda: seen.append(asset_of().path.exists()))
    fetch(asset_of(source), RecordedProgress())
    assert seen == [False]


def test_a_cache_that_can_not_be_written_is_the_users_to_mend(cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    with pytest.raises(ConfigError, match="AGENTFLOW_CACHE"):
        fetch(asset_of(BytesSource(CONTENT)), RecordedProgress())


def test_find_never_fetches() -> None:
    source = BytesSource(CONTENT)
    assert find(asset_of(source)) is None
    asset = asset_of(source)
    asset.path.parent.mkdir(parents=True)
    asset.path.write_bytes(b"wrong")
    assert find(asset, RecordedProgress()) is None
    assert not asset.path.exists()
    fetch(asset, RecordedProgress())
    assert find(asset) == asset.path
    assert source.num_calls == 1


def test_one_who_waits_for_the_lock_is_told_so_once(tmp_path: Path) -> None:
    told = []

    def tell() -> None:
        told.append("waiting")
        first.__exit__(None, None, None)

    first = locked(tmp_path / "lock")
    first.__enter__()
    with locked(tmp_path / "lock", on_wait=tell):
        assert told == ["waiting"]
