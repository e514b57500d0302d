"""What the engine records is what torch computes from the same weights, of a real model at 16 bits."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from agentflow.engines.local import LocalEngine, open_local
from agentflow.types import Message, Sampling

from . import gguf_files
from .gguf_files import Adapter, Weights

pytest.importorskip("torch", reason="needs pip install 'agentflow-grpo[torch]'")
pytest.importorskip("transformers", reason="needs pip install 'agentflow-grpo[torch]'")

from . import torch_reference

pytestmark = [pytest.mark.model, pytest.mark.anyio]

CLOSE = 0.005  # on average; 16-bit weights and cache
ALPHA = 16.0
QUESTION = [Message(role="user", content="Plan how to find the area of a circle. Name the tools that you need.")]


@pytest.fixture(scope="module")
def weights(smollm_path: Path) -> Weights:
    return gguf_files.read_weights(smollm_path)


@pytest.fixture(scope="module")
def adapter(weights: Weights) -> Adapter:
    return gguf_files.make_adapter(weights, rank=8, size=0.01, seed=1)


@pytest.fixture(scope="module")
def sixteen_bits(smollm_path: Path, weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_files.write_at_16_bits(smollm_path, weights, tmp_path_factory.mktemp("models") / "smollm.gguf")


@pytest.fixture
async def engine(sixteen_bits: Path) -> AsyncIterator[LocalEngine]:
    engine = open_local(str(sixteen_bits), cells=1024, max_concurrency=4, threads=1)
    yield engine
    await engine.close()


@pytest.mark.parametrize(
    "settings", [{"temperature": 1.0}, {"temperature": 0.7}, {"temperature": 0.7, "top_p": 0.9}], ids=str
)
async def test_the_base_model(
    engine: LocalEngine, smollm_path: Path, weights: Weights, settings: dict[str, float]
) -> None:
    sampling = Sampling(max_tokens=40, seed=1, **settings)
    completion = await engine.complete(QUESTION, sampling)
    model = torch_reference.load(smollm_path, weights)
    difference = np.abs(torch_reference.logprobs(model, completion, sampling) - completion.logprobs)
    assert difference.mean() < CLOSE


async def test_an_adapter(
    engine: LocalEngine, smollm_path: Path, weights: Weights, adapter: Adapter, tmp_path: Path
) -> None:
    sampling = Sampling(temperature=1, max_tokens=40, seed=1)
    before = await engine.complete(QUESTION, sampling)
    path = gguf_files.write_adapter(tmp_path / "lora.gguf", "llama", adapter, alpha=ALPHA)
    await engine.load_adapter("trained", path)
    await engine.use_adapter("trained")
    completion = await engine.complete(QUESTION, sampling)
    assert completion.policy_version == "trained"
    assert completion.usage.cached_tokens == 0
    base = torch_reference.load(smollm_path, weights)
    tuned = torch_reference.load(smollm_path, gguf_files.merged(weights, adapter, alpha=ALPHA))
    with_adapter, without = (torch_reference.logprobs(model, completion, sampling) for model in (tuned, base))
    assert np.abs(with_adapter - completion.logprobs).mean() < CLOSE
    assert np.abs(without - completion.logprobs).mean() > 10 * CLOSE
    await engine.use_adapter(None)
    assert await engine.complete(QUESTION, sampling) == before
