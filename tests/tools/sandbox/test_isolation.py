"""The sandbox from the inside: no other process, no network, no file and no variable of ours."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from agentflow.tools.sandbox import Limits
from agentflow.tools.sandbox.jail import Jail, is_root

from .jailed import ATTEMPT, JAIL, assert_all_refused, needs_jail, run


def test_there_is_one_process(jail: Jail) -> None:
    code = ATTEMPT + (
        "import subprocess, multiprocessing\n"
        "attempt('fork', os.fork)\n"
        "attempt('forkpty', os.forkpty)\n"
        "attempt('spawn', os.posix_spawn, '/python/bin/python', ['python'], {})\n"
        "attempt('run', subprocess.run, ['/python/bin/python', '-c', '1'])\n"
        "attempt('pool', multiprocessing.Pool, 2)\n"
        "print('system', os.system('true') != 0)\n"
    )
    result = run(jail, code)
    assert result.stdout.endswith("system True\n")
    assert_all_refused(result, 5)


THREAD_BOMB = """
import ctypes
libc = ctypes.CDLL(None)
attributes = ctypes.create_string_buffer(64)
libc.pthread_attr_init(attributes)
libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(16384))
thread, count = ctypes.c_ulong(), 0
while count < 500 and libc.pthread_create(ctypes.byref(thread), attributes, libc.pause, None) == 0:
    count += 1
print(0 < count <= 64)
import os
os.kill(os.getpid(), 9)
"""


@needs_jail
def test_threads_are_few_also_for_root() -> None:
    assert JAIL is not None
    assert run(JAIL, THREAD_BOMB).stdout == "True\n"


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_other_processes_are_out_of_reach(jail: Jail, victim: subprocess.Popen[bytes]) -> None:
    aims = (victim.pid, os.getpid())
    code = (
        ATTEMPT
        + f"import resource, signal\naims = {aims}\n"
        + """
for aim in aims:
    attempt("kill", os.kill, aim, signal.SIGKILL)
    attempt("pidfd_open", os.pidfd_open, aim)
    attempt("setpriority", os.setpriority, os.PRIO_PROCESS, aim, 19)
    attempt("affinity", os.sched_setaffinity, aim, {0})
    attempt("prlimit", resource.prlimit, aim, resource.RLIMIT_CORE, (0, 0))
    attempt("environment", open, f"/proc/{aim}/environ")
    attempt("memory", open, f"/proc/{aim}/mem", "rb+")
    attempt("root", os.listdir, f"/proc/{aim}/root")
attempt("parent's memory", open, f"/proc/{os.getppid()}/mem", "rb+")
attempt("own entry", os.listdir, "/proc/self")
"""
    )
    assert_all_refused(run(jail, code), 18)
    assert victim.poll() is None


@pytest.mark.parametrize("aim", ["os.getppid()", "0", "-1"])
def test_killing_all_around_does_not_reach_us(jail: Jail, aim: str) -> None:
    code = (
        f"import os, signal\nsignal.signal(15, signal.SIG_IGN)\ntry: os.kill({aim}, 15)\nexcept OSError: pass\nprint(1)"
    )
    assert run(jail, code).stdout == "1\n"


def test_a_program_has_no_privileges(jail: Jail) -> None:
    status = asyncio.run(status_of_a_sleeping_program(jail))
    for name in ("CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    if is_root() and not jail.user_namespace:
        assert int(status["Uid"].split()[0]) > 0x6FFFFFFF
        assert status["Groups"] == ""


async def status_of_a_sleeping_program(jail: Jail) -> dict[str, str]:
    """What the kernel says about a program that has been started (it is at sleep once it has used its own threads)."""
    task = asyncio.create_task(jail.run("import time\ntime.sleep(60)", Limits(seconds=60)))
    try:
        for _ in range(500):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(OSError, psutil.Error, IndexError):
                    if child.cmdline()[0] == "/python/bin/python" and child.children() == [] and child.num_fds() == 3:
                        lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
                        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
            await asyncio.sleep(0.01)
        raise AssertionError("no program was seen")
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# ---------------------------------------------------------------- network


def test_no_network_of_any_family(jail: Jail, tmp_path: Path) -> None:
    path = str(tmp_path / "listener")
    name = f"agentflow-{os.getpid()}"
    with contextlib.ExitStack() as stack:

        def listening(family: int, kind: int, address: object) -> socket.socket:
            listener = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)  # type: ignore[arg-type]
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            return listener

        tcp = listening(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        udp = listening(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        with contextlib.suppress(OSError):  # a machine without IPv6
            listening(socket.AF_INET6, socket.SOCK_STREAM, ("::1", tcp.getsockname()[1]))
        abstract = listening(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}")
        listening(socket.AF_UNIX, socket.SOCK_STREAM, path)
        code = (
            ATTEMPT
            + f"ports = {tcp.getsockname()[1]}, {udp.getsockname()[1]}\npath, name = {path!r}, {name!r}\n"
            + """
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        client.connect(address)

