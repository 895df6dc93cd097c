"""One http connection in bare bytes, so that what is sent may be wrong and what comes is seen as it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

PLAIN: Mapping[str, str] = {
    "host": "127.0.0.1", "accept": "application/json, text/event-stream", "content-type": "application/json",
}  # fmt: skip
_LONGEST = 1 << 26


@dataclass(frozen=True)
class Reply:
    """What came. Status 0 where the server closed without a word."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    def answers(self) -> list[dict[str, Any]]:
        """The JSON-RPC answers in it: of JSON, of a batch, or of a stream."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            found: Any = [json.loads(line[5:]) for line in self.body.splitlines() if _has_data(line)]
        elif kind.startswith("application/json") and self.body:
            found = json.loads(self.body)
        else:
            found = []
        some = cast(list[dict[str, Any]], found if isinstance(found, list) else [found])
        return [one for one in some if "method" not in one]


def _has_data(line: bytes) -> bool:
    return line.startswith(b"data:") and bool(line[5:].strip())


def request(body: bytes, headers: Mapping[str, str], *, method: str = "POST", path: str = "/mcp") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [] if "content-length" in headers or "transfer-encoding" in headers else [f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


class Wire:
    """A connection that is opened again where the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, data: bytes, *, cut: bool = False, head_only: bool = False) -> Reply:
        """Send `data` and read what comes; `cut` ends the sending, `head_only` leaves a stream at its beginning."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=_LONGEST)
        reader, writer = self._streams
        reply, again = Reply(0), False
        with suppress(OSError, asyncio.IncompleteReadError):  # closed, which may be the right answer
            writer.write(data)
            if cut:
                writer.write_eof()
            reply, again = await _read(reader, head_only)
        if cut or head_only or not again:
            self.close()
        return reply

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read(reader: asyncio.StreamReader, head_only: bool) -> tuple[Reply, bool]:
    status, headers = await _head(reader)
    while 100 <= status < 200:
        status, headers = await _head(reader)
    body = b"" if head_only or status == 204 else await _body(reader, headers)
    return Reply(status, headers, body), headers.get("connection", "") != "close"


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        found = bytearray()
        while size := int(await reader.readuntil(b"\r\n"), 16):
            found += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return bytes(found)
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read()
