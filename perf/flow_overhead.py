"""What the flow itself costs: many concurrent solves in one process, on engines that only wait.

    python perf/flow_overhead.py
    python perf/flow_overhead.py --solves 100 --turns 3 --profile

Every engine call sleeps for the latency and returns a text that was written before, so that what is left is ours:
prompts, memory, parsing, records. The bars: under 2 ms of processor time a call, under 500 MiB at the peak, with every
trajectory kept until the end.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import sys
import time
from functools import partial
from pathlib import Path

from agentflow.config import Config, load_config
from agentflow.engines import ScriptedEngine
from agentflow.flow import Flow
from agentflow.tools import tool
from agentflow.trace import append_trajectory
from agentflow.types import ModuleName, Trajectory

BAR_MILLISECONDS = 2.0
BAR_MEBIBYTES = 500.0

REPLIES: dict[ModuleName, object] = {
    "analyst": {"kind": "fact", "needed": "the population of a city, then of another", "answer_form": "a number"},
    "planner": {
        "justification": "The first number is not known yet, and the second follows from it.",
        "context": "A city of about 400,000 people on a river, and its larger neighbour.",
        "sub_goal": "Find the number of people that live in the city.",
        "tool": "count",
    },
    "executor": {"text": "population of the city in the last census, with the year"},
    "verifier": {"asked_for": "the population", "found": "nothing yet", "verdict": "CONTINUE"},
    "generator": {"answer": "The city has 412,000 people.", "short_answer": "412000"},
}


@tool
async def count(text: str) -> str:
    """Count the characters of a text.

    Args:
        text: The text.
    """
    return f"{len(text)} characters. " + "What else there is to say about it. " * 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solves", type=int, default=1000, help="concurrent solves")
    parser.add_argument("--turns", type=int, default=5, help="turns of each")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of each engine call")
    parser.add_argument("--trace", type=Path, help="append every trajectory to this file, as `agentflow solve` does")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    arguments = parser.parse_args()
    config = load_config(overrides={"budget.max_turns": arguments.turns, "budget.max_seconds": "none"})
    before = peak_mebibytes()
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    started, processor = time.perf_counter(), time.process_time()
    trajectories = asyncio.run(solve_all(config, arguments))
    wall, processor = time.perf_counter() - started, time.process_time() - processor
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    report(trajectories, wall, processor, before, arguments.latency)


async def solve_all(config: Config, arguments: argparse.Namespace) -> list[Trajectory]:
    engines = {module: engine_of(reply, arguments.latency) for module, reply in REPLIES.items()}
    sink = partial(append_trajectory, arguments.trace) if arguments.trace else None
    flow = Flow(engines, {"count": count}, config, sink=sink)
    return await asyncio.gather(*[flow.solve(f"How many people live there? ({n})") for n in range(arguments.solves)])


def engine_of(reply: object, latency: float) -> ScriptedEngine:
    text = json.dumps(reply)
    return ScriptedEngine(lambda *_: text, latency_seconds=latency)


def report(trajectories: list[Trajectory], wall: float, processor: float, before: float, latency: float) -> None:
    calls = sum(len(trajectory.all_calls) for trajectory in trajectories)
    waits = max(len(trajectory.all_calls) for trajectory in trajectories) * latency
    milliseconds, peak = 1000 * processor / calls, peak_mebibytes()
    print(f"{len(trajectories)} solves at once, {calls} calls, {latency * 1000:g} ms each")
    print(f"wall       {wall:6.2f} s, of which the calls of one solve wait {waits:.2f} s")
    print(f"processor  {processor:6.2f} s, {milliseconds:.3f} ms a call  {met(milliseconds, BAR_MILLISECONDS)} ms")
    print(f"peak       {peak:6.0f} MiB, {before:.0f} MiB before the first solve  {met(peak, BAR_MEBIBYTES)} MiB")


def met(value: float, bar: float) -> str:
    return f"{'met' if value < bar else 'MISSED'}: the bar is {bar:g}"


def peak_mebibytes() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
