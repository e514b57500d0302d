"""The sandbox from the inside and from the outside. Every attack aims at something that the test itself made."""

import asyncio
import contextlib
import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from agentflow.errors import InfraError, ToolUnavailable
from agentflow.tools.sandbox import Limits, SandboxResult, SandboxStatus, availability, seccomp, syscalls, working_jail
from agentflow.tools.sandbox.capture import HeadAndTail
from agentflow.tools.sandbox.jail import Jail, is_root
from agentflow.tools.sandbox.layout import Layout
from agentflow.tools.sandbox.process import Descriptors, execute
from agentflow.tools.sandbox.seccomp import ALLOW, FAIL_WITH, KILL_PROCESS, Architecture, Instruction

try:
    JAIL: Jail | None = working_jail()[0]
except ToolUnavailable as error:
    JAIL = None
    WHY_NOT = str(error)
needs_jail = pytest.mark.skipif(JAIL is None, reason="no sandbox works on this machine")


def jails() -> list[str]:
    """Root tests both ways in which a program is made an ordinary user."""
    return ["as everybody", "in a user namespace"] if is_root() else ["as everybody"]


@pytest.fixture(params=jails())
def jail(request: pytest.FixtureRequest) -> Jail:
    if JAIL is None:
        pytest.skip(WHY_NOT)
    return replace(JAIL, user_namespace=True) if request.param == "in a user namespace" else JAIL


