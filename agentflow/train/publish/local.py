"""Publishing to the embedded engine: an adapter is swapped while it runs, whole weights are a new file."""

import asyncio
import json
from pathlib import Path
from typing import Any

from agentflow.engines.local import LocalEngine, LocalSettings
from agentflow.engines.settings import check_settings
from agentflow.engines.transformers.architecture import Architecture
from agentflow.train.publish.lora import export_lora_gguf
from agentflow.train.publish.model import FloatKind, export_gguf
from agentflow.train.publish.publisher import PolicyEngine, Publisher, check_version
from agentflow.train.publish.weights import adapter_of, base_of, is_adapted
from agentflow.types import Engine


async def open_local_publisher(
    model: Any, tokenizer: Path, folder: Path, *, name: str = "", dtype: FloatKind = "f16", **settings: object
) -> Publisher:
    """Write the base of a live model as a GGUF file into `folder`, and open the embedded engine on it.

    What is published are the model's LoRA adapter, if it has one, and else all its weights. `tokenizer` is as in
    `export_gguf`; `settings` are those of `LocalSettings`; `name` is how the engine is called in traces. Until the
    first `publish` the policy version is "base".
    """
    name = name or f"local:{tokenizer}"
    checked = check_settings(name, settings, LocalSettings)
    base = await asyncio.to_thread(_export_base, model, tokenizer, folder, dtype)
    engine = LocalEngine(name, base, checked)
    if is_adapted(model):
        return AdapterPublisher(model, engine, folder)
    return WeightsPublisher(model, engine, tokenizer, folder, checked, dtype)


def _export_base(model: Any, tokenizer: Path, folder: Path, dtype: FloatKind) -> Path:
    """The base as a file, once for a run: under an adapter it never changes. What earlier processes left is removed."""
    base, stamp = folder / "base.gguf", folder / "base.json"
    made_of = json.dumps({"of": str(tokenizer.resolve()), "modified": tokenizer.stat().st_mtime_ns, "dtype": dtype})
    fresh = is_adapted(model) and base.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made_of
    for left in [*folder.glob("*.gguf"), *folder.glob(".*.partial")]:
        if not (fresh and left == base):
            left.unlink()
    if not fresh:
        stamp.unlink(missing_ok=True)
        export_gguf(model, tokenizer, base, dtype)
    if is_adapted(model):
        stamp.write_text(made_of, encoding="utf-8")
    return base


class AdapterPublisher:
    """Hot-swaps the adapter of a live peft model into an embedded engine that runs its base at 16 bits.

    A file is written, loaded, swapped in between two generations (which clears the KV cache), and removed.
    """

    def __init__(self, model: Any, engine: LocalEngine, folder: Path, *, adapter: str = "default") -> None:
        self.engine = engine
        self._model, self._folder = model, folder
        self._config = model.peft_config[adapter]
        self._architecture = Architecture.of(base_of(model).config)
        self._published: str | None = None

    async def publish(self, version: str) -> None:
        """See `Publisher`. A version is published once."""
        check_version(version)
        path = self._folder / f"{version}.lora.gguf"
        await asyncio.to_thread(self._write, path)
        try:
            await self.engine.load_adapter(version, path)
        finally:
            path.unlink()
        await self.engine.use_adapter(version)
        old, self._published = self._published, version
        if old is not None:
            await self.engine.unload_adapter(old)

    async def close(self) -> None:
        await self.engine.close()

    def _write(self, path: Path) -> None:
        export_lora_gguf(adapter_of(self._model), self._config, self._architecture, path)


class WeightsPublisher:
    """Writes all weights of a live model as a new GGUF file, and opens the embedded engine anew on it."""

    def __init__(
        self,
        model: Any,
        engine: LocalEngine,
        tokenizer: Path,
        folder: Path,
        settings: LocalSettings,
        dtype: FloatKind = "f16",
    ) -> None:
        self._policy = PolicyEngine(engine, engine.name, engine.policy_version)
        self._model, self._tokenizer, self._folder = model, tokenizer, folder
        self._settings, self._dtype = settings, dtype
        self._path = folder / "base.gguf"

    @property
    def engine(self) -> PolicyEngine:
        return self._policy

    async def publish(self, version: str) -> None:
        """See `Publisher`. The new file is written beside the old one, so the disk must hold two."""
        check_version(version)
        path = self._folder / f"{version}.gguf"
        await asyncio.to_thread(export_gguf, self._model, self._tokenizer, path, self._dtype)

        async def reopen(old: Engine) -> Engine:
            await old.close()  # before: memory may not hold two
            return await asyncio.to_thread(LocalEngine, old.name, path, self._settings)

        await self._policy.replace(version, reopen)
        if self._path != path:
            self._path.unlink(missing_ok=True)
        self._path = path

    async def close(self) -> None:
        await self._policy.close()
