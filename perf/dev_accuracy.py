"""How often the flow is right, beside the same model answering alone.

    python perf/dev_accuracy.py DATA_FOLDER --out FOLDER [--split dev|train] [--modes flow,alone] [--num-each 20]
        [--engine local:qwen2.5-coder-1.5b] [--corpus FILE.jsonl.gz] [--concurrency 8] [--set name=value]

60 items: 20 of GSM8K, 20 of Game of 24, 20 of HotpotQA. Prompts are tuned on `train` and measured on `dev`. The records
go to FOLDER, one line an item, as they are finished: a second run does only what is missing. The model alone gets the
question, reasons, and then says its answer, greedily, in the same engine.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from dev_items import SPLITS, train_items

from agentflow.assemble import Engines, open_flow
from agentflow.cli.settings import read_settings
from agentflow.config import Config
from agentflow.scoring import score
from agentflow.types import Engine, Message, Sampling, Task, Trajectory

REASON = "Reason step by step in a few sentences or equations, then give the answer."
SAY_IT = (
    "Now write the answer alone and nothing else, as short as can be: a name, a number, a date, yes or no, or an "
    "expression."
)


async def answer_alone(engine: Engine, task: Task) -> dict[str, object]:
    """Two calls: it reasons, then says its answer shortly. In one call it either does not reason or is not short."""
    asked = [Message(role="system", content=REASON), Message(role="user", content=task.question)]
    reasoned = await engine.complete(asked, Sampling(temperature=0.0, max_tokens=900))
    again = [*asked, Message(role="assistant", content=reasoned.text), Message(role="user", content=SAY_IT)]
    said = await engine.complete(again, Sampling(temperature=0.0, max_tokens=100))
    answer = read_alone(said.text)
    return {
        "answer": answer,
        "outcome": "answered" if answer else "policy_error",
        "tokens": reasoned.usage.total_tokens + said.usage.total_tokens,
        "text": reasoned.text,
    }


def read_alone(text: str) -> str:
    """What was said, without the words before it.

    >>> read_alone("**Answer:** 4")
    '4'
    """
    return re.sub(r"^(the )?(final )?answer( is)?:?\s*", "", text.replace("**", "").strip(), flags=re.IGNORECASE)


def flow_record(trajectory: Trajectory) -> dict[str, object]:
    return {
        "answer": trajectory.answer,
        "outcome": trajectory.outcome,
        "error": trajectory.error,
        "tokens": trajectory.usage.total_tokens,
        "turns": len(trajectory.turns),
        "tools": [turn.action.tool if turn.action else None for turn in trajectory.turns],
        "statuses": [turn.status for turn in trajectory.turns],
    }


async def run(mode: str, tasks: list[Task], config: Config, out: Path, concurrency: int) -> None:
    """Solve what the file does not have yet; a failure of one item is a record and not the end."""
    done = {record["id"] for record in read_records(out)}
    gate = asyncio.Semaphore(concurrency)
    with out.open("a", encoding="utf-8") as file:

        def write(task: Task, record: dict[str, object], seconds: float) -> None:
            reward = score(task, str(record["answer"]))
            line = {"id": task.id, "source": task.source, "reward": reward, "seconds": round(seconds, 1), **record}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{mode} {task.id} {reward:.0f} {record['answer']!r} {seconds:.0f} s", file=sys.stderr, flush=True)

        missing = [task for task in tasks if task.id not in done]
        if mode == "alone":
            engines = Engines(config)
            engine = engines.get(config.engine)

            async def one(task: Task) -> None:
                async with gate:
                    started = time.monotonic()
                    write(task, await answer_alone(engine, task), time.monotonic() - started)

            await asyncio.gather(*map(one, missing))
            await engines.close()
            return
        async with open_flow(config, notice=lambda line: print(line, file=sys.stderr)) as flow:

            async def solve(task: Task) -> None:
                async with gate:
                    trajectory = await flow.solve(task)
                    write(task, flow_record(trajectory), trajectory.seconds)

            await asyncio.gather(*map(solve, missing))


def read_records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def report(mode: str, path: Path) -> None:
    records = read_records(path)
    by_source: dict[str, list[float]] = {}
    for record in records:
        by_source.setdefault(str(record["source"]), []).append(float(str(record["reward"])))
    parts = [f"{source} {sum(rewards):.0f}/{len(rewards)}" for source, rewards in sorted(by_source.items())]
    total = sum(float(str(record["reward"])) for record in records)
    outcomes = dict(Counter(str(record["outcome"]) for record in records))
    print(f"{mode}: {total:.0f}/{len(records)} right; {', '.join(parts)}; outcomes {outcomes}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=sorted(SPLITS), default="dev")
    parser.add_argument("--modes", default="alone,flow")
    parser.add_argument("--num-each", type=int, default=20)
    parser.add_argument("--sources", default="")
    parser.add_argument("--engine", default="local:qwen2.5-coder-1.5b")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    data = arguments.data_folder
    tasks = train_items(data, arguments.num_each) if arguments.split == "train" else SPLITS["dev"](data)
    if arguments.sources:
        tasks = [task for task in tasks if task.source in arguments.sources.split(",")]
    flags: dict[str, object] = {
        "engine": arguments.engine,
        "tools.wikipedia_search.corpus": str(arguments.corpus or data / "corpus/wiki_pool.jsonl.gz"),
        "budget.max_seconds": 3600,  # many questions share the cores
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for mode in arguments.modes.split(","):
        path = arguments.out / f"{arguments.split}-{mode}.jsonl"
        flags["trace"] = str(arguments.out / f"{arguments.split}-{mode}-trace.jsonl")
        config = read_settings(None, arguments.set, flags)
        asyncio.run(run(mode, tasks, config, path, arguments.concurrency))
        report(mode, path)


if __name__ == "__main__":
    main()
