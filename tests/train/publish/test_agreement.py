"""What the embedded engine samples after each publishing is what torch computes, for a real model."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.engines.models import find_model
from agentflow.engines.transformers import load_model, load_tokenizer
from agentflow.errors import ConfigError
from agentflow.train.publish.check_tokenizer import check_tokenizer
from agentflow.train.publish.local import AdapterPublisher, open_local_publisher
from agentflow.train.publish.publisher import Publisher
from agentflow.types import Completion, Message, Sampling
from tests.engines.local import torch_reference

from . import tiny

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]

CLOSE = 0.005
QUESTION = [Message(role="user", content="Plan how to find the area of a circle. Name the tools that you need.")]
SAMPLING = Sampling(temperature=1.0, max_tokens=48, seed=1)


@pytest.fixture(scope="module")
def smollm_path() -> Path:
    try:
        return find_model("smollm2-135m", fetch=False)
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture
def model(smollm_path: Path) -> Any:
    """SmolLM2 at 32 bits, with a random adapter that moves its log-probabilities."""
    return tiny.with_adapter(load_model(smollm_path), size=0.05)


@pytest.fixture
async def publisher(model: Any, smollm_path: Path, tmp_path: Path) -> AsyncIterator[Publisher]:
    publisher = await open_local_publisher(model, smollm_path, tmp_path, cells=1024, threads=1, max_concurrency=4)
    yield publisher
    await publisher.close()


def gap(model: Any, completion: Completion) -> float:
    return float(np.abs(torch_reference.logprobs(model, completion, SAMPLING) - completion.logprobs).mean())


async def test_base_adapter_and_base_again(model: Any, publisher: AdapterPublisher) -> None:
    base = await publisher.engine.complete(QUESTION, SAMPLING)
    started = time.perf_counter()
    await publisher.publish("step-1")
    seconds = time.perf_counter() - started
    adapted = await publisher.engine.complete(QUESTION, SAMPLING)
    await publisher.engine.use_adapter(None)
    assert await publisher.engine.complete(QUESTION, SAMPLING) == base
    gaps = {"adapter": gap(model, adapted), "no adapter in torch": gap(model, base)}
    with model.disable_adapter():
        gaps |= {"base": gap(model, base), "no adapter in the engine": gap(model, adapted)}
    print({name: round(value, 4) for name, value in gaps.items()}, f"published in {seconds:.2f} s")
    assert gaps["base"] < CLOSE
    assert gaps["adapter"] < CLOSE
    assert gaps["no adapter in torch"] > 10 * CLOSE
    assert gaps["no adapter in the engine"] > 10 * CLOSE


def test_the_tokenizer_is_rebuilt(smollm_path: Path, tmp_path: Path) -> None:
    load_tokenizer(smollm_path).save_pretrained(tmp_path)
    check_tokenizer(smollm_path, tmp_path)
