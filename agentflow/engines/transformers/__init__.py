"""The engine that samples in this process with torch: from a model of its own, or from the one that is being trained.

`open_transformers` is the way in. `engine.py` joins asyncio to batches; `batch.py` is the KV cache of the generations
that run; `sampling.py` draws their next tokens; `vocabulary.py` is the tokenizer; `load.py` reads models.
"""

from typing import Any

from agentflow.engines.models import find_model
from agentflow.engines.settings import check_settings
from agentflow.errors import ConfigError

try:
    import torch

    from agentflow.engines.transformers.engine import TransformersEngine
    from agentflow.engines.transformers.load import load_model
    from agentflow.engines.transformers.settings import TransformersSettings
    from agentflow.engines.transformers.tokenizer import load_tokenizer
except ImportError as error:
    raise ConfigError(f"the engine transformers: needs {error.name}: pip install 'agentflow-grpo[train]'") from error

__all__ = ["TransformersEngine", "TransformersSettings", "load_model", "load_tokenizer", "open_transformers"]


def open_transformers(model: str, /, **settings: object) -> TransformersEngine:
    """Open a model by its name in the registry, or by the path of a transformers folder or a GGUF file.

    `settings` are the fields of `TransformersSettings`. Raises `UnknownName`, `ConfigError` or `DownloadError`.
    """
    name = f"transformers:{model}"
    checked = check_settings(name, settings, TransformersSettings)
    path = find_model(model)
    device = checked.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[checked.dtype or _usual_dtype(device)]
    loaded: Any = load_model(path, dtype=dtype, device=device)
    return TransformersEngine(name, loaded, load_tokenizer(path), checked)


def _usual_dtype(device: str) -> str:
    """16 bits are unusably slow on most processors."""
    return "float32" if device == "cpu" else "bfloat16"
