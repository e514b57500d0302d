"""Chat completions, as OpenAI defined them and a dozen other servers speak them: how to ask."""

import os
from collections.abc import Sequence
from typing import Any

from agentflow.engines.openai_answer import parse_completion
from agentflow.engines.providers import PROVIDERS
from agentflow.engines.remote import Endpoint
from agentflow.engines.sdk import body_of
from agentflow.errors import ConfigError
from agentflow.types import Completion, JsonSchema, Message, Sampling

# What the engine answers for: `extra_body` may not set it behind the capability table's back.
_OWN_FIELDS = {
    *("model", "messages", "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop"),
    *("seed", "random_seed", "response_format", "n", "stream"),
    *("logprobs", "return_token_ids", "return_weight_versions"),
}


class OpenAICompatible:
    """The API of one OpenAI-compatible server."""

    def __init__(self, endpoint: Endpoint) -> None:
        import openai

        taken = _OWN_FIELDS & set(endpoint.settings.extra_body)
        if taken:
            raise ConfigError(f"engine {endpoint.engine!r}: extra_body may not set {', '.join(sorted(taken))}")
        self._endpoint = endpoint
        # Sent with each request, where they win over what the SDK finds in the environment.
        self._headers: dict[str, Any] = {}
        if endpoint.provider is not PROVIDERS["openai"]:
            self._headers |= dict.fromkeys(_headers_for_openai_alone(), openai.Omit())
        self._headers["Authorization"] = f"Bearer {endpoint.key.value}" if endpoint.key.value else openai.Omit()
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.key.value or "none",  # the SDK insists on one; the header above decides
            base_url=endpoint.base_url,
            max_retries=0,  # retry.py does it
            timeout=None,  # dispatch.py does it
        )

    async def ask(self, messages: Sequence[Message], sampling: Sampling, json_schema: JsonSchema | None) -> Completion:
        """One request. See `Api`."""
        import openai

        request = self._client.chat.completions.with_raw_response.create(
            model=self._endpoint.model,
            messages=[{"role": message.role, "content": message.content} for message in messages],  # type: ignore[misc]
            extra_headers=self._headers,
            extra_body=request_fields(self._endpoint, sampling, json_schema),
        )
        return parse_completion(self._endpoint, await body_of(self._endpoint, openai, request))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _headers_for_openai_alone() -> list[str]:
    """Headers that the SDK takes from OPENAI_* variables, and would send to every other provider as well."""
    custom = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in custom if ":" in line]
    return ["OpenAI-Organization", "OpenAI-Project", *names]


def request_fields(endpoint: Endpoint, sampling: Sampling, json_schema: JsonSchema | None) -> dict[str, Any]:
    """The request but for model and messages: each setting exactly as given, and nothing for what is not set."""
    provider = endpoint.provider
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        provider.max_tokens_field: sampling.max_tokens,
        provider.seed_field: sampling.seed,
        "stop": list(sampling.stop) or None,
        "logprobs": provider.capabilities.logprobs or None,
    }
    if json_schema is not None:
        constraint = {"name": "reply", "schema": json_schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": constraint}
    given = {name: value for name, value in fields.items() if value is not None}
    return given | dict(provider.extra_body) | endpoint.settings.extra_body
