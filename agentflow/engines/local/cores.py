"""How many cores this process may use: what its affinity allows, and what the quota of its container pays for."""

import os
from pathlib import Path

MOST = 8  # more gain little, and disturb the rest of the machine


def num_cores() -> int:
    """Whole cores, from 1 to 8. Part of a core is none: a thread that is held back holds up all the others."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = quota_of()
    paid = allowed if quota is None else max(1, int(quota))
    return min(allowed, paid, MOST)


def quota_of(membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that the control groups (version 2) of this process may use; None without a limit.

    A group is bound by those around it, so the smallest quota counts.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    group = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    inner = root / group
    quotas = [_read(folder / "cpu.max") for folder in (inner, *inner.parents) if folder.is_relative_to(root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _read(file: Path) -> float | None:
    """`150000 100000` (microseconds of each period) -> 1.5, `max 100000` -> None."""
    try:
        quota, period = file.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
