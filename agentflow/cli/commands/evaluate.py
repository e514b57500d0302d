"""Commands that measure: benchmarks, their receipts, and what is read from these."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from agentflow.cli.options import (
    ENGINES,
    ConfigFile,
    Engine,
    FlowName,
    Planner,
    Record,
    Replay,
    Seconds,
    Setting,
    Tools,
    Turns,
    solving_flags,
)
from agentflow.errors import ConfigError


def evaluate(
    benchmarks: Annotated[list[str], Parameter(name="BENCH", negative=(), help="Names of benchmarks.")],
    *,
    data: Annotated[Path | None, Parameter(help="The file of items, or a folder with one for each benchmark.")] = None,
    out: Annotated[Path | None, Parameter(help="Receipt (.jsonl), or a folder of them; default: receipts.")] = None,
    limit: Annotated[int | None, Parameter(validator=Number(gte=1), help="Only so many items, a fixed sample.")] = None,
    trials: Annotated[int, Parameter(validator=Number(gte=1), help="Solves of each item.")] = 1,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1), help="Solves at once.")] = 8,
    seed: Annotated[
        int | None, Parameter(help="What all seeds are drawn from; default: that of the config, or 0.")
    ] = None,
    error_rate: Annotated[
        float, Parameter(validator=Number(gt=0, lte=1), help="Stop when a larger share of the solves failed.")
    ] = 0.5,
    judge: Annotated[str | None, Parameter(group=ENGINES, help="Engine that scores what no rule can.")] = None,
    accept_data: Annotated[
        str | None, Parameter(help="Take a file with this SHA-256 in place of the known one.")
    ] = None,
    check_scorer: Annotated[
        bool, Parameter(negative=(), help="Score the gold answers, and those of other items; solve nothing.")
    ] = False,
    tools: Tools = None,
    engine: Engine = None,
    planner: Planner = None,
    flow: FlowName = None,
    max_turns: Turns = None,
    max_seconds: Seconds = None,
    record: Record = None,
    replay: Replay = None,
    config: ConfigFile = None,
    settings: Setting = None,
) -> int:
    """Run benchmarks, each with a receipt; the same command goes on after an interruption.

    Exit code 0: every item was solved and scored. 1: some failed (the same command tries these again), or too many
    did. 2: a mistake in the command, its settings or its data. 130: interrupted.
    """
    from agentflow.cli.evaluating import check_scorers, open_items, run_eval
    from agentflow.cli.recordings import recording_flags
    from agentflow.cli.settings import read_settings
    from agentflow.evaluation.settings import RunSettings

    chosen = open_items(benchmarks, data, out, accept_data)
    if check_scorer:
        return check_scorers(chosen)
    flags = solving_flags(tools, engine, planner, flow, max_turns, max_seconds) | recording_flags(record, replay)
    resolved = read_settings(config, settings, flags)
    run = RunSettings(
        seed=(resolved.seed or 0) if seed is None else seed,
        trials=trials,
        limit=limit,
        concurrency=concurrency,
        error_rate=error_rate,
    )
    return run_eval(chosen, resolved, run, judge)


def rescore(
    receipts: Annotated[list[Path], Parameter(negative=())],
    *,
    judge: Annotated[str | None, Parameter(help="Engine that judges the answers too: how far do both agree?")] = None,
    config: ConfigFile = None,
    out: Annotated[Path | None, Parameter(help="Write the receipt with today's marks to this new file.")] = None,
) -> int:
    """Score the answers of receipts anew, offline.

    Exit code 1 if any number is not the same to the last digit; with --out, that is what the new file is for.

    Parameters
    ----------
    receipts
        Files that `eval` wrote (.gz too).
    """
    from agentflow.cli.receipts import run_rescore

    return run_rescore(receipts, judge, config, out)


def compare(
    first: Path,
    second: Path,
    *,
    common: Annotated[bool, Parameter(negative=(), help="Only what both ran, where they ran different items.")] = False,
) -> int:
    """Pair the items of two receipts: the difference, its 95 % interval, and McNemar's test.

    Parameters
    ----------
    first, second
        Files that `eval` wrote (.gz too); a positive difference is in favour of the second.
    """
    from agentflow.cli.receipts import run_compare

    return run_compare(first, second, common=common)


def report(
    *receipts: str,
    out: Annotated[Path, Parameter(help="The folder that report.md and report.html are written to.")] = Path("report"),
    metrics: Annotated[
        list[Path] | None, Parameter(help="metrics.jsonl of a training run, for curves over its steps.", negative=())
    ] = None,
) -> int:
    """Write the paper's tables and figures from receipts: Markdown, and one HTML page that needs nothing else.

    The published numbers stand beside ours, marked as such.

    Parameters
    ----------
    receipts
        Receipts or folders of them, each by its path or as NAME=PATH to name the system that it measures.
    """
    from agentflow.cli.reporting import run_report

    if not receipts:
        raise ConfigError("wanted one receipt at least: agentflow report runs/eval --out report")
    return run_report(list(receipts), out, metrics or [])


def blame(
    receipt: Path,
    *,
    swap: Annotated[
        list[str],
        Parameter(help="planner=ENGINE, tools.generalist=ENGINE, tools.NAME.SETTING=VALUE ...", negative=()),
    ],
    out: Annotated[Path, Parameter(help="The folder of the receipts; what is there is not run again.")],
    config: Annotated[
        Path | None, Parameter(help="TOML file; only paths, addresses and keys are taken, which receipts leave out.")
    ] = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1), help="Solves at once.")] = 8,
    judge: Annotated[str | None, Parameter(group=ENGINES, help="Engine that scores what no rule can.")] = None,
) -> int:
    """Run the items that failed again, once for each part swapped for a stronger one: which was the bottleneck?

    One more run swaps nothing. All have the same new seeds, and each swap is compared with the run that swaps nothing:
    what that one puts right, chance did. Exit code 1: some solves failed, or too many did.

    Parameters
    ----------
    receipt
        The receipt of the evaluation, whose settings, trials and attempts are used again.
    """
    from agentflow.cli.blaming import run_blame

    return run_blame(receipt, swap, out, config, concurrency, judge)


def leakage(receipt: Path) -> int:
    """Look for signs that answers came from the benchmark itself, and give the score with and without those items.

    Parameters
    ----------
    receipt
        A receipt, as `eval` writes it.
    """
    from agentflow.cli.reporting import run_leakage

    return run_leakage(receipt)
