"""Commands for what is kept on disk: models, corpora, cassettes."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

models = App(name="models", help="Models with known weights: list them, fetch one.")
corpus = App(name="corpus", help="Collections of passages for wikipedia_search: list them, build or serve one.")
recordings = App(name="recordings", help="Cassettes of tool results: what one holds, several made one.")


@models.default
def list_models() -> int:
    """List the models that are known by name, with what is on disk."""
    from agentflow.cli.listings import model_table

    Console().print(model_table())
    return 0


@models.command(name="get")
def get_model(name: str) -> int:
    """Fetch the weights of a model and print where they are.

    Parameters
    ----------
    name
        A name that `agentflow models` lists.
    """
    from agentflow.engines.models import find_model

    print(find_model(name))
    return 0


@corpus.default
def list_corpora() -> int:
    """List the corpora that are known by name, with what is on disk."""
    from agentflow.cli.listings import corpus_table

    Console().print(corpus_table())
    return 0


@corpus.command(name="build")
def build(
    file: Path,
    *,
    name: Annotated[str | None, Parameter(help="The name to find it by; default: the file's.")] = None,
    licence: Annotated[str, Parameter(show_default=False, help="The licence of the passages: CC-BY-SA-4.0 ...")] = "",
    attribution: Annotated[str, Parameter(show_default=False, help="The line below each result: who wrote them.")] = "",
) -> int:
    """Build a search index over passages.

    Parameters
    ----------
    file
        JSONL or JSONL.gz, one passage a line: {"id": ..., "title": ..., "text": ...}
    """
    from agentflow.cli.listings import build_and_report

    return build_and_report(file, name, licence, attribution)


@corpus.command(name="serve")
def serve(
    name_or_path: str,
    *,
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port; 0 is any free one.")] = 8000,
    public: Annotated[bool, Parameter(negative=(), help="Other machines may ask: --host 0.0.0.0 wants this.")] = False,
) -> int:
    """Serve a corpus by Search-R1's protocol (POST /retrieve), to AgentFlow elsewhere and to other trainers.

    It asks for no key, so that it listens to this machine alone unless told otherwise. Ctrl-C ends it.

    Parameters
    ----------
    name_or_path
        A name that `agentflow corpus` lists, a JSONL file, or the folder of a corpus.
    """
    from agentflow.cli.serving import serve_corpus

    return serve_corpus(name_or_path, host, port, public=public)


@recordings.default
def list_recordings(
    file: Path, *, tool: Annotated[str | None, Parameter(help="List the calls of this tool.")] = None
) -> int:
    """List what a cassette holds: tools, versions, results, and the digest of it all.

    Parameters
    ----------
    file
        A cassette, as `solve --record` writes it.
    """
    from agentflow.cli.recordings import run_list

    return run_list(file, tool)


@recordings.command(name="merge")
def merge_recordings(
    files: Annotated[list[Path], Parameter(negative=())],
    *,
    into: Annotated[Path, Parameter(help="A new file.")],
) -> int:
    """Merge cassettes, such as those of several machines. Exit code 1 if they hold different answers to one call.

    Parameters
    ----------
    files
        Cassettes; where they disagree, the one that is named first is followed.
    """
    from agentflow.cli.recordings import run_merge

    return run_merge(files, into)
