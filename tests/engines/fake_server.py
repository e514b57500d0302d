"""A real HTTP server on loopback that answers by a script, for everything that can go wrong between two machines."""

import asyncio
import inspect
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """What arrived. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """A whole HTTP answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Headers, and then nothing until the client goes away."""


@dataclass(frozen=True)
class Drip:
    """Headers, and then a byte of white space now and then: a time-out between bytes would never fire."""


@dataclass(frozen=True)
class Reset:
    """The connection is torn down without an answer."""


@dataclass(frozen=True)
class CutOff:
    """Half an answer, and the connection is closed."""


Answer = Reply | Hang | Drip | Reset | CutOff
Script = Sequence[Answer] | Callable[[Request], Answer | Awaitable[Answer]]


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """`value` as a JSON answer."""
    content_type = {"content-type": "application/json"}
    return Reply(json.dumps(value).encode(), status, content_type | dict(headers or {}))


class FakeServer:
    """Answers its requests in order, or by a function of the request; records what came in.

    `first_request` is set when something has come in.
    `most_in_flight`: the largest number of requests that waited for their answer at the same time.
    `desertions` gets an entry for each client that goes away from a `Hang` or a `Drip`.
    """

    def __init__(self, script: Script) -> None:
        self._script = script if callable(script) else None
        self._answers = iter(() if callable(script) else script)
        self._connections: set[asyncio.Task[None]] = set()
        self.requests: list[Request] = []
        self.most_in_flight = self.in_flight = 0
        self.desertions: asyncio.Queue[None] = asyncio.Queue()
        self.first_request = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                self.first_request.set()
                await self._answer(request, reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass  # the test is over, or the client went away
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = await self._next(request)
            self.in_flight -= 1
            await self._send(answer, reader, writer)
        except BaseException:
            self.in_flight -= 1
            raise

    async def _next(self, request: Request) -> Answer:
        if self._script is None:
            return next(self._answers, Reply(b"the fake server's script is used up", 418))
        answer = self._script(request)
        return await answer if inspect.isawaitable(answer) else answer

    async def _send(self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(answer, Reply):
            headers = {"content-length": str(len(answer.body)), **answer.headers}
            writer.write(_head(answer.status, headers) + answer.body)
            await writer.drain()
            return
        if isinstance(answer, Reset):
            # Linger of 0 seconds: the peer gets a reset, and not an orderly end.
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        writer.write(_head(200, {"content-type": "application/json", "content-length": "1000"}) + b'{"choices": [')
        await writer.drain()
        if isinstance(answer, CutOff):
            writer.close()
            return
        await self._wait_for_desertion(reader, writer, drip=isinstance(answer, Drip))

    async def _wait_for_desertion(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, drip: bool
    ) -> None:
        gone = asyncio.create_task(reader.read())
        try:
            while not (await asyncio.wait([gone], timeout=0.02 if drip else None))[0]:
                writer.write(b" ")
        finally:
            gone.cancel()
        self.desertions.put_nowait(None)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Fake", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    pairs = [line.split(": ", 1) for line in head[1:] if line]
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(body) if body else None)
