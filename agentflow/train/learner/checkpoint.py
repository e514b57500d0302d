"""All that a learner needs to go on as if it had never stopped, in a folder."""

import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from agentflow.errors import ConfigError

WEIGHTS, OPTIMIZER, RANDOM, ABOUT = "weights.safetensors", "optimizer.pt", "random.pt", "learner.json"


def write(folder: Path, *, weights: dict[str, Tensor], optimizer: dict[str, Any], about: dict[str, Any]) -> None:
    """Write trained weights by name, the optimizer's state, the states of all random generators, and `about`: what
    the weights belong to. The folder is made; whether it appears at once is the caller's care."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.detach().contiguous() for name, weight in weights.items()}, folder / WEIGHTS)
    torch.save(optimizer, folder / OPTIMIZER)
    torch.save(_random_states(), folder / RANDOM)
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def read(folder: Path, about: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Weights, optimizer state and random states. Raises `ConfigError` where something is missing, damaged, or was
    written for something else than `about`."""
    try:
        found = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
        optimizer = torch.load(folder / OPTIMIZER, weights_only=True)
        states = torch.load(folder / RANDOM, weights_only=True)
    except (OSError, ValueError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        raise ConfigError(f"{folder} is no whole checkpoint of the learner: {error}") from None
    if found != about:
        raise ConfigError(f"the checkpoint {folder} was written for {found}, and this learner is {about}")
    return weights, optimizer, states


def _random_states() -> dict[str, Any]:
    kind, keys, place, has_gauss, gauss = np.random.get_state(legacy=True)
    states: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": (
            str(kind),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(place),
            int(has_gauss),
            float(gauss),
        ),
        "python": random.getstate(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random(states: dict[str, Any]) -> None:
    """Set all random generators to what they were."""
    torch.set_rng_state(states["torch"])
    kind, keys, place, has_gauss, gauss = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), place, has_gauss, gauss))
    version, internal, gauss_next = states["python"]
    random.setstate((version, tuple(internal), gauss_next))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
