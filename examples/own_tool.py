"""A tool of your own: a typed async function with a docstring. The planner reads the docstring, the executor the types.

python examples/own_tool.py
python examples/own_tool.py --engine ollama:qwen3:8b "How much are 250 Danish kroner in yen?"
"""

import argparse
import asyncio

from agentflow import Flow, Trajectory, open_engine, tool
from agentflow.errors import ToolError

EUROS = {"EUR": 1.0, "USD": 0.92, "DKK": 0.134, "JPY": 0.0061}  # what one unit is worth, on some day


@tool
async def convert_currency(amount: float, source: str, target: str) -> str:
    """Convert an amount of money from one currency to another, at the rates of today.

    Args:
        amount: How much money.
        source: The currency it is in, as three letters such as EUR.
        target: The currency that is wanted, as three letters.
    """
    unknown = {source, target} - EUROS.keys()
    if unknown:  # the model reads this, and tries again
        raise ToolError(f"no rate for {', '.join(sorted(unknown))}; known: {', '.join(EUROS)}")
    return f"{amount:g} {source} = {amount * EUROS[source] / EUROS[target]:.2f} {target}"


async def answer(question: str, specification: str) -> Trajectory:
    """Solve with one engine for all modules, showing the turns as they come."""
    engine = open_engine(specification)
    try:
        solving = Flow(engine, {convert_currency.name: convert_currency}).solve(question)
        async for turn in solving:
            print(f"turn {turn.index + 1}: {turn.arguments} -> {turn.status}: {turn.result}")
        return await solving
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default="How many US dollars are 40 euros?")
    parser.add_argument("--engine", default="local:qwen2.5-coder-1.5b")
    arguments = parser.parse_args()
    trajectory = asyncio.run(answer(arguments.question, arguments.engine))
    print(f"{trajectory.outcome}: {trajectory.answer}")


if __name__ == "__main__":
    main()
