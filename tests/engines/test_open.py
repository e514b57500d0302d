"""Opening engines: which specification leads where, and what is refused before any call."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.engines import ScriptedEngine, open_engine
from agentflow.engines.open import read_endpoint, split_spec
from agentflow.engines.providers import PROVIDERS
from agentflow.errors import ConfigError
from agentflow.types import Engine

CANARY = "sk-canary-17"


@pytest.mark.parametrize("prefix", PROVIDERS)
def test_every_row_leads_to_its_own_address_with_its_own_key(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    provider = PROVIDERS[prefix]
    monkeypatch.setenv(provider.key_variables[0], CANARY)
    monkeypatch.setenv(provider.base_url_variable, provider.base_url or "https://mine.example/v1")
    endpoint = read_endpoint(f"{prefix}:some/model:tag#1", {})
    assert (endpoint.model, endpoint.key.value) == ("some/model:tag#1", CANARY)
    assert endpoint.base_url == (provider.base_url or "https://mine.example/v1")
    assert endpoint.provider is provider
    assert CANARY not in repr(endpoint)


@pytest.mark.parametrize(
    ("spec", "prefix", "model"),
    [
        ("vllm:openai/gpt-oss-20b", "vllm", "openai/gpt-oss-20b"),  # no routing by what the model's name holds
        ("openrouter:anthropic/claude-x", "openrouter", "anthropic/claude-x"),
        ("ollama:qwen3:8b", "ollama", "qwen3:8b"),
        ("together:google:x", "together", "google:x"),
        ("scripted:/a:b/c.json", "scripted", "/a:b/c.json"),
    ],
)
def test_only_the_first_colon_counts(spec: str, prefix: str, model: str) -> None:
    assert split_spec(spec) == (prefix, model)


@given(st.text())
def test_any_text_is_an_engine_or_a_config_error(spec: str) -> None:
    try:
        prefix, model = split_spec(spec)
    except ConfigError:
        return
    assert f"{prefix}:{model}" == spec


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("gpt-5", r"'gpt-5' is not of the form PREFIX:MODEL"),
        ("", r"'' is not of the form PREFIX:MODEL"),
        ("openai:", r"names no model: write openai:MODEL"),
        ("vllm:  ", r"names no model"),
        ("local:", r"names no model"),
        ("olama:qwen3", r"unknown engine prefix 'olama': did you mean 'ollama'\?"),
        ("myopenai:gpt-5", r"unknown engine prefix 'myopenai'"),
        ("OpenAI:gpt-5", r"unknown engine prefix 'OpenAI'"),
        ("http://localhost:8000/v1", r"names no model: write http://host:port/v1#MODEL"),
        ("https://x.example/v1#", r"names no model"),
        ("http:///v1#m", r"is not of the form http://host:port/v1"),
    ],
)
def test_wrong_specifications_say_what_is_wrong(spec: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        open_engine(spec)


def test_any_server_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    endpoint = read_endpoint("http://localhost:9000/v1#org/model#2", {})
    assert (endpoint.base_url, endpoint.model) == ("http://localhost:9000/v1", "org/model#2")
    assert endpoint.key.value == ""  # OpenAI's key is not for strangers
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", "sk-other")
    assert read_endpoint("https://x.example/v1#m", {}).key.value == "sk-other"


@pytest.mark.parametrize("address", [f"http://me:{CANARY}@x.example/v1", f"https://x.example/v1?key={CANARY}"])
def test_an_address_may_hold_no_secret_and_is_not_repeated(address: str) -> None:
    for spec, settings in [(f"{address}#m", {}), (address, {}), ("vllm:m", {"base_url": address})]:
        with pytest.raises(ConfigError, match="no user, password or query") as caught:
            open_engine(spec, settings=settings)
        assert CANARY not in str(caught.value)


def test_the_address_setting_wins_over_the_environment_and_that_over_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_endpoint("vllm:m", {}).base_url == "http://localhost:8000/v1"
    monkeypatch.setenv("VLLM_BASE_URL", "http://gpu:1/v1")
    assert read_endpoint("vllm:m", {}).base_url == "http://gpu:1/v1"
    assert read_endpoint("vllm:m", {"base_url": "http://gpu:2/v1"}).base_url == "http://gpu:2/v1"
    with pytest.raises(ConfigError, match="'gpu:2' is not of the form"):
        read_endpoint("vllm:m", {"base_url": "gpu:2"})


@pytest.mark.parametrize("prefix", [prefix for prefix, row in PROVIDERS.items() if row.key_required])
def test_a_missing_key_is_named_at_open_time(prefix: str) -> None:
    settings = {"base_url": "https://x.example/v1"}
    with pytest.raises(ConfigError, match=f"needs an API key: set {PROVIDERS[prefix].key_variables[0]}"):
        open_engine(f"{prefix}:m", settings=settings)


def test_azure_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", CANARY)
    with pytest.raises(ConfigError, match="needs an address: set AZURE_OPENAI_BASE_URL or base_url"):
        open_engine("azure:m")


@pytest.mark.parametrize("key", [CANARY + "\n", CANARY + "\r\nX-Evil: 1", "a " + CANARY, CANARY + "\u00e9"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds a space, a line break") as caught:
        open_engine("openai:m")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_retry": 1}, r"unknown setting of engine 'vllm:m' 'max_retry': did you mean 'max_retries'\?"),
        ({"api_key": CANARY}, r"unknown setting .* 'api_key'"),
        ({"max_concurrency": 0}, r"setting max_concurrency is 0: .* greater than or equal to 1"),
        ({"max_concurrency": 1001}, r"setting max_concurrency is 1001"),
        ({"max_concurrency": "many"}, r"setting max_concurrency is 'many'"),
        ({"timeout_seconds": 0}, r"setting timeout_seconds is 0"),
        ({"timeout_seconds": float("inf")}, r"setting timeout_seconds is inf"),
        ({"max_retries": -1}, r"setting max_retries is -1"),
        ({"context_length": 0}, r"setting context_length is 0"),
        ({"extra_body": {"temperature": 1, "seed": 2, "x": 3}}, r"extra_body may not set seed, temperature"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        open_engine("vllm:m", settings=settings)
    assert CANARY not in str(caught.value)


def test_extra_body_is_not_for_every_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    with pytest.raises(ConfigError, match="can not take extra_body"):
        open_engine("anthropic:m", settings={"extra_body": {"x": 1}})


@pytest.mark.parametrize(("prefix", "package"), [("anthropic", "anthropic"), ("google", "google-genai")])
def test_a_missing_package_comes_with_its_remedy(monkeypatch: pytest.MonkeyPatch, prefix: str, package: str) -> None:
    monkeypatch.setenv(PROVIDERS[prefix].key_variables[0], CANARY)
    # None in sys.modules is Python's own way to say that an import fails.
    monkeypatch.setitem(sys.modules, {"anthropic": "anthropic", "google": "google.genai"}[prefix], None)
    with pytest.raises(ConfigError, match=rf"needs the package {package}: pip install 'agentflow-grpo\[{prefix}\]'"):
        open_engine(f"{prefix}:m")


@pytest.mark.anyio
async def test_an_opened_engine_is_an_engine() -> None:
    engine = open_engine("vllm:m", settings={"context_length": 4096})
    assert isinstance(engine, Engine)
    assert engine.name == "vllm:m"
    assert engine.capabilities.context_length == 4096
    assert engine.capabilities.token_ids
    await engine.close()


def test_the_embedded_engine_gets_the_name_and_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, dict[str, Any]]] = []
    stand_in = ModuleType("agentflow.engines.local")

    def open_local(model: str, **settings: Any) -> Engine:
        opened.append((model, settings))
        return ScriptedEngine([])

    stand_in.open_local = open_local  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "agentflow.engines.local", stand_in)
    open_engine("local:qwen:q4", settings={"num_threads": 2})
    assert opened == [("qwen:q4", {"num_threads": 2})]


def test_a_script_is_opened_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "script.jsonl").write_text('{"reply": "hi"}\n')
    engine = open_engine(f"scripted:{tmp_path}/script.jsonl")
    assert engine.name == f"scripted:{tmp_path}/script.jsonl"


def test_only_training_servers_claim_token_ids() -> None:
    claims = {prefix for prefix, row in PROVIDERS.items() if row.capabilities.token_ids}
    assert claims == {"vllm", "sglang"}
    assert all(row.capabilities.token_ids == row.capabilities.logprobs for row in PROVIDERS.values())


def test_importing_the_package_loads_no_sdk() -> None:
    heavy = {"openai", "anthropic", "google.genai", "llama_cpp", "httpx2", "torch", "numpy"}
    program = f"import sys, agentflow.engines; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
