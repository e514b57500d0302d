"""Things that complete a prompt: servers, weights in this process, and a script.

    engine = open_engine("ollama:qwen3:8b", settings={"max_concurrency": 4})
    completion = await engine.complete([Message(role="user", content="Hello!")], Sampling())
    await engine.close()

Importing this package is cheap: each provider's SDK, and the embedded engine, load when an engine of theirs is opened.
"""

from agentflow.engines.open import open_engine
from agentflow.engines.scripted import ScriptedEngine

__all__ = ["ScriptedEngine", "open_engine"]
