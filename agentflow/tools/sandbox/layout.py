"""What of the host a jailed program can see: the interpreter, the C libraries and the packages, all read-only.

Everything is bound to a place of its own, so that neither the host's paths nor its user's name show:

    /python     the interpreter and its standard library (without its site-packages)
    /packages   numpy, sympy and what they need
    /usr /lib   shared libraries
    /tmp        the program's own directory, in memory
"""

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from agentflow.errors import ToolUnavailable

PYTHON_HOME = "/python"
PACKAGES_HOME = "/packages"
PRIVATE_DIRECTORY = "/tmp"  # noqa: S108 - a directory of the jail's own
INTERPRETER = f"{PYTHON_HOME}/bin/python"
ENVIRONMENT = {
    "HOME": PRIVATE_DIRECTORY,
    "LANG": "C.UTF-8",
    "LD_LIBRARY_PATH": f"{PYTHON_HOME}/lib",  # an interpreter's own libpython, before a system's of the same name
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": f"{PYTHON_HOME}/bin",
    "PYTHONHASHSEED": "0",  # the same program prints the same sets in the same order
    "PYTHONHOME": PYTHON_HOME,
    "TMPDIR": PRIVATE_DIRECTORY,
}
# What can be imported, and the top-level directories that each of them is made of.
PACKAGES = {"numpy": ("numpy", "numpy.libs"), "sympy": ("sympy", "mpmath")}


@dataclass(frozen=True)
class Layout:
    """bubblewrap's arguments that build the jail's file system, but for the private directory.

    >>> Layout.of_this_interpreter().arguments[:3]
    ('--perms', '0755', '--dir')
    """

    arguments: tuple[str, ...]

    @classmethod
    def of_this_interpreter(cls) -> "Layout":
        """The layout for the interpreter that is running now and the packages it can import."""
        parts = [interpreter(), shared_libraries(), packages(), environment()]
        return cls(tuple(argument for part in parts for argument in part))


def directory(path: str) -> list[str]:
    """A directory that everybody may pass; those that bubblewrap makes on its own way can be root's only."""
    return ["--perms", "0755", "--dir", path]


def read_only(source: Path, target: str) -> list[str]:
    return ["--ro-bind", str(source), target]


def interpreter() -> list[str]:
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib"))
    if not sys.executable or not library.is_relative_to(base):
        raise ToolUnavailable(
            f"this Python ({sys.executable or 'embedded'}) is not laid out as others are: use another"
        )
    home = f"{PYTHON_HOME}/{library.relative_to(base)}"
    arguments = directory(PYTHON_HOME) + directory(f"{PYTHON_HOME}/bin") + directory(os.path.dirname(home))
    arguments += read_only(Path(sys.executable).resolve(), INTERPRETER) + read_only(library, home)
    for name in ("site-packages", "dist-packages"):
        if (library / name).is_dir():
            arguments += ["--perms", "0755", "--tmpfs", f"{home}/{name}"]
    if base != Path("/usr"):  # whose libraries are bound as the system's
        arguments += directory(f"{PYTHON_HOME}/lib")
        for shared in sorted((base / "lib").glob("lib*.so*")):
            arguments += read_only(shared.resolve(), f"{PYTHON_HOME}/lib/{shared.name}")
    return arguments


def shared_libraries() -> list[str]:
    """The directories of shared libraries, and the dynamic loader wherever programs expect it."""
    multiarch = Path("/usr/lib") / (sysconfig.get_config_var("MULTIARCH") or "none")
    wanted = [Path("/usr/lib64"), multiarch if multiarch.is_dir() else Path("/usr/lib")]
    arguments = directory("/usr") + directory("/usr/lib")
    for library in wanted:
        if library.is_dir():
            arguments += read_only(library, str(library))
    for short in (Path("/lib"), Path("/lib64")):
        if short.is_symlink():
            arguments += ["--symlink", f"usr{short}", str(short)]
        elif short.is_dir():
            arguments += read_only(short, str(short))
    if multiarch.is_dir() and Path("/lib").is_symlink():
        for loader in sorted(Path("/usr/lib").glob("ld-*.so*")):  # there on aarch64, in lib64 on x86-64
            arguments += read_only(loader.resolve(), str(loader))
    return [*arguments, "--ro-bind-try", "/usr/share/zoneinfo", "/usr/share/zoneinfo"]


def packages() -> list[str]:
    arguments = directory(PACKAGES_HOME)
    for parts in PACKAGES.values():
        for part in parts:
            home = package_directory(part)
            if home is not None:
                arguments += read_only(home, f"{PACKAGES_HOME}/{part}")
    return arguments


def package_directory(name: str) -> Path | None:
    """Where a top-level package lies, or None. `numpy.libs` is no package: wheels put it beside numpy."""
    package = name.split(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent.with_name(name)
    return home if home.is_dir() else None


def environment() -> list[str]:
    return ["--clearenv", *(part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value))]
