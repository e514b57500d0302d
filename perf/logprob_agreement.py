"""How far recorded log-probabilities are from those that torch computes on the same weights.

    python -m perf.logprob_agreement                                  # smollm2-135m and qwen2.5-coder-0.5b
    python -m perf.logprob_agreement --models smollm2-135m --tokens 64

Each model's weights are dequantised, written as a GGUF file of 16-bit floats, sampled from by the embedded engine, and
scored by transformers in 32-bit floats, under the same temperature and top-p; then once more with a random LoRA adapter
that the engine swaps in and torch has merged. The model as it comes, with quantised weights, is shown for comparison:
llama.cpp rounds activations there. Needs the extra `torch`.

The bar: 0.005 on average.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from agentflow.engines.local import LocalEngine, open_local
from agentflow.engines.models import find_model
from agentflow.types import Message, Sampling
from tests.engines.local import gguf_files, torch_reference

ALPHA, RANK, SIZE_OF_B = 32.0, 16, 0.01
SAMPLINGS = (
    {"temperature": 1.0},
    {"temperature": 0.7},
    {"temperature": 1.0, "top_p": 0.9},
    {"temperature": 0.7, "top_p": 0.9},
)
QUESTIONS = (
    "Plan how to find the area of a circle. Name the tools that you need.",
    "Which river flows through Vienna, and where does it end?",
    "Write a Python function that tells whether a number is prime.",
    "Tell a short story about a lighthouse keeper and a storm.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["smollm2-135m", "qwen2.5-coder-0.5b"])
    parser.add_argument("--tokens", type=int, default=128, help="new tokens for each of the four questions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            asyncio.run(measure(name, arguments.tokens, Path(folder)))


async def measure(name: str, num_tokens: int, folder: Path) -> None:
    source = find_model(name)
    architecture = gguf_files.read_architecture(source)
    weights = gguf_files.read_weights(source)
    adapter = gguf_files.make_adapter(weights, rank=RANK, size=SIZE_OF_B, seed=1)
    adapter_file = gguf_files.write_adapter(folder / "lora.gguf", architecture, adapter, alpha=ALPHA)
    sixteen_bits = gguf_files.write_at_16_bits(source, weights, folder / f"{name}-f16.gguf")
    model = torch_reference.load(source, weights)
    print(f"\n{name}: {len(QUESTIONS)} questions of {num_tokens} new tokens at most")
    for title, path in (("as it comes", source), ("16 bits", sixteen_bits)):
        engine = open_local(str(path), cells=2048, max_concurrency=4)
        for settings in SAMPLINGS if path == sixteen_bits else SAMPLINGS[:1]:
            await compare(title, engine, model, Sampling(max_tokens=num_tokens, **settings))
        await engine.load_adapter("random", adapter_file)
        started = time.perf_counter()
        await engine.use_adapter("random")
        swapped = time.perf_counter() - started
        tuned = torch_reference.load(source, gguf_files.merged(weights, adapter, alpha=ALPHA))
        sampling = Sampling(max_tokens=num_tokens, temperature=1.0)
        await compare(f"{title}, with LoRA (swap {swapped * 1000:.1f} ms)", engine, tuned, sampling)
        await compare(f"{title}, with LoRA, torch without", engine, model, sampling)
        await engine.close()
        del tuned
    sixteen_bits.unlink()


async def compare(title: str, engine: LocalEngine, model: Any, sampling: Sampling) -> None:
    messages = [[Message(role="user", content=question)] for question in QUESTIONS]
    seeded = [sampling.model_copy(update={"seed": seed}) for seed in range(len(QUESTIONS))]
    completions = await asyncio.gather(*map(engine.complete, messages, seeded))
    recomputed = np.concatenate([torch_reference.logprobs(model, c, sampling) for c in completions])
    recorded = np.concatenate([c.logprobs for c in completions])
    inside = np.isfinite(recomputed)  # a token on the edge of the nucleus can be outside of it by torch's reckoning
    difference = np.abs(recomputed - recorded)[inside]
    print(
        f"  {title}, temperature {sampling.temperature}, top_p {sampling.top_p}: mean {difference.mean():.4f}, "
        f"largest {difference.max():.3f} over {len(difference)} tokens"
        + (f", {(~inside).sum()} outside torch's nucleus" if not inside.all() else ""),
        flush=True,
    )


if __name__ == "__main__":
    main()
