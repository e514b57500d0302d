"""Tables of what is known by name and what is on disk, and the building of a corpus."""

from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

from agentflow.assets.asset import State
from agentflow.assets.cache import cache_folder
from agentflow.assets.progress import open_progress
from agentflow.engines.models import list_models
from agentflow.tools.corpora import build_corpus, list_corpora

_COLOURS = {State.ON_DISK: "green", State.PARTLY: "yellow", State.ABSENT: "dim"}


def model_table() -> Table:
    """The models of the registry."""
    table = Table(Column("name", no_wrap=True), "size", "licence", "on disk", "what for", title="Models")
    for model in list_models():
        size = f"{model.num_bytes / 1e6:,.0f} MB"
        table.add_row(model.name, size, model.licence, _state(model.state), model.about)
    table.caption = Text(f"Files are kept in {cache_folder('models')}; any path of a .gguf file works as a name too.")
    return table


def corpus_table() -> Table:
    """The corpora of the registry, and those that were built here."""
    table = Table(Column("name", no_wrap=True), "passages", "licence", "on disk", "source", title="Corpora")
    for corpus in list_corpora():
        source = Text(corpus.attribution)
        passages = "" if corpus.num_passages is None else f"{corpus.num_passages:,}"
        table.add_row(Text(corpus.name), passages, Text(corpus.licence), _state(corpus.state), source)
    return table


def build_and_report(file: Path, name: str | None, licence: str, attribution: str) -> int:
    """Build an index and say how to use it."""
    chosen = name or file.name.split(".")[0]
    corpus = build_corpus(file, chosen, licence=licence, attribution=attribution, progress=open_progress())
    print(f"{corpus.manifest.num_passages} passages in the corpus {chosen!r}")
    print(f"use it: agentflow solve QUESTION --set tools.wikipedia_search.corpus={chosen}")
    return 0


def _state(state: State) -> Text:
    return Text(state, _COLOURS[state])
