"""A strong planner over a small team: the planner runs on a server, everything else in this process.

    OPENAI_API_KEY=... python examples/remote_planner.py
    python examples/remote_planner.py --planner vllm:AgentFlow/agentflow-planner-7b --prompts paper

The same as a file for `agentflow solve --config`:

    engine = "local:qwen2.5-coder-1.5b"

    [planner]
    engine = "openai:gpt-5-mini"
    temperature = "none"    # this model takes none
    max_tokens = 1024

    [memory]
    tokens = 8192           # a planner that may write more needs more room for what it wrote
"""

import argparse

from agentflow import load_config, solve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default="What is the sum of the first 100 prime numbers?")
    parser.add_argument("--planner", default="openai:gpt-5-mini")
    parser.add_argument("--engine", default="local:qwen2.5-coder-1.5b")
    parser.add_argument("--tools", default="python,wikipedia_search,generalist")
    parser.add_argument("--prompts", default="json", help='"paper" for planners that were trained on the tagged format')
    arguments = parser.parse_args()
    config = load_config(
        overrides={
            "engine": arguments.engine,
            "planner": {"engine": arguments.planner, "temperature": "none", "max_tokens": 1024},
            "memory.tokens": 8192,
            "tools.enabled": arguments.tools.split(","),
            "prompts": arguments.prompts,
        }
    )
    trajectory = solve(arguments.question, config)
    for call in trajectory.all_calls:
        print(f"{call.module:10} {call.engine:30} {call.completion.usage.total_tokens:6} tokens  {call.seconds:.1f} s")
    print(f"{trajectory.outcome}: {trajectory.answer}")


if __name__ == "__main__":
    main()