@pytest.fixture(scope="module", autouse=True)
def orphans_come_to_us() -> Iterator[None]:
    """Whatever loses its parent becomes our child, so that it can not escape our notice."""
    set_child_subreaper, libc = 36, ctypes.CDLL(None)
    libc.prctl(set_child_subreaper, 1, 0, 0, 0)
    yield
    libc.prctl(set_child_subreaper, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(
    orphans_come_to_us: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No process, descriptor or temporary file, whatever the test did."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    before = footprint()
    yield
    deadline = time.monotonic() + 2
    while footprint() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert footprint() == before


def footprint() -> tuple[list[int], list[str], list[str]]:
    living = []
    for pid in (int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()):
        if " Z " in Path(f"/proc/{pid}/stat").read_text():  # an orphan that died with us as its new parent
            os.waitpid(pid, os.WNOHANG)
        else:
            living.append(pid)
    return sorted(living), sorted(os.listdir("/proc/self/fd")), sorted(os.listdir(tempfile.gettempdir()))


def run(jail: Jail, code: str, seconds: float = 10, memory_mib: int = 1024) -> SandboxResult:
    return asyncio.run(jail.run(code, Limits(seconds=seconds, memory_mib=memory_mib)))


ATTEMPT = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, action, *arguments):
    try:
        print(name, "GOT THROUGH", repr(action(*arguments))[:100])
    except Exception as error:
        print(name, "refused", type(error).__name__)

def system_call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    if result < 0 and ctypes.get_errno() in (1, 13, 38):
        raise PermissionError(ctypes.get_errno())
    return result, ctypes.get_errno()
"""


def assert_all_refused(result: SandboxResult, attempts: int) -> None:
    assert "GOT THROUGH" not in result.stdout, result.stdout
    assert result.stdout.count(" refused ") == attempts, result


# ---------------------------------------------------------------- programs that mean well


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(6 * 7)", "42"),
        ("6 * 7", "42"),
        ("x = 'a'\nx", "'a'"),
        ("print(1)\n2", "1\n2"),
        ("import sys\nsys.stdout.write('42')", "42"),
        ("import sys\nsys.stdout.buffer.write(b'42')", "42"),
        ("def main():\n    print(1)\n    return 2\nmain()", "1"),
        ("[].append(1)", ""),
        ("", ""),
        ("x = 3", ""),
        ("def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nprint(f(20))", "2432902008176640000"),
        ("def f():\n    import math\n    return math.comb(5, 2)\nprint(f())", "10"),
        ("base = 2\nprint([base ** n for n in range(4)])", "[1, 2, 4, 8]"),
        ("if __name__ == '__main__':\n    print('main')", "main"),
        ("import sys\nprint('out')\nsys.exit()", "out"),
        ("import sys\nprint('out')\nsys.exit(0)", "out"),
        ("print('out')\nexit()", "out"),
        ("print(len(str(2 ** 20000)))", "6021"),
        ("try:\n    input()\nexcept EOFError as error:\n    print(error)", "EOF when reading a line"),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nprint(asyncio.run(f()))", "5"),
        ("import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()\nt.join()", "thread"),
        ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", "A"),
        ("import tempfile\nwith tempfile.TemporaryFile() as f:\n    print(f.write(b'abc'))", "3"),
        ("import atexit\natexit.register(print, 'bye')\nprint('hello')", "hello\nbye"),
        ("import sys\nprint(sys.argv, __file__)", "['program.py'] program.py"),
        ("print('\\ud800', '\u00e9')", "\\ud800 é"),
        ("import os\nos.write(1, b'\\xff\\n')\nNone", "\\xff"),
        ("\ufeffprint('byte order mark')", "byte order mark"),
        ("print('a')\r\nprint('b')", "a\nb"),
        ("import decimal, fractions, ssl, sqlite3, zlib, lzma, bz2, ctypes, hashlib\nprint('all')", "all"),
        ("print(sorted({'b', 'a', 'c'}), hash('a') == hash('a'))", "['a', 'b', 'c'] True"),
    ],
)
@needs_jail
def test_normal_python_works(code: str, printed: str) -> None:
    assert JAIL is not None
    result = run(JAIL, code)
    assert (result.status, result.stdout.rstrip("\n"), result.stderr) == (SandboxStatus.OK, printed, "")


def test_what_a_result_says_about_itself(jail: Jail) -> None:
    result = run(jail, "sum(range(3_000_000))")
    assert result.tier == "bubblewrap"
    assert result.cpu_seconds is not None
    assert 0.01 < result.cpu_seconds < 5
    assert 0 < result.wall_seconds < 5
    assert result.signal == ""


def test_numpy_and_sympy(jail: Jail) -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("sympy")
    result = run(jail, "import numpy, sympy\nx = sympy.Symbol('x')\nprint(numpy.arange(3).sum(), sympy.diff(x**3, x))")
    assert (result.status, result.stdout) == (SandboxStatus.OK, "3 3*x**2\n")


def test_the_same_program_prints_the_same_set(jail: Jail) -> None:
    code = "print({str(n) for n in range(20)})"
    assert run(jail, code).stdout == run(jail, code).stdout


# ---------------------------------------------------------------- programs that fail


def test_a_traceback_shows_the_program_and_nothing_else(jail: Jail) -> None:
    code = "import json\n\ndef read(text):\n    return json.loads(text)\n\nread('{')\n"
    result = run(jail, code)
    assert result.status is SandboxStatus.ERROR
    assert result.stderr == (
        "Traceback (most recent call last):\n"
        '  File "program.py", line 6, in <module>\n'
        "    read('{')\n"
        '  File "program.py", line 4, in read\n'
        "    return json.loads(text)\n"
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
    )


def test_a_traceback_shows_what_came_before(jail: Jail) -> None:
    result = run(jail, "try:\n    1 / 0\nexcept ZeroDivisionError:\n    [][0]")
    assert "ZeroDivisionError" in result.stderr
    assert "Then this happened" in result.stderr
    assert result.stderr.rstrip().endswith("IndexError: list index out of range")


def test_a_traceback_of_a_deep_recursion_is_short(jail: Jail) -> None:
    result = run(jail, "def f(n):\n    return f(n + 1)\nf(0)")
    assert "RecursionError" in result.stderr
    assert len(result.stderr) < 1500


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(1", "SyntaxError: '(' was never closed"),
        ("x = '\ud800'", "SyntaxError"),
        ("x = 1\0", "SyntaxError"),
        ("(" * 5000, "SyntaxError"),
        ("-" * 500_000 + "1", "SyntaxError"),
        ("x = 1\n" * 2_000_000, "SyntaxError: the program is longer than 1048576 bytes"),
        ("import sys\nsys.exit('no solution')", "no solution"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("input()", "EOFError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("import pydantic", "ModuleNotFoundError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "E: <exception str() failed>"),
        ("import os\nos._exit(7)", ""),
    ],
)
@needs_jail
def test_a_program_that_fails_is_an_error_and_not_an_exception(code: str, said: str) -> None:
    assert JAIL is not None
    result = run(JAIL, code)
    assert result.status is SandboxStatus.ERROR
    assert said in result.stderr
    assert len(result.stderr) < 3000


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_crash_is_told_by_its_signal(jail: Jail, code: str, signal: str) -> None:
    result = run(jail, "print('before')\n" + code)
    assert (result.status, result.signal, result.stdout) == (SandboxStatus.CRASHED, signal, "before\n")


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
        "import signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except Exception: pass\n"
        "while True: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
        "import atexit, time\n_ = atexit.register(time.sleep, 60)",
        "class Slow:\n  def __repr__(self):\n    while True: pass\nSlow()",
    ],
)
@needs_jail
def test_time_is_up_whatever_the_program_does(code: str) -> None:
    assert JAIL is not None
    begun = time.monotonic()
    result = run(JAIL, "print('so far')\n" + code, seconds=0.4)
    assert (result.status, result.stdout) == (SandboxStatus.TIMED_OUT, "so far\n")
    assert time.monotonic() - begun < 5


def test_cpu_time_is_limited_too(jail: Jail) -> None:
    assert run(jail, "import resource\nresource.getrlimit(resource.RLIMIT_CPU)", seconds=1.5).stdout == "(2, 3)\n"
    result = run(jail, "import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)")
    assert (result.status, result.signal) == (SandboxStatus.TIMED_OUT, "")


@pytest.mark.parametrize(
    "code",
    [
        "kept = []\nwhile True: kept.append(bytearray(64 << 20))",
        "import mmap\nkept = []\nwhile True:\n  try: kept.append(mmap.mmap(-1, 64 << 20))\n"
        "  except OSError: raise MemoryError",
        "bytearray(100 << 30)",
    ],
)
def test_memory_is_limited(jail: Jail, code: str) -> None:
    result = run(jail, code, memory_mib=256)
    assert result.status is SandboxStatus.OUT_OF_MEMORY
    assert "MemoryError" in result.stderr


def test_memory_behind_descriptors_is_limited(jail: Jail) -> None:
    code = ATTEMPT + "attempt('memfd', os.memfd_create, 'x')\nattempt('shm', open, '/dev/shm/x', 'w')"
    assert_all_refused(run(jail, code), 2)


def test_the_private_directory_is_limited(jail: Jail) -> None:
    code = """
written = 0
try:
    for number in range(200):
        with open(f"file{number}", "wb") as file:
            written += file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno, 32 << 20 < written < 65 << 20)
