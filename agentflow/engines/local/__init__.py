"""The embedded engine: llama.cpp in this process, with continuous batching, shared prefixes and exact logprobs.

`open_local` is the way in. `engine.py` joins asyncio to one thread; `scheduler.py` decides what is evaluated next;
`llama.py` is the only file that knows llama.cpp. What is the same for any engine in this process is in `decoding`.
"""

from agentflow.engines.models import find_model
from agentflow.engines.settings import check_settings
from agentflow.errors import ConfigError

try:
    from agentflow.engines.local.engine import BASE, LocalEngine
    from agentflow.engines.local.settings import LocalSettings
except ImportError as error:
    raise ConfigError(
        f"the embedded engine needs {error.name}: pip install 'agentflow-grpo[local]' (this compiles llama.cpp)"
    ) from error

__all__ = ["BASE", "LocalEngine", "LocalSettings", "open_local"]


def open_local(model: str, /, **settings: object) -> LocalEngine:
    """Open a model by its name in the registry (`agentflow models`) or by the path of a GGUF file.

    Fetches a registered model that is not on disk. `settings` are the fields of `LocalSettings`. Raises `UnknownName`,
    `ConfigError` or `DownloadError`.

    Example: `open_local("qwen2.5-coder-0.5b", max_concurrency=8)`
    """
    name = f"local:{model}"
    checked = check_settings(name, settings, LocalSettings)
    return LocalEngine(name, find_model(model), checked)
