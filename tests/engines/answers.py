"""A good answer of each server, in its own format. The text is always "Hi there"."""

from typing import Any

OPENAI: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi there"}, "finish_reason": "stop", "logprobs": None}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "Hi there"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 9,
        "output_tokens": 3,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
    },
}
GOOGLE_CANDIDATE: dict[str, Any] = {
    "content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Hi "}, {"text": "there"}]},
    "finishReason": "STOP",
    "index": 0,
}
GOOGLE: dict[str, Any] = {
    "candidates": [GOOGLE_CANDIDATE],
    "usageMetadata": {
        "promptTokenCount": 9,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 5,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 16,
    },
    "modelVersion": "gemini-x-001",
}