"""
    assert run(jail, code).stdout == f"{errno.ENOSPC} True\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_of_output_stops_the_program(jail: Jail, stream: str) -> None:
    result = run(jail, f"import sys\nwhile True: sys.{stream}.write('x' * 1000 + '\\n')")
    assert result.status is SandboxStatus.OUTPUT_LIMIT
    assert len(getattr(result, stream)) < 70_000
    assert "bytes left out" in getattr(result, stream)


def test_much_output_keeps_head_and_tail(jail: Jail) -> None:
    result = run(jail, "print('first')\nprint('x\\n' * 100_000)\nprint('last')")
    assert result.status is SandboxStatus.OK
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert len(result.stdout) < 70_000


def test_a_huge_exception_is_cut(jail: Jail) -> None:
    result = run(jail, "raise ValueError('A' * (80 << 20))")
    assert result.status is SandboxStatus.ERROR
    assert len(result.stderr) < 30_000


# ---------------------------------------------------------------- processes


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


# ---------------------------------------------------------------- system calls


# By name, number on x86-64 and on aarch64; each call here would reach beyond the jail or hide memory.
DANGEROUS = {
    **syscalls.REFUSED,
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "memfd_secret": (447, 447),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "kcmp": (312, 272),
    "personality": (135, 92),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "setpriority": (141, 140),
    "setns": (308, 268),
    "seccomp": (317, 277),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "syslog": (103, 116),
    "clock_settime": (227, 112),
    "mlock": (149, 228),
    "fanotify_init": (300, 262),
    "inotify_init1": (294, 26),
    "landlock_create_ruleset": (444, 444),
    "execveat": (322, 281),
    "capset": (126, 91),
    "sync": (162, 81),
    "chown": (92, None),
    "fchownat": (260, 54),
    "setsid": (112, 157),
    "setuid": (105, 146),
    "clone3": (435, 435),
}


def test_dangerous_system_calls_do_not_reach_the_kernel(jail: Jail) -> None:
    column = seccomp.ARCHITECTURES.index(os.uname().machine)
    numbers = [(name, pair[column]) for name, pair in DANGEROUS.items() if pair[column] is not None]
    code = ATTEMPT + f"for name, number in {numbers}: attempt(name, system_call, number, 0, 0, 0, 0, 0, 0)\n"
    assert_all_refused(run(jail, code), len(numbers))


NEW_USER_NAMESPACE, THREAD, VFORK_FLAGS = 0x10000000, 0x00010000, 0x00004111


def answer(program: list[Instruction], architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would make of a call: an interpreter for the handful of BPF instructions that we use."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    accumulator, position = 0, 0
    while True:
        code, constant, if_true, if_false = program[position]
        position += 1
        match code:
            case seccomp.RETURN:
                return constant
            case seccomp.LOAD:
                accumulator = struct.unpack_from("<I", data, constant)[0]
                continue
            case seccomp.EQUAL:
                holds = accumulator == constant
            case seccomp.GREATER_OR_EQUAL:
                holds = accumulator >= constant
            case seccomp.BITS_SET:
                holds = bool(accumulator & constant)
            case _:
                raise AssertionError(f"unknown instruction {code}")
        position += if_true if holds else if_false


@pytest.mark.parametrize("architecture", seccomp.ARCHITECTURES)
def test_the_filter_on_both_architectures(architecture: Architecture) -> None:
    program = seccomp.instructions(architecture)
    ours = seccomp.AUDIT_ARCHITECTURE[architecture]
    column = seccomp.ARCHITECTURES.index(architecture)
    refused, unknown = FAIL_WITH | errno.EPERM, FAIL_WITH | errno.ENOSYS
    assert all(i.if_true < 256 and i.if_false < 256 for i in program)
    assert len(program) < 4096
    for numbers in syscalls.ALLOWED.values():
        number = numbers[column]
        assert number is None or answer(program, ours, number) == ALLOW
    for name, pair in DANGEROUS.items():
        number = pair[column]
        wanted = refused if name in syscalls.REFUSED else unknown
        assert number is None or answer(program, ours, number) == wanted, name
    clone = syscalls.CLONE[column]
    assert clone is not None
    assert answer(program, ours, clone, THREAD) == ALLOW
    assert answer(program, ours, clone, 17) == refused
    assert answer(program, ours, clone, VFORK_FLAGS) == refused
    assert answer(program, ours, clone, THREAD | NEW_USER_NAMESPACE) == refused
    for call, index, good, bad in (
        (syscalls.SOCKETPAIR, 0, socket.AF_UNIX, socket.AF_INET),
        (syscalls.IOCTL, 1, 0x5401, 0x5412),
        (syscalls.PRCTL, 0, 15, 22),
        (syscalls.PRLIMIT64, 0, 0, 1),
        (syscalls.SCHED_SETAFFINITY, 0, 0, 1),
    ):
        number = call[column]
        assert number is not None
        assert answer(program, ours, number, *[0] * index, good) == ALLOW
        assert answer(program, ours, number, *[0] * index, bad) == refused
    assert answer(program, ours ^ 1, 0) == KILL_PROCESS
    assert answer(program, ours, 0x40000000) == KILL_PROCESS
    assert answer(program, ours, 9999) == unknown


@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
)
def test_system_call_numbers_are_those_of_the_kernel(header: str, column: int) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    lines = [line.split() for line in Path(header).read_text().splitlines() if line.startswith("#define __NR")]
    kernel = {line[1].removeprefix("__NR3264_").removeprefix("__NR_"): line[2] for line in lines if line[-1].isdigit()}
    tables = {**syscalls.ALLOWED, **syscalls.REFUSED, "clone": syscalls.CLONE, "prlimit64": syscalls.PRLIMIT64}
    tables |= {"ioctl": syscalls.IOCTL, "prctl": syscalls.PRCTL, "socketpair": syscalls.SOCKETPAIR}
    for name, numbers in {**tables, "sched_setaffinity": syscalls.SCHED_SETAFFINITY}.items():
        generic = "fstatat" if column and name == "newfstatat" else name
        assert kernel.get(generic) == (None if numbers[column] is None else str(numbers[column])), name


# ---------------------------------------------------------------- the world around


def test_a_queue_costs_no_time(jail: Jail) -> None:
    async def many() -> list[SandboxResult]:
        crowd = 4 * len(os.sched_getaffinity(0))
        limits = Limits(seconds=1.5)
        return await asyncio.gather(*(jail.run("import time\ntime.sleep(0.5)", limits) for _ in range(crowd)))

    assert {result.status for result in asyncio.run(many())} == {SandboxStatus.OK}


def test_the_event_loop_goes_on(jail: Jail) -> None:
    async def longest_pause() -> float:
        task = asyncio.create_task(jail.run("while True: print('x' * 1000)", Limits(seconds=1, output_bytes=1 << 40)))
        pauses, last = [], time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            pauses.append(time.monotonic() - last)
            last = time.monotonic()
        return max(pauses)

    assert asyncio.run(longest_pause()) < 0.7


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.3])
def test_cancelling_ends_the_program(jail: Jail, seconds: float) -> None:
    async def cancelled() -> float:
        task = asyncio.create_task(jail.run("while True: pass", Limits(seconds=60)))
        await asyncio.sleep(seconds)
        task.cancel()
        begun = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(cancelled()) < 2


def test_a_loop_that_ends_takes_its_programs_along(jail: Jail) -> None:
    async def abandon() -> set[asyncio.Task[SandboxResult]]:
        tasks = {asyncio.create_task(jail.run("while True: pass", Limits(seconds=60))) for _ in range(2)}
        await asyncio.sleep(0.2)
        return tasks

    assert all(task.cancelled() for task in asyncio.run(abandon()))


def test_our_sudden_death_takes_the_program_along(jail: Jail) -> None:
    code = f"""
