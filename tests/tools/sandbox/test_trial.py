"""The trial at the start: what it notices, and the remedy that it names."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.errors import InfraError, ToolUnavailable
from agentflow.tools.sandbox import availability, working_jail
from agentflow.tools.sandbox.jail import Jail
from agentflow.tools.sandbox.layout import Layout

from .jailed import needs_jail, script


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
