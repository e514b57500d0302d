"""The command line: `agentflow solve | demo | show | models | corpus | config`."""

from agentflow.cli.app import main

__all__ = ["main"]
