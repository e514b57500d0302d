"""What is written in place of the folders and servers that settings name.

A server is `SERVER-` with the first digits of a hash, so that two servers stay two. A path is its last part; that of a
model has the first digits of its content's hash behind it, as all that are trained here are called `model.gguf`.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from agentflow.engines.models import MODELS
from agentflow.engines.open import spec_of_path, split_spec

_DIGITS = 6
_LEAST_PARTS = 3  # of an absolute path that is worth hiding: "/", "a", "b"; "/tmp" stands in many a text
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://(?P<server>[^/?#\s\"']+)(?P<path>[^?#\s\"']*)(?P<query>\?[^#\s\"']*)?")
_PORT = re.compile(r":\d+$")
_OPTION = re.compile(r"--?[\w-]+=")
_PREFIX = re.compile(r"[a-z]+:")
_OF_FILES = ("local:", "transformers:", "scripted:")
_FILE_NAME = re.compile(r"\S*\.[A-Za-z]\w*")
BEFORE_A_PATH = r"(?:(?<![\w./~@-])|(?<=file://))"
_AFTER_A_PATH = r"(?![\w@-])"


class StandIn(NamedTuple):
    """A private text, what is written for it, and the pattern that finds it in a longer text and not inside words."""

    private: str
    public: str
    pattern: str


def stand_ins_of(text: str) -> Iterator[StandIn]:
    """Those for one setting, whatever it is: nothing private is in most.

    >>> [(found.private, found.public) for found in stand_ins_of("http://ann:pw@gpu7.lab:8000/v1#planner")]
    [('ann:pw@gpu7.lab:8000', 'SERVER-38494c'), ('gpu7.lab:8000', 'SERVER-38494c')]
    >>> [(found.private, found.public) for found in stand_ins_of("local:/data/ann/planner.gguf")]
    [('/data/ann/planner.gguf', 'planner.gguf')]
    >>> list(stand_ins_of("vllm:Qwen/Qwen2.5-7B")), list(stand_ins_of("http://localhost:8000/v1#planner"))
    ([], [])
    """
    addresses = list(_ADDRESS.finditer(text))
    for address in addresses:
        yield from _of_address(address)
    if addresses:
        return
    option = _OPTION.match(text)
    value = text[option.end() :] if option else text
    prefix = _PREFIX.match(value)
    place = value[prefix.end() :] if prefix else value
    if _is_path(prefix.group() if prefix else "", place):
        yield from stand_ins_of_path(place)


def stand_ins_of_path(path: str, public: str = "") -> Iterator[StandIn]:
    """Those for a path as it is spelt, and spelt out, as errors have it; its last part, unless it is told another."""
    expanded = os.path.expanduser(path)
    for spelling in dict.fromkeys((path, expanded, os.path.abspath(expanded))):
        private = spelling.rstrip("/")
        if len(Path(private).parts) >= (_LEAST_PARTS if private.startswith("/") else 2):
            pattern = f"{BEFORE_A_PATH}{re.escape(private)}{_AFTER_A_PATH}"
            yield StandIn(private, public or Path(private).name, pattern)


def stand_ins_of_endpoint(url: str) -> Iterator[StandIn]:
    """Those for the URL of an MCP server, whose path can be a key.

    >>> [found.public for found in stand_ins_of_endpoint("https://mcp.example.org/s/4711/mcp")]
    ['SERVER-77bd9f', 'SERVER-57f490']
    """
    for address in _ADDRESS.finditer(url):
        server = address["server"]
        if not _is_here(server):
            whole = server + address["path"] + (address["query"] or "")
            yield StandIn(whole, _server(whole), f"(?<=://){re.escape(whole)}")
        yield from _of_address(address)


def stand_ins_of_weights(spec: str, file: str, sha256: str) -> Iterator[StandIn]:
    """Those for an engine whose weights, or whose script, are a file: its name, and what is in it.

    >>> found = stand_ins_of_weights("scripted:team/planner.jsonl", "planner.jsonl", "30fd0e150be5")
    >>> next(found)[:2]
    ('team/planner.jsonl', 'planner.jsonl@30fd0e')
    """
    prefix, place = split_spec(spec_of_path(spec))
    if place in MODELS:
        return
    public = f"{file}@{sha256[:_DIGITS]}"
    for path in dict.fromkeys((place, spec.removeprefix(f"{prefix}:"))):
        if "/" not in path:  # may be any word
            yield StandIn(path, public, f"(?<={prefix}:){re.escape(path)}{_AFTER_A_PATH}")
        else:
            yield from stand_ins_of_path(path, public)


def texts_of(value: Any) -> Iterator[str]:
    """All texts in a value of JSON, names of fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *texts_of(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


def _of_address(address: re.Match[str]) -> Iterator[StandIn]:
    """The server, and in longer texts of their own a user and a query, which are left out."""
    server, path, query = address["server"], address["path"], address["query"]
    host = server.rpartition("@")[2]
    public = host if _is_here(server) else _server(host)
    if query:
        whole = server + path + query
        yield StandIn(whole, public + path, f"(?<=://){re.escape(whole)}")
    if host != server:
        yield StandIn(server, public, rf"(?<![\w.@-]){re.escape(server)}(?!\w)")
    if host != public:  # without a port it may be any word: `http://planner/v1`
        before = r"(?<![\w.-])" if _PORT.search(host) else "(?<=://)"
        yield StandIn(host, public, rf"{before}{re.escape(host)}(?![\w-]|\.\w)")


def _is_path(prefix: str, place: str) -> bool:
    """Whether a text is a path; `Qwen/Qwen2.5-7B`, behind the prefix of a server, is none."""
    if place.startswith(("/", "~/")):
        return len(Path(place).parts) >= _LEAST_PARTS or place.startswith("~")
    if "/" not in place:
        return False
    return prefix in _OF_FILES or (not prefix and (bool(_FILE_NAME.fullmatch(place)) or os.path.exists(place)))


def _is_here(server: str) -> bool:
    return _PORT.sub("", server.rpartition("@")[2]).strip("[]").lower() in _LOOPBACK


def _server(text: str) -> str:
    return f"SERVER-{hashlib.sha256(text.lower().encode(errors='replace')).hexdigest()[:_DIGITS]}"
