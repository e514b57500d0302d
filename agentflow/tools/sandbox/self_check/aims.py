"""What the attacks aim at: files, listeners and a process, made for the purpose and gone afterwards."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT_CANARY = "AGENTFLOW_SELF_CHECK_KEY"


@dataclass(frozen=True)
class Aims:
    """What the attacks aim at: all of it ours."""

    secret: Path
    public: Path
    folder: Path
    tcp: socket.socket
    udp: socket.socket
    abstract: socket.socket
    path: socket.socket
    letterbox: socket.socket
    victim: subprocess.Popen[bytes]

    @property
    def listeners(self) -> tuple[socket.socket, ...]:
        return self.tcp, self.udp, self.abstract, self.path, self.letterbox


@contextlib.asynccontextmanager
async def surroundings() -> AsyncIterator[Aims]:
    os.environ[ENVIRONMENT_CANARY] = "canary"
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentflow-canary-")))
            folder.chmod(0o755)
            for name, mode in (("secret", 0o600), ("public", 0o644)):
                (folder / name).write_text("canary")
                (folder / name).chmod(mode)
            hidden = f"agentflow-{secrets.token_hex(8)}"
            abstract = f"\0{hidden}" if sys.platform == "linux" else str(folder / hidden)  # which only Linux has
            opened = stack.enter_context
            path = opened(listener(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "listener")))
            letterbox = opened(listener(socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "letterbox")))
            for name in ("listener", "letterbox"):
                (folder / name).chmod(0o777)
            yield Aims(
                secret=folder / "secret",
                public=folder / "public",
                folder=folder,
                tcp=opened(listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))),
                udp=opened(listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))),
                abstract=opened(listener(socket.AF_UNIX, socket.SOCK_STREAM, abstract)),
                path=path,
                letterbox=letterbox,
                victim=opened(victim()),
            )
    finally:
        del os.environ[ENVIRONMENT_CANARY]


def listener(family: int, kind: int, address: Any) -> socket.socket:
    opened = socket.socket(family, kind)
    opened.bind(address)
    opened.setblocking(False)
    if kind == socket.SOCK_STREAM:
        opened.listen()
    return opened


@contextlib.contextmanager
def victim() -> Iterator[subprocess.Popen[bytes]]:
    waiting = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", waiting], stdin=subprocess.PIPE) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()
