"""The commands, and what an error becomes: exit code 2 for the user's mistake, 1 for the world's, 130 for Ctrl-C.

SIGTERM in the middle of a solve is treated as Ctrl-C, with exit code 143: see `solving.py`.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError, UnusedCliTokensError
from rich.console import Console
from rich.text import Text

from agentflow.cli.commands.evaluate import blame, compare, evaluate, leakage, report, rescore
from agentflow.cli.commands.solve import config, demo, list_tools, sandbox, show, solve
from agentflow.cli.commands.stores import corpus, models, recordings
from agentflow.cli.commands.train import train
from agentflow.errors import AgentFlowError, ConfigError, UnknownName

app = App(
    name="agentflow",
    help="Four agents, one memory, real tools: answers questions in turns, on a model that runs here.",
    version=lambda: version("agentflow-grpo"),
    suppress_keyboard_interrupt=False,
)
for group in (sandbox, models, corpus, config, train, recordings):
    app.command(group)
for command in (solve, demo, show, report, blame, leakage, rescore, compare):
    app.command(command)
app.command(list_tools, name="tools")
app.command(evaluate, name="eval")


def _explain(error: Exception) -> str:
    """Words that nobody takes are a mistyped command, or a text without its quotes."""
    if not isinstance(error, UnusedCliTokensError):
        return str(error)
    words = error.unused_tokens or []
    known = [name for name in error.app or () if not name.startswith("-")]
    if known:
        return str(UnknownName("command", words[0], known))
    many = "one word" if len(words) == 1 else f"{len(words)} words"
    return f"{many} too many: {', '.join(map(repr, words))}: put words that belong together in quotes"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command (that of this process, or of `arguments`) and exit with its code."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (AgentFlowError, CycloptsError, OSError) as error:
        errors.print(Text.assemble(("error: ", "bold red"), _explain(error)))
        code = 2 if isinstance(error, ConfigError | CycloptsError) else 1
    except KeyboardInterrupt:
        errors.print("[yellow]interrupted[/]")
        code = 130
    sys.exit(code)
