"""Which publisher a config's `train.sampler` means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentflow.engines.settings import check_settings
from agentflow.train.publish.publisher import Publisher


async def open_publisher(
    sampler: str, model: Any, base: Path, folder: Path, *, name: str, settings: Mapping[str, Any]
) -> Publisher:
    """The publisher of a live model for a sampler: "local", "transformers" or "vllm:MODEL".

    `base` is the GGUF file or transformers folder that the model came from, `folder` where a publisher writes,
    `name` how the engine is called in traces, `settings` are those of the engine. Raises `ConfigError`.
    """
    if sampler == "transformers":
        return _open_live(model, base, name, settings)
    if sampler.startswith("vllm:"):
        from agentflow.train.publish.vllm import VllmPublisher

        return VllmPublisher(model, sampler, folder, settings=settings, name=name)
    from agentflow.train.publish.local import open_local_publisher

    return await open_local_publisher(model, base, folder, name=name, **settings)


def _open_live(model: Any, base: Path, name: str, settings: Mapping[str, Any]) -> Publisher:
    from agentflow.engines.transformers import TransformersEngine, TransformersSettings, load_tokenizer
    from agentflow.train.publish.live import LivePublisher

    checked = check_settings(name, settings, TransformersSettings)
    return LivePublisher(TransformersEngine(name, model, load_tokenizer(base), checked))
