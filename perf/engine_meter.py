"""How long something took, and how many cores others used meanwhile (Linux): a timing beside others is worth little."""

import os
import time
from pathlib import Path

import psutil


class Meter:
    """`with Meter() as meter: ...`, then `meter.seconds` and `meter.foreign_cores`."""

    def __enter__(self) -> "Meter":
        self._start = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, own, everyone = (end - start for end, start in zip(self._now(), self._start, strict=True))
        self.seconds = seconds
        self.foreign_cores = max(0.0, (everyone - own) / seconds)

    def _now(self) -> tuple[float, float, float]:
        """Wall time, CPU time of this process and its children, and that of the whole machine."""
        mine = psutil.Process().children(recursive=True)
        children = sum(sum(child.cpu_times()[:2]) for child in mine)
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, fields)
        everyone = (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.process_time() + children, everyone
