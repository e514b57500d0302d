"""Many questions at once: one flow, opened once, solves any number of them side by side.

    python examples/many_questions.py
    python examples/many_questions.py --engine openai:gpt-5-mini --set planner.temperature=none questions.txt

The embedded engine batches the calls of all solves. A solve that fails by a server's fault ends with its own outcome
and leaves the others alone.
"""

import argparse
import asyncio
from pathlib import Path

from agentflow import Config, Outcome, Trajectory, open_flow
from agentflow.cli.settings import read_settings

QUESTIONS = ["What is 2**61 - 1?", "How many days are there from 2024-02-10 to 2024-03-10?", "Is 1001 a prime number?"]


async def answer(questions: list[str], config: Config) -> list[Trajectory]:
    """The trajectories, in the order of the questions."""
    async with open_flow(config, notice=print) as flow:
        return await asyncio.gather(*[flow.solve(question) for question in questions])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="a question a line")
    parser.add_argument("--engine", default="local:qwen2.5-coder-1.5b")
    parser.add_argument("--tools", default="python,generalist")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="any setting")
    arguments = parser.parse_args()
    questions = arguments.file.read_text(encoding="utf-8").splitlines() if arguments.file else QUESTIONS
    flags = {"engine": arguments.engine, "tools.enabled": arguments.tools.split(",")}
    trajectories = asyncio.run(answer(questions, read_settings(None, arguments.set, flags)))
    for trajectory in trajectories:
        print(f"{trajectory.outcome:14} {trajectory.answer:20} {trajectory.task.question}")
    answered = sum(trajectory.outcome is Outcome.ANSWERED for trajectory in trajectories)
    print(f"{answered} of {len(trajectories)} answered")


if __name__ == "__main__":
    main()
