"""Eight requests at once on the embedded engine, beside llama-cpp-python's own class, which does them one by one.

    python perf/engine_batching.py                      # the 0.5B model, 5 quiet repeats
    python perf/engine_batching.py --model smollm2-135m --repeats 2 --foreign 2

Both run in this process, in turns, on the same weights, token ids, threads and OpenMP settings, greedily, 64 new tokens
a request: a repeat in which anyone stops earlier is not counted. Both start each repeat with an empty cache. `Llama`
has its usual batch of 512, no flash attention (it is faster so), and its own prefix cache, which keeps what a request
shares with the one right before it. "again": the same without that cache, as if other requests came in between.

The bars, as shares of `Llama`'s time: 35 % where the requests share 600 tokens, 65 % where they share nothing. A repeat
counts if others used less than `--foreign` cores during it.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence

from engine_meter import Meter

from agentflow.engines.local import LocalEngine, open_local
from agentflow.engines.models import find_model
from agentflow.types import Message, Sampling

import llama_cpp  # isort: skip - after the engine, which tells OpenMP how to wait

NEW_TOKENS = 64
SAMPLING = Sampling(temperature=0, max_tokens=NEW_TOKENS)
FACT = "The planner chooses a sub-goal and a tool, and the verifier reads the whole memory before it decides. "
TOPICS = ("bridges", "glaciers", "violins", "railways", "orchards", "lighthouses", "volcanoes", "libraries")
MANNERS = (
    "You are an engineer who explains how things are built and why they hold.",
    "Speak as a patient teacher of geography would speak to a class of ten-year-olds.",
    "Answer like a musician: name sounds, makers, places and habits.",
    "As a historian you give dates, names and causes, in order, and you never skip a step.",
    "Be a gardener. Mention soil, weather, tools, seasons and the many mistakes of beginners.",
    "Write as a sailor writes home: plain words, much detail, some longing.",
    "Your readers are scientists. State what is known, how it was measured, and what is still open.",
    "Think of yourself as the oldest librarian of a small town, with a story about everything.",
)


def shared_prefix(engine: LocalEngine) -> list[list[Message]]:
    """Eight questions behind one text of 600 tokens and a few."""
    text = FACT
    while engine.count_tokens(text) < 600:
        text += FACT
    return [[Message(role="system", content=text), _ask(topic)] for topic in TOPICS]


def nothing_shared(_: LocalEngine) -> list[list[Message]]:
    """Eight questions that differ from the first word on, of 40 to 60 tokens."""
    return [
        [Message(role="system", content=manner), _ask(topic)] for manner, topic in zip(MANNERS, TOPICS, strict=True)
    ]


def _ask(topic: str) -> Message:
    return Message(
        role="user",
        content=f"Write a very long essay about the history of {topic}. Begin with an outline of ten chapters.",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--foreign", type=float, default=0.1, help="cores that others may use during a repeat")
    parser.add_argument("--patience", type=float, default=3600, help="seconds to wait for quiet repeats")
    asyncio.run(measure(parser.parse_args()))


async def measure(arguments: argparse.Namespace) -> None:
    engine = open_local(arguments.model, threads=arguments.threads, cells=4096, max_concurrency=8)
    llama = llama_cpp.Llama(
        str(find_model(arguments.model)),
        n_ctx=2048,
        n_batch=512,
        n_ubatch=512,
        n_threads=arguments.threads,
        n_threads_batch=arguments.threads,
        flash_attn=False,
        verbose=False,
    )
    print(f"{arguments.model}, {arguments.threads} threads, llama-cpp-python {llama_cpp.__version__}")
    try:
        for title, make, bar in (
            ("sharing 600 tokens", shared_prefix, 0.35),
            ("sharing nothing", nothing_shared, 0.65),
        ):
            await compare(title, make(engine), bar, engine, llama, arguments)
    finally:
        await engine.close()


async def compare(
    title: str,
    requests: Sequence[list[Message]],
    bar: float,
    engine: LocalEngine,
    llama: llama_cpp.Llama,
    arguments: argparse.Namespace,
) -> None:
    prompts = [engine.encode(request) for request in requests]
    print(f"\n8 requests {title}: prompts of {min(map(len, prompts))} to {max(map(len, prompts))} tokens")
    at_once: list[float] = []
    one_by_one: list[float] = []
    again: list[float] = []
    end = time.monotonic() + arguments.patience
    while len(at_once) < arguments.repeats and time.monotonic() < end:
        with Meter() as ours:
            evaluated, complete = await run_engine(engine, requests)
        with Meter() as theirs:
            complete &= run_llama(llama, prompts, lambda: None)
        with Meter() as without_cache:
            complete &= run_llama(llama, prompts, llama.reset)
        meters = (ours, theirs, without_cache)
        counts = complete and max(meter.foreign_cores for meter in meters) < arguments.foreign
        seconds = [meter.seconds for meter in meters]
        foreign = " ".join(f"{meter.foreign_cores:.2f}" for meter in meters)
        print(
            f"  engine {seconds[0]:6.2f} s   Llama {seconds[1]:6.2f} s   share {seconds[0] / seconds[1]:5.1%}"
            f"   (again {seconds[2]:6.2f} s, {seconds[0] / seconds[2]:5.1%})   foreign cores {foreign}"
            f"{'' if counts else '   not counted'}",
            flush=True,
        )
        if counts:
            for times, value in zip((at_once, one_by_one, again), seconds, strict=True):
                times.append(value)
    prompt_tokens = sum(map(len, prompts))
    print(f"  evaluated by the engine: {evaluated} tokens, of {prompt_tokens} prompt and {8 * NEW_TOKENS} new ones")
    if at_once:
        for name, times in (("Llama", one_by_one), ("Llama without its prefix cache", again)):
            shares = sorted(mine / its for mine, its in zip(at_once, times, strict=True))
            print(
                f"  share of {name}'s time: median {statistics.median(shares):.1%}, {shares[0]:.1%} to {shares[-1]:.1%}"
                f" over {len(shares)} repeats (bar {bar:.0%})"
            )


async def run_engine(engine: LocalEngine, requests: Sequence[list[Message]]) -> tuple[int, bool]:
    """All at once on an empty cache: the tokens that were evaluated, and whether all wrote as much as they may."""
    before = engine.statistics.evaluated
    completions = await asyncio.gather(*[engine.complete(request, SAMPLING) for request in requests])
    evaluated = engine.statistics.evaluated - before
    await engine.use_adapter(None)  # forgets the cache
    return evaluated, all(len(completion.token_ids) == NEW_TOKENS for completion in completions)


def run_llama(llama: llama_cpp.Llama, prompts: Sequence[list[int]], between: Callable[[], None]) -> bool:
    """One after the other, on an empty cache: whether all wrote as much as they may."""
    llama.reset()
    complete = True
    for prompt in prompts:
        result = llama.create_completion(prompt, max_tokens=NEW_TOKENS, temperature=0)
        complete &= result["usage"]["completion_tokens"] == NEW_TOKENS
        between()
    return complete


if __name__ == "__main__":
    main()
