"""Checkpoints are there wholly or not at all: damage, kills and full disks cost the newest one at most."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentflow.errors import ConfigError, InfraError
from agentflow.train.checkpoint import MANIFEST, Checkpoints, check_whole, find_damage


class Killed(BaseException):
    """Stands for the end of the process."""


def fill(text: str = "weights") -> Callable[[Path], None]:
    """Writes two files, one of them in a folder."""

    def write(folder: Path) -> None:
        (folder / "state.json").write_text("{}")
        (folder / "learner").mkdir()
        (folder / "learner" / "weights.bin").write_text(text)

    return write


def filled(folder: Path, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.write(step, fill(f"weights of {step}"))
    return checkpoints


def failing(error: BaseException) -> Callable[[Path], None]:
    """Writes half of what it should, and fails."""

    def write(folder: Path) -> None:
        (folder / "state.json").write_text("{}")
        raise error

    return write


def left_overs(folder: Path) -> list[str]:
    """What is in a folder of checkpoints and is none."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("step-"))


def found(checkpoints: Checkpoints) -> tuple[int | None, list[str]]:
    """The newest whole one, and what was said about others."""
    notices: list[str] = []
    return checkpoints.find_last(notices.append), notices


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "runs" / "checkpoints")
    path = checkpoints.write(12, fill())
    assert path == checkpoints.path(12) == tmp_path / "runs" / "checkpoints" / "step-000012"
    assert (path / "learner" / "weights.bin").read_text() == "weights"
    assert find_damage(path) is None
    check_whole(path)
    assert found(checkpoints) == (12, [])


def test_where_there_are_none_there_is_no_last_one(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "nowhere")
    assert checkpoints.steps() == []
    assert found(checkpoints) == (None, [])
    checkpoints.keep([])


def test_steps_are_numbers_and_not_texts(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1_000_000, 9, 10)
    (tmp_path / "step-last").mkdir()
    assert checkpoints.steps() == [9, 10, 1_000_000]
    assert found(checkpoints) == (1_000_000, [])


def flip_a_byte(folder: Path) -> None:
    (folder / "learner" / "weights.bin").write_text("weightz of 3")


def cut_a_file(folder: Path) -> None:
    (folder / "learner" / "weights.bin").write_text("")


def lose_a_file(folder: Path) -> None:
    (folder / "learner" / "weights.bin").unlink()


def lose_a_folder(folder: Path) -> None:
    shutil.rmtree(folder / "learner")


def lose_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def cut_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:20])


def empty_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"")


def zero_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"\0" * 100)


def write_another_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("null")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_byte, "learner/weights.bin has other bytes than were written"),
        (cut_a_file, "learner/weights.bin has other bytes than were written"),
        (lose_a_file, "learner/weights.bin is missing"),
        (lose_a_folder, "learner/weights.bin is missing"),
        (lose_the_manifest, "manifest.json can not be read"),
        (cut_the_manifest, "manifest.json can not be read"),
        (empty_the_manifest, "manifest.json can not be read"),
        (zero_the_manifest, "manifest.json can not be read"),
        (write_another_manifest, "manifest.json can not be read"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_said(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    checkpoints = filled(tmp_path, 1, 2, 3)
    damage(checkpoints.path(3))
    path = checkpoints.path(3)
    assert found(checkpoints) == (2, [f"the checkpoint {path} is damaged ({said}): trying the one before"])
    with pytest.raises(ConfigError, match=rf"is damaged \({said}\): use one before it"):
        check_whole(path)


def test_several_damaged_ones_are_passed_over(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1, 2, 3)
    flip_a_byte(checkpoints.path(3))
    lose_the_manifest(checkpoints.path(2))
    last, notices = found(checkpoints)
    assert last == 1
    assert [checkpoints.path(step).name in line for step, line in zip((3, 2), notices, strict=True)] == [True, True]
    lose_a_file(checkpoints.path(1))
    assert found(checkpoints)[0] is None


def test_a_damaged_checkpoint_is_written_anew_when_its_step_is_done_again(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1, 2)
    lose_a_file(checkpoints.path(2))
    checkpoints.write(2, fill("better"))
    assert found(checkpoints) == (2, [])
    assert (checkpoints.path(2) / "learner" / "weights.bin").read_text() == "better"


def test_a_checkpoint_that_was_never_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no checkpoint at"):
        check_whole(tmp_path / "step-000001")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_no_other_checkpoint_and_says_so(tmp_path: Path, number: int) -> None:
    checkpoints = filled(tmp_path, 1, 2)
    with pytest.raises(InfraError) as raised:
        checkpoints.write(3, failing(OSError(number, "no room")))
    assert str(raised.value) == (
        f"the checkpoint of step 3 in {tmp_path} could not be written: the disk is full; "
        "that of step 2 is whole: make room and run again"
    )
    assert (found(checkpoints), left_overs(tmp_path)) == ((2, []), [])
    assert checkpoints.steps() == [1, 2]


def test_the_one_that_is_said_to_be_whole_is(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1, 2)
    flip_a_byte(checkpoints.path(2))
    with pytest.raises(InfraError, match="that of step 1 is whole"):
        checkpoints.write(3, failing(OSError(errno.ENOSPC, "no room")))


def test_a_full_disk_at_the_first_checkpoint_names_no_other(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="the disk is full; there is no other one: make room and run again"):
        Checkpoints(tmp_path).write(0, failing(OSError(errno.ENOSPC, "no room")))


def test_another_error_of_the_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="could not be written: Input/output error; there is no other one"):
        filled(tmp_path).write(1, failing(OSError(errno.EIO, "Input/output error")))
    assert left_overs(tmp_path) == []


def test_a_writer_that_tells_of_a_full_disk_in_words_is_understood(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1)
    error = RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(InfraError, match="the disk is full; that of step 1 is whole"):
        checkpoints.write(2, failing(error))


def test_a_writer_that_does_not_tell_is_not_believed_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=4096))
    with pytest.raises(InfraError, match="the disk is full"):
        Checkpoints(tmp_path).write(1, failing(RuntimeError("unexpected pos 576 vs 534")))


def test_our_own_mistake_is_raised_as_it_is_and_leaves_nothing(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1)
    with pytest.raises(RuntimeError, match="a bug"):
        checkpoints.write(2, failing(RuntimeError("a bug")))
    assert (found(checkpoints), left_overs(tmp_path)) == ((1, []), [])


def test_what_a_kill_leaves_is_no_checkpoint_and_in_nobodys_way(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1)
    with pytest.raises(Killed):
        checkpoints.write(2, failing(Killed()))
    assert left_overs(tmp_path) == [".writing-000002"]
    assert (checkpoints.steps(), found(checkpoints)) == ([1], (1, []))
    checkpoints.write(2, fill())
    assert (found(checkpoints), left_overs(tmp_path)) == ((2, []), [])


def test_keeping_some_removes_the_others_and_what_a_kill_left(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, 1, 2, 3, 4)
    with pytest.raises(Killed):
        checkpoints.write(5, failing(Killed()))
    checkpoints.keep({2, 4, 9})
    assert checkpoints.steps() == [2, 4]
    assert left_overs(tmp_path) == []
    assert find_damage(checkpoints.path(2)) is None
