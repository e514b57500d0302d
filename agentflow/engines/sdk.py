"""What the SDKs of OpenAI and Anthropic, made by one generator, have in common: how they answer and how they fail."""

from collections.abc import Awaitable
from typing import Any

from agentflow.engines.failures import no_connection, status_failure
from agentflow.engines.remote import Endpoint


async def body_of(endpoint: Endpoint, sdk: Any, request: Awaitable[Any]) -> str:
    """The text of a successful answer to a `with_raw_response` request; else what `status_failure` makes of it."""
    failure: Exception
    try:
        return str((await request).http_response.text)
    except sdk.APIStatusError as error:
        failure = status_failure(endpoint, error.status_code, error.response.headers, error.response.text)
    except sdk.APIConnectionError as error:
        failure = no_connection(endpoint.key, error.__cause__ or error)
    raise failure  # outside the handlers: the SDK's error may quote the key, and would hang on as its context