def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", address)

attempt("tcp", connect, socket.AF_INET, ("127.0.0.1", ports[0]))
attempt("tcp6", connect, socket.AF_INET6, ("::1", ports[0]))
attempt("udp", send, ("127.0.0.1", ports[1]))
attempt("abstract", connect, socket.AF_UNIX, "\\0" + name)
attempt("path", connect, socket.AF_UNIX, path)
for family in range(50):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        attempt(f"family {family}", socket.socket, family, kind)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
attempt("pair to abstract", a.sendto, b"x", "\\0" + name)
attempt("pair to path", a.sendto, b"x", path)
attempt("pair connects", a.connect, path)
attempt("names", socket.getaddrinfo, "localhost", 80)
"""
        )
        assert_all_refused(run(jail, code), 5 + 150 + 4)
        for listener in (tcp, abstract):
            with pytest.raises(BlockingIOError):
                listener.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(1)


# ---------------------------------------------------------------- files and environment


def test_host_files_are_not_there(jail: Jail, tmp_path: Path) -> None:
    secret, public = tmp_path / "secret", tmp_path / "public"
    for file, mode in ((secret, 0o600), (public, 0o644)):
        file.write_text("canary")
        file.chmod(mode)
    paths = [
        secret,
        public,
        Path(__file__),
        Path(sys.executable),
        Path.home(),
        Path("/etc"),
        Path("/run"),
        Path("/sys"),
    ]
    code = (
        ATTEMPT
        + f"paths = {[str(path) for path in paths]}\nmark = {str(tmp_path / 'mark')!r}\n"
        + """
for path in paths:
    attempt(path, os.stat, path)
    attempt(path, open, path)
attempt("chmod", os.chmod, paths[1], 0o777)
attempt("utime", os.utime, paths[1], (1, 1))
attempt("link", os.link, paths[1], "link")
os.symlink(paths[0], "symbolic")
attempt("symbolic link", open, "symbolic")
for home in ("", "/dev", "/usr", "/usr/lib", "/python", "/python/bin", "/packages"):
    attempt(home, open, home + "/mark", "w")
attempt("mark", open, mark, "w")
attempt("overwrite", open, os.__file__, "r+")
attempt("remove", os.unlink, os.__file__)
attempt("chmod python", os.chmod, "/python/bin/python", 0o777)
attempt("fifo", os.mkfifo, "fifo")
attempt("device", os.mknod, "device", 0o20666, os.makedev(1, 1))
"""
    )
    assert_all_refused(run(jail, code), 16 + 4 + 8 + 5)
    assert public.stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(tmp_path)) == ["public", "secret"]


def test_the_whole_file_system_is_what_was_bound(jail: Jail) -> None:
    result = run(jail, "import os\nfor d in '/', '/dev', '/tmp', '/packages', '/python': print(sorted(os.listdir(d)))")
    root, devices, private, packages, python = result.stdout.splitlines()
    assert set(eval(root)) <= {"dev", "lib", "lib64", "packages", "python", "tmp", "usr"}
    assert (devices, private) == ("['null']", "['program.py']")
    assert set(eval(packages)) <= {"mpmath", "numpy", "numpy.libs", "sympy"}
    assert set(eval(python)) <= {"bin", "lib", "lib64"}


def test_the_environment_is_empty_of_ours(jail: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-in-the-environment")
    result = run(
        jail, "import os, sys, socket\nprint(os.environ, sys.argv, sys.flags, socket.gethostname(), os.getlogin)"
    )
    assert "canary" not in result.stdout
    assert "OPENBLAS_NUM_THREADS" in result.stdout
    assert socket.gethostname() not in result.stdout


def test_only_the_three_standard_descriptors_are_open(jail: Jail) -> None:
    code = """
import os

def is_open(descriptor):
    try:
        return bool(os.fstat(descriptor))
    except OSError:
        return False

print([descriptor for descriptor in range(5000) if is_open(descriptor)])
"""
    assert run(jail, code).stdout == "[0, 1, 2]\n"


def test_no_state_passes_to_the_next_program(jail: Jail) -> None:
    run(jail, "open('left', 'w').write('x')\nimport math\nmath.sqrt = None")
    assert run(jail, "import os, math\nprint(os.listdir(), math.sqrt(4))").stdout == "['program.py'] 2.0\n"
