"""What can go wrong on the way to a provider and back, and a TCP front that does it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import traceback
import zlib
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Literal, Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Message

Kind = Literal["submit", "greeting", "poll", "balance", "upload", "audio"]
Deed = Literal[
    "answer",  # this status, body and headers; everything below happens under HTTP and needs `Front`
    "reset_before_body",
    "reset",  # after the body was read
    "hang",
    "drip",  # the right answer, one byte a second
    "close",  # without an answer
    "half_head",
    "half_body",
    "huge",
    "gzip_bomb",
]
HUGE_BYTES = 1 << 30
CHUNK = bytes(1 << 16)


@dataclass(frozen=True)
class Fault:
    """One misdeed. With `charged` the request is carried out and paid for all the same; only its answer suffers."""

    do: Deed = "answer"
    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    charged: bool = False

    @classmethod
    def answer(cls, status: int, body: Any = None, *, charged: bool = False, **headers: str) -> Fault:
        """An HTTP answer: `body` is text as it is, anything else as JSON; `retry_after="3"` becomes `Retry-After`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        said = body if isinstance(body, str) else json.dumps(body)
        kind = "text/html" if said.startswith("<") else "application/json"
        return cls("answer", status, said, {"content-type": kind} | named, charged)

    @classmethod
    def wire(cls, do: Deed, *, charged: bool = True) -> Fault:
        """A misdeed below HTTP."""
        return cls(do, charged=charged and do != "reset_before_body")

    def response(self) -> Response:
        return Response(self.body, self.status, dict(self.headers))


class Faults:
    """What the next requests of each kind will meet, in order."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, kind: Kind, fault: Fault, times: int = 1) -> None:
        self._next[kind].extend([fault] * times)

    def take(self, kind: str, *, wire: bool) -> Fault | None:
        waiting = self._next[kind]
        return waiting.popleft() if waiting and (waiting[0].do != "answer") == wire else None

    def clear(self) -> None:
        self._next.clear()


class Faulty(Protocol):
    """What the front has to know of an emulator."""

    faults: Faults
    violations: list[str]

    @property
    def app(self) -> ASGIApp: ...

    def kind_of(self, method: str, path: str) -> str: ...

    def saw(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> object: ...


@dataclass
class _Head:
    method: str
    target: str
    headers: list[tuple[bytes, bytes]]

    def value(self, name: bytes) -> bytes:
        return next((value for known, value in self.headers if known == name), b"")

    def named(self) -> dict[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}


@dataclass
class _Reply:
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    body: bytearray = field(default_factory=bytearray)

    def raw(self) -> tuple[bytes, bytes]:
        named = [pair for pair in self.headers if pair[0] != b"content-length"]
        lines = [b"%s: %s" % pair for pair in [*named, (b"content-length", b"%d" % len(self.body))]]
        return b"\r\n".join([b"HTTP/1.1 %d X" % self.status, *lines, b"", b""]), bytes(self.body)


class Front:
    """A small HTTP/1.1 server on loopback for one emulator, which can misbehave below HTTP.

    Use it as `async with Front(emulator) as url`, or in a thread or process through `emulators.serve`.
    """

    def __init__(self, emulator: Faulty, port: int = 0) -> None:
        self._emulator = emulator
        self._port = port
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self._port, backlog=1024)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False once the connection is done with."""
        head = _parse(await reader.readuntil(b"\r\n\r\n"))
        path = head.target.partition("?")[0]
        fault = self._emulator.faults.take(self._emulator.kind_of(head.method, path), wire=True)
        if fault is not None and not fault.charged:
            self._emulator.saw(head.method, path, head.named())
        if fault is not None and fault.do == "reset_before_body":
            return _reset(writer)
        body = await _read_body(head, reader)
        if fault is None:
            top, rest = (await self._reply(head, body, "plain")).raw()
            writer.write(top + rest)
            await writer.drain()
            return head.value(b"connection").lower() != b"close"
        top, rest = (await self._reply(head, body, "faulted") if fault.charged else _Reply()).raw()
        await _misbehave(fault.do, top, rest, reader, writer)
        return False

    async def _reply(self, head: _Head, body: bytes, front: Literal["plain", "faulted"]) -> _Reply:
        """What the emulator itself answers."""
        path, _, query = head.target.partition("?")
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": head.method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "root_path": "", "headers": head.headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
            "extensions": {"front": front},
        }  # fmt: skip
        reply = _Reply()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], list(message["headers"])
            else:
                reply.body += message.get("body", b"")

        try:
            await self._emulator.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  (a bug of the emulator must fail the test, not hang it)
            self._emulator.violations.append(f"the emulator broke: {error!r}")
            traceback.print_exc()
        return reply


def _parse(raw: bytes) -> _Head:
    first, *lines = raw[:-4].split(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ", 2)
    pairs = [line.split(b":", 1) for line in lines]
    return _Head(method, target, [(name.strip().lower(), value.strip()) for name, value in pairs])


async def _read_body(head: _Head, reader: asyncio.StreamReader) -> bytes:
    if head.value(b"transfer-encoding").lower() != b"chunked":
        return await reader.readexactly(int(head.value(b"content-length") or 0))
    found = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(found)


def _reset(writer: asyncio.StreamWriter) -> bool:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def _misbehave(
    do: Deed, top: bytes, rest: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    match do:
        case "reset":
            _reset(writer)
        case "hang":
            await reader.read(1)  # returns once the client goes away
        case "half_head":
            writer.write(top[: len(top) // 2])
        case "half_body":
            writer.write(top + rest[: len(rest) // 2])
        case "drip":
            for byte in top + rest:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        case "huge":
            await _pour(writer, b"", (CHUNK for _ in range(HUGE_BYTES // len(CHUNK))))
        case "gzip_bomb":
            start, block = _bomb()
            await _pour(writer, b"content-encoding: gzip\r\n", (start, *[block] * (HUGE_BYTES >> 24)))
        case _:
            pass


async def _pour(writer: asyncio.StreamWriter, header: bytes, chunks: Iterator[bytes] | tuple[bytes, ...]) -> None:
    writer.write(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\n" + header + b"\r\n")
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()


@cache
def _bomb() -> tuple[bytes, bytes]:
    """A gzip header, and a block that stands for 16 MiB and can be repeated."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.flush(zlib.Z_SYNC_FLUSH)
    first = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + first, packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
