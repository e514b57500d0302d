from pathlib import Path

import pytest

from agentflow.cli import main

from ..scripted_team import write_team
from .command import Command, Ended, environment


@pytest.fixture
def agentflow(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process, with its state and cache in the folder of the test."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        code = ended.value.code or 0
        return Ended(int(code), captured.out, captured.err)

    return run


@pytest.fixture
def solve(agentflow: Command, tmp_path: Path) -> Command:
    """Runs `agentflow solve` with a scripted team; keywords are scripts of its modules."""
    return lambda *arguments, **scripts: agentflow(
        "solve", "--config", str(write_team(tmp_path, **scripts)), *arguments
    )
