"""How many cores there are to use: by affinity, and by the quota of a container."""

import os
from pathlib import Path

import pytest

from agentflow.engines.local.cores import num_cores, quota_of


def make_groups(folder: Path, **quotas: str) -> Path:
    """Control groups, each inside the one before it."""
    for name, quota in quotas.items():
        folder = folder / name
        folder.mkdir()
        (folder / "cpu.max").write_text(quota)
    return folder


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"a": "200000 100000\n"}, 2.0),
        ({"a": "150000 100000\n"}, 1.5),
        ({"a": "max 100000\n"}, None),
        ({"a": "300000 100000\n", "b": "max 100000\n"}, 3.0),
        ({"a": "300000 100000\n", "b": "400000 100000\n"}, 3.0),
        ({"a": "nonsense\n"}, None),
        ({"a": "0 0\n"}, None),
        ({}, None),
    ],
)
def test_the_smallest_quota_of_all_groups_counts(
    tmp_path: Path, quotas: dict[str, str], expected: float | None
) -> None:
    group = make_groups(tmp_path, **quotas)
    membership = tmp_path / "cgroup"
    membership.write_text(f"1:cpu:/other\n0::/{group.relative_to(tmp_path)}\n")
    assert quota_of(membership, tmp_path) == expected


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    membership = tmp_path / "cgroup"
    membership.write_text("0::/\n")
    assert quota_of(membership, tmp_path) == 1.0
    membership.write_text("0::/../outside\n")  # a process that was moved in from elsewhere
    assert quota_of(membership, tmp_path) == 1.0


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota_of(tmp_path / "nowhere", tmp_path) is None


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"),
    [(4, None, 4), (64, None, 8), (4, 2.0, 2), (4, 2.9, 2), (4, 0.5, 1), (2, 3.0, 2)],
)
def test_threads_by_default(monkeypatch: pytest.MonkeyPatch, allowed: int, quota: float | None, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(allowed)))
    monkeypatch.setattr("agentflow.engines.local.cores.quota_of", lambda: quota)
    assert num_cores() == expected
