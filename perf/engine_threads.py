"""How fast the embedded engine decodes by number of threads and by how long they spin, alone and beside others.

    python perf/engine_threads.py                       # the 0.5B model; takes 5 minutes
    python perf/engine_threads.py --model smollm2-135m --rounds 48

Every cell is a process of its own, since libgomp reads GOMP_SPINCOUNT when it is loaded: 300000 is its own default, 0
sleeps at once. Busy processes are loops that never sleep. The figures are tokens a second over all sequences.
"""

import argparse
import json
import os
import subprocess
import sys
from itertools import product

from engine_meter import Meter

SEQUENCES = (1, 8)
PROMPT_TOKENS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--rounds", type=int, default=24, help="tokens decoded by each sequence")
    parser.add_argument("--repeats", type=int, default=2, help="the best one counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--spin", type=int, nargs="+", default=[0, 10_000, 300_000])
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--measure", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.model, arguments.measure, arguments.rounds)))
        return
    print(f"{arguments.model}, {os.cpu_count()} cores; tokens a second with 1 / 8 sequences")
    print(f"{'threads':>8} {'spin':>8}" + "".join(f"{f'{n} busy':>16}" for n in arguments.busy))
    for threads, spin in product(arguments.threads, arguments.spin):
        if threads == 1 and spin != arguments.spin[0]:
            continue  # one thread waits for nobody
        cells = [best(arguments, threads, spin, num_busy) for num_busy in arguments.busy]
        print(f"{threads:>8} {spin if threads > 1 else '-':>8}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


def best(arguments: argparse.Namespace, threads: int, spin: int, num_busy: int) -> str:
    command = [sys.executable, __file__, "--model", arguments.model, "--measure", str(threads)]
    command += ["--rounds", str(arguments.rounds)]
    environment = {**os.environ, "GOMP_SPINCOUNT": str(spin)}
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(num_busy)]
    try:
        runs = []
        for _ in range(arguments.repeats):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    foreign = min(run["foreign"] for run in runs) - num_busy
    rates = " / ".join(f"{max(run['rates'][i] for run in runs):.1f}" for i in range(len(SEQUENCES)))
    return rates + ("*" if num_busy == 0 and foreign > 0.15 else "")  # others were there who were not invited


def measure(model: str, threads: int, num_rounds: int) -> dict[str, object]:
    """Rates for each number of sequences, in this process."""
    from agentflow.engines.local.llama import Context, Model, Row
    from agentflow.engines.models import find_model

    context = Context(Model(find_model(model)), cells=2048, sequences=max(SEQUENCES), threads=threads)
    rates, foreign = [], 0.0
    for num_sequences in SEQUENCES:
        context.clear()
        for sequence in range(num_sequences):
            tokens = [1000 + 7 * sequence + i for i in range(PROMPT_TOKENS)]
            context.evaluate([Row(token, i, sequence, False) for i, token in enumerate(tokens)])
        with Meter() as meter:
            for i in range(num_rounds):
                context.evaluate([Row(2000 + i, PROMPT_TOKENS + i, s, True) for s in range(num_sequences)])
                context.logits(0)  # waits for the result
        rates.append(num_sequences * num_rounds / meter.seconds)
        foreign = max(foreign, meter.foreign_cores)
    return {"rates": rates, "foreign": foreign}


if __name__ == "__main__":
    main()
