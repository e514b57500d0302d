"""Who serves models over HTTP: the one table of prefixes, addresses, keys and capabilities.

To add an OpenAI-compatible provider, add a row. What a row says a provider takes is what reaches it; what it rules
out is a `CapabilityError` before any call. Where a provider's models differ among themselves (reasoning models that
refuse a temperature, older ones without JSON schemas), the row says what the API takes, and the server's own refusal
comes back as a `ConfigError` from the first call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentflow.types import Capabilities

HOSTED = Capabilities(json_schema=True, seed=True)
SAMPLER = HOSTED.model_copy(update={"top_k": True, "min_p": True})
TRAINABLE = SAMPLER.model_copy(update={"token_ids": True, "logprobs": True})


@dataclass(frozen=True)
class Provider:
    """One row of the table.

    `base_url`: the usual address; None where everyone has their own, so that the setting or the variable must say it.
    `base_url_variable`: the environment variable that overrides it (the setting `base_url` overrides both).
    `key_variables`: where the key is looked for, in order. Without `key_required` a missing key is fine.
    `max_tokens_field`, `seed_field`: what the API calls them.
    `extra_body`: fields that every request to this provider carries.
    """

    base_url: str | None
    base_url_variable: str
    key_variables: tuple[str, ...]
    capabilities: Capabilities = HOSTED
    key_required: bool = True
    api: Literal["openai", "anthropic", "google"] = "openai"
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    extra_body: Mapping[str, Any] = field(default_factory=dict)


PROVIDERS: dict[str, Provider] = {
    # Servers of one's own. No key is needed, and one is sent where it is set.
    "vllm": Provider(
        "http://localhost:8000/v1",
        "VLLM_BASE_URL",
        ("VLLM_API_KEY",),
        TRAINABLE,
        key_required=False,
        extra_body={"return_token_ids": True, "return_weight_versions": True},
    ),
    "sglang": Provider(
        "http://localhost:30000/v1",
        "SGLANG_BASE_URL",
        ("SGLANG_API_KEY",),
        TRAINABLE,
        key_required=False,
        extra_body={"return_token_ids": True},
    ),
    "llamacpp": Provider(
        "http://localhost:8080/v1", "LLAMACPP_BASE_URL", ("LLAMACPP_API_KEY",), SAMPLER, key_required=False
    ),
    # Ollama cuts prompts that pass its context length without a word: set OLLAMA_CONTEXT_LENGTH where it runs.
    "ollama": Provider("http://localhost:11434/v1", "OLLAMA_BASE_URL", ("OLLAMA_API_KEY",), key_required=False),
    "lmstudio": Provider(
        "http://localhost:1234/v1",
        "LMSTUDIO_BASE_URL",
        ("LMSTUDIO_API_KEY",),
        HOSTED.model_copy(update={"top_k": True}),
        key_required=False,
    ),
    # Hosted.
    "openai": Provider(
        "https://api.openai.com/v1",
        "OPENAI_BASE_URL",
        ("OPENAI_API_KEY",),
        max_tokens_field="max_completion_tokens",
    ),
    "azure": Provider(
        None,
        "AZURE_OPENAI_BASE_URL",
        ("AZURE_OPENAI_API_KEY",),
        max_tokens_field="max_completion_tokens",
    ),
    "openrouter": Provider(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_BASE_URL",
        ("OPENROUTER_API_KEY",),
        SAMPLER,
        # Without it, OpenRouter drops what the chosen host does not take, and says nothing.
        extra_body={"provider": {"require_parameters": True}},
    ),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_BASE_URL", ("TOGETHER_API_KEY",), SAMPLER),
    "fireworks": Provider(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_BASE_URL", ("FIREWORKS_API_KEY",), SAMPLER
    ),
    "deepseek": Provider(
        "https://api.deepseek.com/v1",
        "DEEPSEEK_BASE_URL",
        ("DEEPSEEK_API_KEY",),
        Capabilities(),  # JSON mode without a schema, and no seed
    ),
    "dashscope": Provider(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_BASE_URL",
        ("DASHSCOPE_API_KEY",),
        HOSTED.model_copy(update={"top_k": True}),
    ),
    "groq": Provider(
        "https://api.groq.com/openai/v1",
        "GROQ_BASE_URL",
        ("GROQ_API_KEY",),
        max_tokens_field="max_completion_tokens",
    ),
    "mistral": Provider(
        "https://api.mistral.ai/v1", "MISTRAL_BASE_URL", ("MISTRAL_API_KEY",), seed_field="random_seed"
    ),
    # APIs of their own, through their makers' SDKs.
    "anthropic": Provider(
        "https://api.anthropic.com",
        "ANTHROPIC_BASE_URL",
        ("ANTHROPIC_API_KEY",),
        # Its SDK took temperature, top_p and top_k out of the Messages API with release 1; a seed it never had.
        Capabilities(json_schema=True, temperature=False, top_p=False),
        api="anthropic",
    ),
    "google": Provider(
        "https://generativelanguage.googleapis.com",
        "GOOGLE_GEMINI_BASE_URL",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        HOSTED.model_copy(update={"top_k": True}),
        api="google",
    ),
}

# `http://host:port/v1#model`: any other OpenAI-compatible server. Only what the OpenAI API itself has is assumed of it.
UNLISTED = Provider(None, "", ("OPENAI_COMPATIBLE_API_KEY",), key_required=False)
