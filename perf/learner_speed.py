"""Samples a second and peak memory of an update: our learner, the same without shared prompts, and TRL's GRPO trainer.

    python perf/learner_speed.py [--groups 2] [--steps 2] [--threads 2] [--variants ours,trl] [--out FILE]

Groups of 8 samples; a group shares a prompt of about 400 random tokens, the actions have about 60 each. An update is:
the log-probabilities of the reference, forward and backward of the KL-regularised clipped loss, a step of AdamW on a
LoRA adapter of rank 16, all in 32 bits on SmolLM2-135M. TRL takes a group a micro-batch and checkpoints, as it does by
default.

Every variant is a process of its own and opens the same transformers folder. `peak` is the most memory it ever held,
`import` what it held before it opened the model. The first update is not timed. `trl-trim` is TRL with freed memory
returned at once, which our learner asks of the allocator by itself.
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agentflow.engines.models import find_model
from agentflow.train.samples import PlannerTurn, Sample, make_sample

GROUP, PROMPT, ACTION, VOCABULARY = 8, 400, 60, 49152
RANK, ALPHA, LR, BETA = 16, 32.0, 1e-4, 0.001
VARIANTS = ("ours", "ours-whole", "ours-apart", "trl", "trl-trim")  # whole: no gradient checkpointing


def make_samples(num_groups: int) -> list[Sample]:
    """Groups one after the other; lengths vary by a tenth."""
    random = np.random.default_rng(0)

    def tokens(about: int) -> tuple[int, ...]:
        length = random.integers(round(0.9 * about), round(1.1 * about) + 1)
        return tuple(random.integers(0, VOCABULARY, length).tolist())

    samples = []
    for _ in range(num_groups):
        prompt = tokens(PROMPT)
        for index in range(GROUP):
            action = tokens(ACTION)
            turn = PlannerTurn(prompt, action, (-10.8,) * len(action))
            weight = 1 / (num_groups * GROUP * len(action))
            samples.append(make_sample(turn, 1.0 if index % 2 else -1.0, weight, f"{index}"))
    return samples


def our_update(folder: Path, samples: list[Sample], settings: dict[str, Any]) -> Callable[[], None]:
    from agentflow.train.learner import LearnerConfig, LocalLearner
    from agentflow.train.objective import ObjectiveConfig

    learner = LocalLearner.open(folder, LearnerConfig(lora_rank=RANK, lora_alpha=ALPHA, weight_decay=0.0, **settings))
    objective = ObjectiveConfig(kl_coefficient=BETA)

    def update() -> None:
        reference = learner.logprobs(samples, reference=True)
        metrics = learner.forward_backward(samples, objective, reference_logprobs=reference)
        norm = learner.optim_step(LR, max_grad_norm=1.0)
        print(f"loss {metrics['loss']:.6f} norm {norm:.6f}", file=sys.stderr)

    return update


def run_trl(folder: Path, samples: list[Sample], steps: int) -> list[tuple[float, float]]:
    """Wall and processor seconds of each update but the first."""
    from peft import LoraConfig
    from transformers import TrainerCallback

    from tests.train.learner.trl_oracle import make_trainer

    clocks: list[tuple[float, float]] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clocks.append((time.perf_counter(), time.process_time()))

    trainer = make_trainer(
        folder,
        samples,
        Path(tempfile.mkdtemp()),
        adapter=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[Clock()],
        per_device_train_batch_size=GROUP,
        gradient_accumulation_steps=len(samples) // GROUP,
        learning_rate=LR,
        beta=BETA,
        epsilon=0.2,
        max_steps=steps + 1,
        logging_steps=1,
    )
    trainer.train()
    for entry in trainer.state.log_history[:-1]:
        print(f"loss {entry['loss']:.6f} norm {entry['grad_norm']:.6f}", file=sys.stderr)
    return [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(clocks)]


def measure(variant: str, folder: Path, num_groups: int, steps: int, threads: int) -> dict[str, float | str]:
    """One variant, in this process."""
    import peft
    import torch
    import transformers

    assert peft
    assert transformers
    torch.set_num_threads(threads)
    samples = make_samples(num_groups)
    imported = peak_mib()
    if variant.startswith("trl"):
        times = run_trl(folder, samples, steps)
    else:
        settings = {
            "ours": {},
            "ours-whole": {"gradient_checkpointing": False},
            "ours-apart": {"share_prefixes": False},
        }[variant]
        update = our_update(folder, samples, {**settings, "threads": threads})
        update()
        times = [timed(update) for _ in range(steps)]
    wall, processor = min(times)
    return {
        "variant": variant,
        "samples_per_second": round(len(samples) / wall, 3),
        "seconds": round(wall, 2),
        "processor_seconds": round(processor, 2),
        "peak_mib": peak_mib(),
        "import_mib": imported,
        "load": os.getloadavg()[0],
    }


def timed(update: Callable[[], None]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    update()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def as_folder(model: str, target: Path) -> Path:
    """The model's weights as transformers keeps them, so that no variant has to dequantise."""
    if not (target / "model.safetensors").exists():
        import torch

        from agentflow.train.learner.weights import open_model

        open_model(find_model(model), device="cpu", dtype=torch.float32).save_pretrained(target)
    return target


def main() -> None:
    """Measure each variant in a fresh process, one after the other, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variants", default="ours,ours-apart,trl,trl-trim")
    parser.add_argument("--weights", type=Path, default=Path(tempfile.gettempdir()) / "learner_speed_weights")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.weights, options.groups, options.steps, options.threads)))
        return
    command = [sys.executable, __file__, f"--groups={options.groups}", f"--steps={options.steps}"]
    command += [f"--threads={options.threads}", f"--weights={as_folder('smollm2-135m', options.weights)}"]
    for variant in options.variants.split(","):
        trimmed = {"MALLOC_MMAP_THRESHOLD_": str(2**20)} if variant == "trl-trim" else {}
        process = [*command, f"--one={variant}"]
        run = subprocess.run(process, env={**os.environ, **trimmed}, stdout=subprocess.PIPE, text=True, check=True)
        line = run.stdout.splitlines()[-1]
        print(line, flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
