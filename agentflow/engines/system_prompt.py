"""For APIs that take the system prompt apart from the messages."""

from collections.abc import Sequence

from agentflow.errors import ConfigError
from agentflow.types import Message


def split_system(engine: str, messages: Sequence[Message]) -> tuple[list[str], list[Message]]:
    """The leading system messages' texts, and the rest of the conversation.

    >>> split_system("x", [Message(role="system", content="Be brief."), Message(role="user", content="Hi")])
    (['Be brief.'], [Message(role='user', content='Hi')])

    Raises `ConfigError` if a system message follows a user's: moving it forward would change the prompt.
    """
    num_system = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    rest = list(messages[num_system:])
    if any(message.role == "system" for message in rest):
        raise ConfigError(f"engine {engine!r} takes system messages only ahead of all others")
    return [message.content for message in messages[:num_system]], rest
