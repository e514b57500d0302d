"""Probes: no program reaches the host, its network, other processes or the next program."""

import contextlib
import os
import secrets
import socket
import tempfile
from pathlib import Path

from agentflow.tools.sandbox import syscalls
from agentflow.tools.sandbox.contract import Sandbox, SandboxStatus
from agentflow.tools.sandbox.self_check.aims import ENVIRONMENT_CANARY, Aims
from agentflow.tools.sandbox.self_check.attempts import LIMITS, ended, through


async def no_network(sandbox: Sandbox, aims: Aims) -> str:
    ports = {"tcp": aims.tcp.getsockname()[1], "udp": aims.udp.getsockname()[1]}
    names = {"abstract": os.fsdecode(aims.abstract.getsockname()), "path": aims.path.getsockname()}
    letterbox = aims.letterbox.getsockname()
    fault = await through(
        sandbox,
        f"ports, names, letterbox = {ports!r}, {names!r}, {letterbox!r}\n"
        """
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        client.connect(address)

def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", address)

def post(address):
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
        end.sendto(b"x", address)

attempt("tcp", connect, socket.AF_INET, ("127.0.0.1", ports["tcp"]))
attempt("udp", send, ("127.0.0.1", ports["udp"]))
for name, address in names.items():
    attempt(f"unix socket ({name})", connect, socket.AF_UNIX, address)
attempt("unix socket (datagram)", post, letterbox)
for name, family in (("netlink", 16), ("packet", 17), ("alg", 38), ("vsock", 40)):
    attempt(name, socket.socket, family, socket.SOCK_DGRAM)
attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
""",
    )
    return fault or ("a listener was reached" if any(map(was_reached, aims.listeners)) else "")


def was_reached(listening: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        if listening.type == socket.SOCK_STREAM:
            listening.accept()[0].close()
        else:
            listening.recv(1)
        return True
    return False


async def no_host_files(sandbox: Sandbox, aims: Aims) -> str:
    attempts = f"""
attempt("a private file was read", open, {str(aims.secret)!r})
attempt("a file that all may read was read", open, {str(aims.public)!r})
attempt("the folder was listed", os.listdir, {str(aims.folder)!r})
attempt("the accounts were read", open, "/etc/passwd")
attempt("the processes were listed", open, "/proc/1/cmdline")
os.symlink({str(aims.public)!r}, "link")
attempt("a link was followed", open, "link")
try: roots = os.listdir("/")
except OSError: roots = []
for root in roots: attempt(f"the files of the host were read in /{{root}}", open, f"/{{root}}" + {str(aims.public)!r})
"""
    return await through(sandbox, attempts)


async def nothing_is_changed(sandbox: Sandbox, aims: Aims) -> str:
    before = (aims.public.stat().st_mode, aims.public.stat().st_mtime_ns)
    mark = f"mark-{secrets.token_hex(4)}"
    places = [str(aims.folder), tempfile.gettempdir(), "/var/tmp", "/dev/shm", str(Path.home())]  # noqa: S108
    attempts = f"""
for place in {places!r}:
    try: open(os.path.join(place, {mark!r}), "w").close()
    except OSError: pass
attempt("permissions were changed", os.chmod, {str(aims.public)!r}, 0o777)
attempt("a time was changed", os.utime, {str(aims.public)!r}, (1, 1))
attempt("a file was removed", os.unlink, {str(aims.public)!r})
attempt("the standard library was changed", open, os.__file__, "r+")
import sys

def leave(place):
    file = os.path.join(place, {mark!r})
    open(file, "w").close()
    os.unlink(file)

for place in ("/", *sys.path[1:]):
    attempt(f"a file was left in {{place}}", leave, place)
"""
    fault = await through(sandbox, attempts)
    written = [place for place in places if os.path.exists(os.path.join(place, mark))]
    for place in written:
        (Path(place) / mark).unlink()
    changed = not aims.public.exists() or (aims.public.stat().st_mode, aims.public.stat().st_mtime_ns) != before
    return fault or (f"a file was written to {written[0]}" if written else "a file was changed" if changed else "")


async def no_environment(sandbox: Sandbox, _: Aims) -> str:
    attempts = f"""
def shows(text):
    if text not in repr(dict(os.environ)):
        raise KeyError(text)

attempt("a variable of the host", shows, {ENVIRONMENT_CANARY!r})
attempt("the environment of another process", open, "/proc/{os.getpid()}/environ")
"""
    return await through(sandbox, attempts)


async def others_are_safe(sandbox: Sandbox, aims: Aims) -> str:
    attempts = f"""
import resource, signal
libc = ctypes.CDLL(None, use_errno=True)

def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno())

aim = {aims.victim.pid}
attempt("a signal was sent", os.kill, aim, signal.SIGUSR1)
attempt("a process was opened", os.pidfd_open, aim)
attempt("a priority was changed", os.setpriority, os.PRIO_PROCESS, aim, 19)
attempt("a limit was changed", resource.prlimit, aim, resource.RLIMIT_CORE, (0, 0))
attempt("a process was traced", call, libc.ptrace, 16, aim, 0, 0)
attempt("memory was opened", open, f"/proc/{{aim}}/mem", "rb")
"""
    fault = await through(sandbox, attempts)
    return fault or ("the victim is dead" if aims.victim.poll() is not None else "")


async def nothing_passes_on(sandbox: Sandbox, _: Aims) -> str:
    poison = "import math, builtins\nmath.sqrt = None\nbuiltins.print = None\nopen('left', 'w').write('x')"
    await sandbox.run(poison, LIMITS)
    result = await sandbox.run("import math, os\nprint(math.sqrt(4), os.path.exists('left'))", LIMITS)
    return "" if result.stdout == "2.0 False\n" else ended(result)


async def verdict_is_its_own(sandbox: Sandbox, _: Aims) -> str:
    attempts = """
for descriptor in range(3, 4096):
    attempt(f"descriptor {descriptor} is open", os.fstat, descriptor)
"""
    early = await sandbox.run("import os\nprint('{\"status\": 0}', flush=True)\nos._exit(7)", LIMITS)
    return await through(sandbox, attempts) or ("" if early.status is SandboxStatus.ERROR else ended(early))


async def kernel_is_out_of_reach(sandbox: Sandbox, _: Aims) -> str:
    machines = ("x86_64", "aarch64")
    calls = {
        machine: {name: getattr(call, machine) for name, call in syscalls.REFUSED.items() if name != "vfork"}
        for machine in machines
    }
    attempts = f"""
import errno
libc = ctypes.CDLL(None, use_errno=True)

def call(number):
    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    if ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        raise PermissionError

for name, number in {calls!r}[os.uname().machine].items():
    if number is not None and name not in ("fork", "execve", "execveat"):
        ctypes.set_errno(0)
        attempt(name, call, number)
attempt("run another program", os.execv, "/bin/true", ["true"])
"""
    return await through(sandbox, attempts)
