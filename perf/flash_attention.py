"""Flash attention, or not, over a cache that is as full as in a flow: from how many cells on is it the faster one?

    python perf/flash_attention.py                      # the 0.5B model, one thread, 3,584 to 8,192 cells
    python perf/flash_attention.py --model qwen2.5-coder-1.5b --threads 2

Two batches, each over a cache that is seven eighths full: six sequences that decode a token each, and five that decode
beside a prompt of 200 tokens. Milliseconds, the middle one of `--repeats`.
"""

import argparse
import random
import statistics
import time

from agentflow.engines.local import llama
from agentflow.engines.models import find_model

RUNNING, OTHER, PROMPT = 6, 7, 200


def tokens(number: int) -> list[int]:
    return [random.randrange(1000, 20000) for _ in range(number)]


def fill(context: llama.Context, sequence: int, number: int) -> None:
    """Evaluate tokens of one sequence, from its start."""
    for start in range(0, number, llama.BATCH_TOKENS):
        part = tokens(min(llama.BATCH_TOKENS, number - start))
        context.evaluate([llama.Row(token, start + i, sequence, False) for i, token in enumerate(part)])


def measure(model: llama.Model, cells: int, threads: int, repeats: int, flash: bool) -> tuple[float, float]:
    """Milliseconds of a round that decodes, and of one with a prompt in it."""
    llama.FLASH_ATTENTION_FROM = 0 if flash else cells + 1
    context = llama.Context(model, cells=cells, sequences=OTHER + 1, threads=threads)
    own = cells // 16
    fill(context, OTHER, cells * 7 // 8 - RUNNING * own)
    for sequence in range(RUNNING):
        fill(context, sequence, own)
    decoding, mixed = [], []
    for _ in range(repeats):
        for times, prompt in ((decoding, 1), (mixed, PROMPT)):
            for sequence in range(RUNNING):
                context.truncate(sequence, own - PROMPT if sequence == 0 and prompt > 1 else own)
            rows = [llama.Row(token, own, sequence, True) for sequence, token in enumerate(tokens(RUNNING)) if sequence]
            first = own - PROMPT if prompt > 1 else own
            rows += [llama.Row(token, first + i, 0, i == prompt - 1) for i, token in enumerate(tokens(prompt))]
            begun = time.perf_counter()
            context.evaluate(rows)
            context.logits(len(rows) - 1)
            times.append(1000 * (time.perf_counter() - begun))
            if prompt > 1:
                context.truncate(0, own)
    context.close()
    return statistics.median(decoding), statistics.median(mixed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cells", type=int, nargs="+", default=[3584, 4096, 8192])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    random.seed(0)
    model = llama.Model(find_model(arguments.model))
    for cells in arguments.cells:
        for flash in (False, True):
            decoding, mixed = measure(model, cells, arguments.threads, arguments.repeats, flash)
            name = "flash attention" if flash else "without"
            print(
                f"{cells} cells, {name}: 6 decoding {decoding:.0f} ms, 5 and a prompt of 200 {mixed:.0f} ms", flush=True
            )


if __name__ == "__main__":
    main()
