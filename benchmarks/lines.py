"""Calls over bare kept-alive http connections, so that no client library's time is in what is measured."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

HEAD = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
ACCEPT = "accept: application/json, text/event-stream\r\n"
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Line:
    """One connection. A call may be sent before its answer is waited for, but one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._session = ""

    @classmethod
    async def open(cls, base: str) -> Line:
        place = urlsplit(base)
        return cls(*await asyncio.open_connection(place.hostname, place.port, limit=1 << 22))

    def close(self) -> None:
        self._writer.transport.abort()

    def send(self, method: str, params: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._writer.write(f"{HEAD}{ACCEPT}{self._session}content-length: {len(body)}\r\n\r\n{body}".encode())

    async def answer(self) -> dict[str, Any]:
        """The result. Raises RuntimeError where it is an error of the protocol."""
        body = await self._body(await self._reader.readuntil(b"\r\n\r\n"))
        events = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        said = json.loads(events[-1] if events else body)
        if "result" not in said:
            raise RuntimeError(said)
        return said["result"]

    async def _body(self, head: bytes) -> bytes:
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"mcp-session-id: "):
                self._session = line.decode() + "\r\n"
            if line.lower().startswith(b"content-length:"):
                return await self._reader.readexactly(int(line.partition(b":")[2]))
        parts = list[bytes]()
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readexactly(2)
        return b"".join(parts)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.send(method, params)
        return await self.answer()

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of a tool. Raises RuntimeError where it failed."""
        said = await self.ask("tools/call", name=tool, arguments=arguments)
        if said.get("isError") and "structuredContent" not in said:
            raise RuntimeError(said["content"][0]["text"])
        return said.get("structuredContent") or said

    async def begin(self) -> None:
        """Open a session of the handshake era."""
        await self.ask("initialize", **INITIALIZE)

    async def listen(self) -> None:
        """Keep the session's stream open; the line is for nothing else then."""
        self._writer.write(f"GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n{ACCEPT}{self._session}\r\n".encode())
        assert b" 200 " in await self._reader.readuntil(b"\r\n\r\n")
