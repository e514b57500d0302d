"""The files of a run: whose they are, how far they go, and that a continuation sees what was true."""

import json
from pathlib import Path

import numpy as np
import pytest

from agentflow.errors import ConfigError, InfraError
from agentflow.trace import read_trajectories
from agentflow.train.run_folder import RunFolder, State, all_trajectories

from .records import group, trajectory

IDENTITY = {"model": "tiny", "group_size": 8, "betas": (0.9, 0.99)}


def started(folder: Path) -> RunFolder:
    run = RunFolder(folder / "runs" / "first")
    run.start("steps = 3", IDENTITY)
    return run


def test_the_config_is_written_down_at_the_start(tmp_path: Path) -> None:
    run = started(tmp_path)
    assert (run.folder / "config.toml").read_text() == "steps = 3\n"
    assert run.checkpoints.folder == run.folder / "checkpoints"


def test_a_setting_that_is_younger_than_the_run_had_its_default(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.start("steps = 3", {**IDENTITY, "judge": ""}, {"judge": "", "group_size": 2})
    with pytest.raises(ConfigError, match="judge: '' -> 'openai:x'"):
        run.start("steps = 3", {**IDENTITY, "judge": "openai:x"}, {"judge": ""})


def test_what_does_not_matter_to_a_continuation_may_change(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.append_metrics({"step": 1})
    run.start("steps = 4", IDENTITY)
    assert (run.folder / "config.toml").read_text() == "steps = 4\n"
    assert run.metrics.read_text() == '{"step": 1}\n'


def test_a_run_with_other_settings_does_not_touch_the_folder(tmp_path: Path) -> None:
    run = started(tmp_path)
    before = {path: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(ConfigError) as raised:
        run.start("steps = 4", {"model": "tiny", "group_size": 4, "lr": 0.1, "betas": (0.9, 0.99)})
    assert str(raised.value) == (
        f"{run.folder} holds a run with other settings (group_size: 8 -> 4; lr: None -> 0.1): "
        "set train.folder to another folder, or go on with the settings it has"
    )
    assert {path: path.read_bytes() for path in run.folder.iterdir()} == before


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(7, 224, "step-000007", 4096, best_reward=0.625, best_step=5, skipped_updates=1, empty_steps=2)
    state.write(tmp_path)
    assert State.read(tmp_path) == state
    State().write(tmp_path)
    assert State.read(tmp_path) == State()


def test_metrics_are_a_line_each_and_their_length_is_told(tmp_path: Path) -> None:
    run = started(tmp_path)
    first = run.append_metrics({"kind": "train", "step": 1, "reward/mean": 0.5})
    second = run.append_metrics({"kind": "train", "step": 2, "reward/mean": 1.0})
    data = run.metrics.read_bytes()
    assert (data[:first].count(b"\n"), len(data)) == (1, second)
    assert [json.loads(line)["step"] for line in data.splitlines()] == [1, 2]


def test_what_is_not_finite_is_null_in_the_metrics(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.append_metrics({"kind": "train", "loss": float("nan"), "grad_norm": float("inf"), "updates": 0})
    assert json.loads(run.metrics.read_text()) == {"kind": "train", "loss": None, "grad_norm": None, "updates": 0}


def test_metrics_of_a_step_that_is_done_again_are_forgotten(tmp_path: Path) -> None:
    run = started(tmp_path)
    state = State(step=1, metrics_bytes=run.append_metrics({"step": 1}))
    run.append_metrics({"step": 2})
    with run.metrics.open("a") as file:
        file.write('{"step": 3, "rew')  # a kill in the middle of a line
    run.rewind(state)
    run.append_metrics({"step": 2})
    assert [json.loads(line) for line in run.metrics.read_text().splitlines()] == [{"step": 1}, {"step": 2}]


def test_a_run_without_a_checkpoint_begins_its_metrics_anew(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.rewind(State())
    run.append_metrics({"step": 1})
    run.rewind(State())
    assert run.metrics.read_bytes() == b""


def test_metrics_that_lost_their_end_are_not_filled_up(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.append_metrics({"step": 1})
    run.rewind(State(metrics_bytes=1000))
    assert run.metrics.read_text() == '{"step": 1}\n'


def test_all_trajectories_of_a_step_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    run = started(tmp_path)
    written = all_trajectories([group([1.0, None], "a"), group([0.0, 0.5], "b")])
    path = run.write_trajectories("trajectories", 12, written)
    assert path == run.folder / "trajectories" / "step-000012.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["task"]["id"], line["reward"]) for line in lines] == [("a", 1.0), ("a", None), ("b", 0.0), ("b", 0.5)]
    run.write_trajectories("trajectories", 12, [trajectory(1.0)])
    assert len(path.read_text().splitlines()) == 1, "a step that is done again replaces what it wrote"


def test_a_trajectory_is_read_as_it_was_written(tmp_path: Path) -> None:
    solved = trajectory(0.25, num_tokens=9)
    path = started(tmp_path).write_trajectories("validation", 0, [solved])
    assert list(read_trajectories(path)) == [solved]


def test_the_samples_of_a_step_are_an_archive_of_arrays(tmp_path: Path) -> None:
    path = started(tmp_path).write_samples(3, {"lengths": np.array([1, 2])})
    assert path == tmp_path / "runs" / "first" / "samples" / "step-000003.npz"
    with np.load(path) as archive:
        assert archive["lengths"].tolist() == [1, 2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_ends_the_run_with_words_on_what_is_safe(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.metrics.symlink_to("/dev/full")
    with pytest.raises(InfraError, match=r"metrics\.jsonl: No space left on device; there is no checkpoint yet: free"):
        run.append_metrics({"kind": "train", "step": 1})
    run.checkpoints.write(4, lambda folder: State(step=4).write(folder))
    with pytest.raises(InfraError, match="the checkpoint of step 4 is whole"):
        run.append_metrics({"kind": "train", "step": 5})
