"""A `Progress` and two sources that keep a record or follow a script, and an asset made for them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agentflow.assets.asset import Asset, Source
from agentflow.assets.hashing import write_hashed
from agentflow.assets.progress import Progress

CONTENT = bytes(range(256)) * 40


class RecordedProgress:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: dict[str, list[int]] = {}

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        yield self.bars.setdefault(label, []).append


class BytesSource:
    """Brings `content`, or raises what `fault` raises just after writing half of it."""

    def __init__(self, content: bytes, label: str = "memory", fault: Callable[[], None] = lambda: None) -> None:
        self.content, self.label, self.fault, self.num_calls = content, label, fault, 0

    def num_bytes_needed(self, asset: Asset, parts: Path) -> int:
        return len(self.content)

    def bring(self, asset: Asset, target: Path, parts: Path, progress: Progress) -> str:
        self.num_calls += 1
        target.write_bytes(self.content[: len(self.content) // 2])
        (parts / "kept").write_bytes(b"a part")
        self.fault()
        return write_hashed(target, [self.content])


def asset_of(*sources: Source, content: bytes = CONTENT) -> Asset:
    found: Sequence[Source] = sources
    return Asset(
        file="weights.bin",
        licence="MIT",
        num_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        sources=found,
        folder="models",
    )