import asyncio
from agentflow.tools.sandbox.contract import Limits
from agentflow.tools.sandbox.jail import Jail
asyncio.run(Jail({jail.bubblewrap!r}, user_namespace={jail.user_namespace}).run("while True: pass", Limits(seconds=60)))
"""

    def programs() -> list[int]:
        children = psutil.Process().children(recursive=True)
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in children if child.cmdline()[:1] == ["/python/bin/python"]]
        return []

    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until(programs)
        process.kill()
    wait_until(lambda: not programs())


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_holds_the_output_does_not_hold_us() -> None:
    def shell(descriptors: Descriptors) -> list[str]:
        return ["/bin/sh", "-c", f"printf x > /dev/fd/{descriptors.started}; sleep 20 & echo $!"]

    begun = time.monotonic()
    ended = asyncio.run(execute(shell, stdin=b"", seccomp=b"", limits=Limits()))
    assert time.monotonic() - begun < 3
    assert (ended.started, ended.stopped_for, ended.exit_status) == (True, None, 0)
    os.kill(int(ended.stdout.text()), 9)


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@needs_jail
def test_a_jail_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    assert JAIL is not None
    tried = tmp_path / "tried"
    fake = script(
        tmp_path / "bwrap", f'[ -e {tried} ] && exec {JAIL.bubblewrap} "$@"\ntouch {tried}\necho no luck >&2\nexit 1'
    )
    assert run(replace(JAIL, bubblewrap=fake), "print(1)").stdout == "1\n"


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$"])
def test_a_jail_that_never_starts_is_the_worlds_mistake(tmp_path: Path, end: str) -> None:
    fake = script(tmp_path / "bwrap", f"echo tried >> {tmp_path}/log\necho no namespaces today >&2\n{end}")
    with pytest.raises(InfraError, match="no namespaces today"):
        run(Jail(fake), "print(1)")
    assert (tmp_path / "log").read_text() == "tried\ntried\n"


def test_no_bubblewrap_at_all_is_the_worlds_mistake(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="No such file"):
        run(Jail(str(tmp_path / "bwrap")), "print(1)")


# ---------------------------------------------------------------- the trial at start


def test_the_trial_passes_here(jail: Jail) -> None:
    findings = asyncio.run(availability.try_out(jail))
    assert findings.broken == ()


@pytest.fixture
def quick_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "PACKAGES", {})


@pytest.mark.usefixtures("quick_trial")
def test_the_trial_notices_a_missing_filter(jail: Jail, tmp_path: Path) -> None:
    without = (
        "for a; do shift\n"
        'if [ "$skip" ]; then skip=; elif [ "$a" = --seccomp ]; then skip=1; else set -- "$@" "$a"; fi\n'
        f'done\nexec {jail.bubblewrap} "$@"'
    )
    leaky = replace(jail, bubblewrap=script(tmp_path / "bwrap", without))
    assert set(asyncio.run(availability.try_out(leaky)).broken) == {"no network", "no second process"}


@pytest.mark.usefixtures("quick_trial")
@pytest.mark.parametrize(
    ("arguments", "broken"),
    [
        (
            ("--perms", "0755", "--dir", "/etc", "--ro-bind", "/etc/passwd", "/etc/passwd"),
            {"root", "the accounts are hidden"},
        ),
        (("--ro-bind", "/", "/host"), {"root"}),
        (("--setenv", "OPENAI_API_KEY", "x"), {"environment"}),
        (("--perms", "0777", "--tmpfs", "/packages"), {"packages are read-only"}),
    ],
)
def test_the_trial_notices_an_open_door(jail: Jail, arguments: tuple[str, ...], broken: set[str]) -> None:
    leaky = replace(jail, layout=Layout((*jail.layout.arguments, *arguments)))
    assert set(asyncio.run(availability.try_out(leaky)).broken) == broken


def test_the_trial_notices_an_interpreter_that_does_not_start(jail: Jail) -> None:
    arguments = (*jail.layout.arguments, "--tmpfs", "/python/lib")
    with pytest.raises(InfraError):
        asyncio.run(availability.try_out(replace(jail, layout=Layout(arguments))))


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("bwrap: Unknown option --disable-userns", "bubblewrap 0.8 or newer"),
        ("bwrap: Creating new namespace failed: Operation not permitted", "sysctl|in a container"),
        ("bwrap: something else", "sysctl|by hand"),
    ],
)
def test_no_namespaces_is_said_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    script(tmp_path / "bwrap", f"echo '{said}' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    availability.working_jail.cache_clear()
    with pytest.raises(ToolUnavailable, match=remedy) as error:
        working_jail()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_no_bubblewrap_is_said_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    availability.working_jail.cache_clear()
    with pytest.raises(ToolUnavailable, match="apt install bubblewrap"):
        working_jail()


def test_machines_without_a_jail_are_told_so() -> None:
    assert "Linux" in availability.unsuitable("Darwin", "arm64", None)
    assert "WSL" in availability.unsuitable("Windows", "AMD64", None)
    assert "riscv64" in availability.unsuitable("Linux", "riscv64", "/usr/bin/bwrap")


@needs_jail
def test_a_jail_opens_within_a_running_loop() -> None:
    async def open_it() -> Jail:
        return working_jail()[0]

    availability.working_jail.cache_clear()
    assert asyncio.run(open_it()) is working_jail()[0]


def test_packages_that_were_never_compiled_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "freshly_installed").mkdir()
    (tmp_path / "freshly_installed" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert availability.never_compiled("freshly_installed")
    subprocess.run([sys.executable, "-c", "import freshly_installed"], env={"PYTHONPATH": str(tmp_path)}, check=True)
    assert not availability.never_compiled("freshly_installed")


# ---------------------------------------------------------------- what is kept of the output


@pytest.mark.parametrize("limit", [2, 7, 64, 1000])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_head_and_tail_never_hold_more_than_the_limit(limit: int, size: int) -> None:
    kept = HeadAndTail(limit)
    data = bytes(range(65, 90)) * 20
    for start in range(0, len(data), size):
        kept.add(data[start : start + size])
    assert kept.total == len(data)
    text = kept.text()
    if limit >= len(data):
        assert text.encode() == data
    else:
        head, _, tail = text.split("\n")
        assert head.encode() == data[: limit // 2]
        assert tail.encode() == data[-(limit - limit // 2) :]


@pytest.mark.parametrize("limit", range(6, 14))
def test_a_cut_does_not_leave_half_a_character(limit: int) -> None:
    kept = HeadAndTail(limit)
    kept.add("€𝄞é".encode() * 10)
    assert "\\x" not in kept.text()
