"""The calls that publishing to a vLLM server makes, on a server of our own."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

from agentflow.errors import ConfigError, EngineError
from agentflow.train.publish.publisher import Publisher
from agentflow.train.publish.vllm import VllmPublisher
from agentflow.types import Message, Sampling
from tests.engines.fake_server import FakeServer, Reply, Request, Reset, json_reply
from tests.engines.opened import fake_clock

from . import tiny

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")]

HELLO = [Message(role="user", content="hello")]
FINE = Reply(b"Success: LoRA adapter")


def completion() -> Reply:
    message = {"role": "assistant", "content": "hi"}
    logprobs = {"content": [{"token": "hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "logprobs": logprobs,
        "token_ids": [7],
    }
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return json_reply({**body, "prompt_token_ids": [1, 2, 3]})


def answer(request: Request) -> Reply:
    return completion() if request.path.endswith("/chat/completions") else FINE


def open_publisher(server: FakeServer, folder: Path) -> VllmPublisher:
    model = tiny.with_adapter(tiny.make_model())
    settings = {"base_url": f"{server.url}/v1", "max_retries": 2}
    return VllmPublisher(model, "vllm:base-model", folder, settings=settings, clock=fake_clock([]))


async def ask(publisher: Publisher) -> Any:
    return await publisher.engine.complete(HELLO, Sampling(max_tokens=4))


async def test_each_version_is_loaded_asked_for_and_unloaded(tmp_path: Path) -> None:
    async with FakeServer(answer) as server:
        publisher = open_publisher(server, tmp_path)
        versions = [(await ask(publisher)).policy_version]
        for version in ("step-1", "step-2"):
            await publisher.publish(version)
            versions.append((await ask(publisher)).policy_version)
        await publisher.close()
    assert versions == ["base", "step-1", "step-2"]
    calls = [(request.path, request.body) for request in server.requests]
    names = [body.get("model") or (path, body["lora_name"]) for path, body in calls]
    assert names == [
        "base-model",
        ("/v1/load_lora_adapter", "step-1"),
        "step-1",
        ("/v1/load_lora_adapter", "step-2"),
        ("/v1/unload_lora_adapter", "step-1"),
        "step-2",
    ]
    assert calls[1][1]["lora_path"] == str(tmp_path / "step-1")
    assert [path.name for path in tmp_path.iterdir()] == ["step-2"]
    saved = json.loads((tmp_path / "step-2" / "adapter_config.json").read_text())
    assert (saved["r"], saved["lora_alpha"]) == (4, 8)
    assert (tmp_path / "step-2" / "adapter_model.safetensors").exists()


async def test_a_name_left_by_an_earlier_run_is_unloaded_first(tmp_path: Path) -> None:
    taken = json_reply({"message": "The lora adapter 'step-1' has already been loaded."}, status=400)
    async with FakeServer([taken, FINE, FINE]) as server:
        publisher = open_publisher(server, tmp_path)
        await publisher.publish("step-1")
        await publisher.close()
    paths = [request.path for request in server.requests]
    assert paths == ["/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/load_lora_adapter"]


async def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    async with FakeServer([Reset(), Reply(b"busy", 503), FINE]) as server:
        publisher = open_publisher(server, tmp_path)
        await publisher.publish("step-1")
        await publisher.close()


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (json_reply({"detail": "Not Found"}, status=404), ConfigError, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        (json_reply({"message": "rank 64 is greater than max_lora_rank"}, status=400), EngineError, "max_lora_rank"),
    ],
)
async def test_a_refusal_leaves_the_version_before(
    reply: Reply, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    async with FakeServer([reply, completion()]) as server:
        publisher = open_publisher(server, tmp_path)
        with pytest.raises(kind, match=words):
            await publisher.publish("step-1")
        assert (await ask(publisher)).policy_version == "base"
        await publisher.close()
    assert server.requests[-1].body["model"] == "base-model"


def test_whole_weights_can_not_be_published(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LoRA adapters alone"):
        VllmPublisher(tiny.make_model(), "vllm:m", tmp_path)
