"""Exported policies, and what can be wrong with a model, its tokenizer or the disk."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.engines.local import open_local
from agentflow.engines.transformers import load_model, load_tokenizer
from agentflow.engines.transformers.architecture import Architecture
from agentflow.errors import ConfigError
from agentflow.train.publish.check_tokenizer import check_tokenizer
from agentflow.train.publish.export import export_policy
from agentflow.train.publish.lora import export_lora_gguf
from agentflow.train.publish.model import export_gguf
from agentflow.train.publish.weights import adapter_of, base_of
from agentflow.types import Message, Sampling
from tests.engines.local import tiny_model, torch_reference

from . import tiny

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")

TOKENS = torch.tensor([[5, 80, 81, 9, 200, 17]])


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(TOKENS).logits


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_file_read_back_is_the_same_model(kind: str, tied: bool, tokenizer: Path, tmp_path: Path) -> None:
    model = tiny.make_model(kind, tied=tied)
    back = load_model(export_gguf(model, tokenizer, tmp_path / "m.gguf", "f32"))
    assert torch.equal(logits(back), logits(model))
    again = export_gguf(back, tmp_path / "m.gguf", tmp_path / "n.gguf", "f32")
    assert torch.equal(logits(load_model(again)), logits(model))


@pytest.mark.anyio
async def test_a_merged_policy_is_solved_with(tokenizer: Path, tmp_path: Path) -> None:
    model = tiny.with_adapter(tiny.make_model("qwen2"))
    before = logits(model)
    exported = export_policy(model, tokenizer, tmp_path / "out")
    assert torch.equal(logits(model), before)
    assert torch.allclose(logits(load_model(exported.folder)), before, atol=1e-4)
    engine = open_local(str(exported.gguf), cells=1024, threads=1)
    sampling = Sampling(temperature=1, max_tokens=40, seed=1)
    completion = await engine.complete([Message(role="user", content="hello")], sampling)
    assert np.abs(torch_reference.logprobs(model, completion, sampling) - completion.logprobs).mean() < 0.005
    await engine.close()


def test_an_adapter_alone(tokenizer: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    model = tiny.with_adapter(tiny.make_model())
    exported = export_policy(model, tokenizer, tmp_path / "out", "adapter")
    again = PeftModel.from_pretrained(tiny.make_model(), exported.folder).eval()
    assert torch.allclose(logits(again), logits(model), atol=1e-5)
    assert exported.gguf.name == "adapter.gguf"
    with pytest.raises(ConfigError, match="is there already"):
        export_policy(model, tokenizer, tmp_path / "out")
    with pytest.raises(ConfigError, match="no adapter to export"):
        export_policy(tiny.make_model(), tokenizer, tmp_path / "other", "adapter")


@pytest.mark.parametrize("template", [tiny_model.TEMPLATE, "{{ bos_token }}"])
def test_a_matching_tokenizer_is_fine(template: str, tmp_path: Path) -> None:
    check_tokenizer(
        tiny_model.write_model(tmp_path / "m.gguf"), tiny.write_tokenizer(tmp_path / "tok", template=template)
    )


def test_a_tokenizer_is_rebuilt_from_a_file(tmp_path: Path) -> None:
    path = tiny_model.write_model(tmp_path / "m.gguf")
    load_tokenizer(path).save_pretrained(tmp_path / "tok")
    check_tokenizer(path, tmp_path / "tok")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"<|endoftext|>": 261', '"<|endoftext|>": 271', "tokens, and the file"),
        ('[\n        "h",\n        "e"\n      ],\n', "", "becomes"),
        ("<|im_start|>", "<|turn|>", "token 262 is '<|turn|>'"),
    ],
)
def test_a_tokenizer_that_does_not_match(old: str, new: str, words: str, tmp_path: Path) -> None:
    folder = tiny.write_tokenizer(tmp_path / "tok")
    file = folder / "tokenizer.json"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"is not that of m\.gguf") as caught:
        check_tokenizer(tiny_model.write_model(tmp_path / "m.gguf"), folder)
    assert words in str(caught.value)


def test_another_kind_of_model(tokenizer: Path, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(ConfigError, match="the kind 'gpt2'"):
        export_gguf(model, tokenizer, tmp_path / "m.gguf")


def test_the_file_of_another_model(tmp_path: Path) -> None:
    source = tiny_model.write_model(tmp_path / "source.gguf")
    with pytest.raises(ConfigError, match="llama model, and the weights are those of qwen2"):
        export_gguf(tiny.make_model("qwen2"), source, tmp_path / "m.gguf")
    with pytest.raises(ConfigError, match="block_count is 2, and num_hidden_layers is 3"):
        export_gguf(tiny.make_model(num_hidden_layers=3), source, tmp_path / "m.gguf")
    with pytest.raises(ConfigError, match="has 264 tokens, and the model 267"):
        export_gguf(tiny.make_model(), source, tmp_path / "m.gguf")


def test_a_tokenizer_with_more_tokens_than_the_model(tokenizer: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the tokenizer has 264 tokens and the model 200"):
        export_gguf(tiny.make_model(vocab_size=200), tokenizer, tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(ConfigError, match="are wanted"):
        export_gguf(tiny.make_model(), tokenizer, tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite(tokenizer: Path, tmp_path: Path) -> None:
    model = tiny.make_model()
    model.model.layers[1].mlp.up_proj.weight.data[3, 4] = 1e6
    with pytest.raises(ConfigError, match=r"layers\.1\.mlp\.up_proj holds numbers that are not finite at 16 bits"):
        export_gguf(model, tokenizer, tmp_path / "m.gguf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"bias": "all"}, {"rank_pattern": {"q_proj": 2}}], ids=str)
def test_an_adapter_that_llama_cpp_can_not_apply(settings: dict[str, Any], tmp_path: Path) -> None:
    model = tiny.with_adapter(tiny.make_model(), **settings)
    architecture = Architecture.of(base_of(model).config)
    with pytest.raises(ConfigError, match=f"can not apply an adapter with {next(iter(settings))}"):
        export_lora_gguf(adapter_of(model), model.peft_config["default"], architecture, tmp_path / "a.gguf")
