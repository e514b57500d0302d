"""Lines that matter and are no results."""

from rich.console import Console
from rich.text import Text


def notice(line: str, console: Console | None = None) -> None:
    """Print the line on the console, above what moves there; on standard error where none is given."""
    (console or Console(stderr=True)).print(Text(line, style="yellow"), soft_wrap=True)
