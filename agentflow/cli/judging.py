"""The judge that a command line names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentflow.config import Config
from agentflow.engines import open_engine
from agentflow.engines.weights import weights_of
from agentflow.evaluation.privacy import Privacy
from agentflow.evaluation.stand_ins import stand_ins_of
from agentflow.scoring.judge import Judge

VERDICTS = "verdicts.jsonl"  # beside the receipts: what a judge said is not asked for again


@asynccontextmanager
async def opened_judge(specification: str | None, config: Config, folder: Path) -> AsyncIterator[Judge | None]:
    """The judge on an engine, which has the settings of the config; None where none is named.

    Its verdicts are kept in the folder, which is handed on with the receipts: they name it as receipts do.
    """
    if specification is None:
        yield None
        return
    engine = open_engine(specification, settings=config.engines.get(specification, {}))
    try:
        weights = await asyncio.to_thread(weights_of, specification)
        yield Judge(
            engine,
            folder / VERDICTS,
            max_tokens=config.judge.max_tokens,
            weights=weights.sha256 if weights else "",
            name=Privacy(stand_ins_of(specification)).clean(engine.name),
        )
    finally:
        await engine.close()
