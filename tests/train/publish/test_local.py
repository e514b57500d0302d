"""What the embedded engine samples is what the live model would, after each publishing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.errors import ConfigError
from agentflow.train.publish.local import AdapterPublisher, WeightsPublisher, open_local_publisher
from agentflow.train.publish.publisher import Publisher
from agentflow.types import Completion, Message, Sampling
from tests.engines.local import torch_reference

from . import tiny

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")]

CLOSE = 0.005
HELLO = [Message(role="user", content="hello")]
SAMPLING = Sampling(temperature=1.0, max_tokens=60, seed=1)
SMALL: dict[str, Any] = {"cells": 1024, "threads": 1, "max_concurrency": 4}


def gap(model: Any, completion: Completion) -> float:
    """Between what the engine recorded and what torch computes, on average."""
    return float(np.abs(torch_reference.logprobs(model, completion, SAMPLING) - completion.logprobs).mean())


async def ask(publisher: Publisher) -> Completion:
    return await publisher.engine.complete(HELLO, SAMPLING)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
async def test_adapters_are_swapped_while_the_engine_runs(kind: str, tmp_path: Path) -> None:
    model = tiny.with_adapter(tiny.make_model(kind))
    publisher = await open_local_publisher(model, tiny.write_tokenizer(tmp_path / "tok"), tmp_path / "run", **SMALL)
    assert isinstance(publisher, AdapterPublisher)
    base = await ask(publisher)
    with model.disable_adapter():
        assert gap(model, base) < CLOSE
    assert gap(model, base) > 10 * CLOSE
    for version in ("step-1", "step-2"):
        tiny.redraw(model, seed=len(version) + int(version[-1]))
        await publisher.publish(version)
        completion = await ask(publisher)
        assert completion.policy_version == version
        assert completion.usage.cached_tokens == 0
        assert gap(model, completion) < CLOSE
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["base.gguf", "base.json"]
    await publisher.engine.use_adapter(None)
    assert await ask(publisher) == base
    await publisher.close()


async def test_the_base_is_written_once_and_leftovers_are_removed(tmp_path: Path) -> None:
    model, folder = tiny.with_adapter(tiny.make_model()), tmp_path / "run"
    tokenizer = tiny.write_tokenizer(tmp_path / "tok")

    async def open_and_close() -> int:
        publisher = await open_local_publisher(model, tokenizer, folder, **SMALL)
        assert (await ask(publisher)).token_ids
        await publisher.close()
        return (folder / "base.gguf").stat().st_mtime_ns

    first = await open_and_close()
    for left in ("step-3.lora.gguf", "dry-run.gguf", ".base.gguf.77.partial"):  # by a process that was killed
        (folder / left).write_bytes(b"half")
    assert await open_and_close() == first
    assert sorted(path.name for path in folder.iterdir()) == ["base.gguf", "base.json"]
    (folder / "base.json").unlink()  # the process died before the file was whole
    assert await open_and_close() > first


@pytest.mark.parametrize("tied", [True, False])
async def test_whole_weights_are_published_as_a_new_file(tied: bool, tmp_path: Path) -> None:
    model = tiny.make_model("qwen2", tied=tied)
    publisher = await open_local_publisher(model, tiny.write_tokenizer(tmp_path / "tok"), tmp_path / "run", **SMALL)
    assert isinstance(publisher, WeightsPublisher)
    engine = publisher.engine
    assert (await ask(publisher)).policy_version == "base"
    model.model.layers[0].mlp.up_proj.weight.data *= -1
    assert gap(model, await ask(publisher)) > 10 * CLOSE
    await publisher.publish("step-1")
    completion = await ask(publisher)
    assert publisher.engine is engine
    assert completion.policy_version == "step-1"
    assert gap(model, completion) < CLOSE
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["step-1.gguf"]
    await publisher.close()


async def test_a_version_must_fit_a_file_name(tmp_path: Path) -> None:
    model = tiny.with_adapter(tiny.make_model())
    publisher = await open_local_publisher(model, tiny.write_tokenizer(tmp_path / "tok"), tmp_path / "run", **SMALL)
    with pytest.raises(ConfigError, match="can not name a policy version"):
        await publisher.publish("../step")
    await publisher.close()
