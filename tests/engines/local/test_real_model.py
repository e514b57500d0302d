"""What only a real vocabulary can show."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import llama_cpp
import pytest

from agentflow.engines.decoding.chat import ChatTemplate
from agentflow.engines.local import LocalEngine, open_local
from agentflow.engines.local.llama import Model
from agentflow.errors import ConfigError
from agentflow.types import JsonSchema, Message, Sampling

from . import tiny_model

pytestmark = [pytest.mark.model, pytest.mark.anyio]

PLAN: JsonSchema = {
    "type": "object",
    "properties": {
        "justification": {"type": "string", "maxLength": 60},
        "tool": {"enum": ["python", "wikipedia_search", "generalist"]},
    },
    "required": ["justification", "tool"],
    "additionalProperties": False,
}


@pytest.fixture
async def engine(smollm_path: Path) -> AsyncIterator[LocalEngine]:
    engine = open_local(str(smollm_path), cells=1024, max_concurrency=4, threads=1)
    yield engine
    await engine.close()


def say(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


@pytest.mark.parametrize("content", ["Hi", "\n\nHi", " Hi", "Hi \n\n", "", "12345", "ünï 😀\n", "  code:\n    x=1\n"])
def test_a_prompt_is_tokenised_like_one_text(smollm_path: Path, content: str) -> None:
    """As the model learned it: letters at the border of template and message are not torn apart."""
    model = Model(smollm_path)
    messages = [Message(role="system", content=content), Message(role="user", content=content)]
    whole = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"
    data = whole.encode()
    buffer = (llama_cpp.llama_token * len(data))()
    count = llama_cpp.llama_tokenize(model.vocabulary, data, len(data), buffer, len(data), False, True)
    assert ChatTemplate(model).encode(messages) == buffer[:count]
    model.close()


async def test_what_was_drawn_spells_the_text(engine: LocalEngine) -> None:
    completion = await engine.complete(say("Count to five."), Sampling(temperature=0, max_tokens=24))
    assert engine.count_tokens(completion.text) <= len(completion.token_ids) <= 24
    assert completion.text.strip()


async def test_schemas_are_kept_side_by_side(engine: LocalEngine) -> None:
    completions = await asyncio.gather(
        *[
            engine.complete(say(f"Plan step {seed}."), Sampling(seed=seed, max_tokens=120), json_schema=PLAN)
            for seed in range(4)
        ]
    )
    for completion in completions:
        assert completion.finish_reason == "stop"
        jsonschema.validate(json.loads(completion.text), PLAN)
        assert min(completion.logprobs) < 0 == max(completion.logprobs)  # drawn tokens, and forced ones


async def test_an_adapter_of_another_model_is_refused(engine: LocalEngine, tiny_path: Path, tmp_path: Path) -> None:
    path = tiny_model.write_adapter(tmp_path / "other.gguf", tiny_model.make_adapter(0))
    with pytest.raises(ConfigError, match="made for SmolLM2"):
        await engine.load_adapter("other", path)
    assert (await engine.complete(say("Hi"), Sampling(max_tokens=2))).policy_version == "base"
