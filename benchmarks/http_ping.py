"""Pings over one kept-alive http connection, and how long a server with many sessions takes to leave.

    .venv/bin/python benchmarks/http_ping.py [PINGS] [SESSIONS]

Bare sockets, so that no client library's time is in it.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.processes import Home, http_server, peak_memory

HEAD = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
ACCEPT = "accept: application/json, text/event-stream\r\n"
AT_ONCE = 50


class Line:
    """One connection with a session of the handshake era."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._session = ""

    async def ask(self, method: str, params: dict[str, object]) -> bytes:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._writer.write(f"{HEAD}{ACCEPT}{self._session}content-length: {len(body)}\r\n\r\n{body}".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        await self._reader.readuntil(b"0\r\n\r\n")
        return head

    async def open(self) -> None:
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        found = re.search(rb"mcp-session-id: \w+\r\n", await self.ask("initialize", {**params}))
        assert found
        self._session = found.group().decode()

    async def listen(self) -> None:
        self._writer.write(f"GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n{ACCEPT}{self._session}\r\n".encode())
        assert b" 200 " in await self._reader.readuntil(b"\r\n\r\n")


async def line(port: int) -> Line:
    opened = Line(*await asyncio.open_connection("127.0.0.1", port))
    await opened.open()
    return opened


async def pings(port: int, count: int) -> list[float]:
    """Milliseconds of each."""
    client = await line(port)
    took: list[float] = []
    for _ in range(count):
        before = time.perf_counter()
        await client.ask("ping", {})
        took.append((time.perf_counter() - before) * 1000)
    return took


async def many(port: int, count: int) -> list[Line]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one() -> Line:
        async with turn:
            opened = await line(port)
            await opened.listen()
            return opened

    return await asyncio.gather(*(one() for _ in range(count)))


async def run(count: int, sessions: int) -> None:
    with tempfile.TemporaryDirectory() as folder, http_server(Home(Path(folder))) as served:
        port = int(served.base.rpartition(":")[2])
        took = sorted(await pings(port, count))
        print(
            f"ping: p50 {statistics.median(took):.2f} ms, p95 {took[int(0.95 * len(took))]:.2f} ms, most {took[-1]:.1f}"
        )
        held = await many(port, sessions)
        print(f"{len(held)} sessions with a stream: {peak_memory(served.process.pid) / 2**20:.0f} MB at most")
        before = time.perf_counter()
        code = await asyncio.to_thread(served.signal_and_wait, signal.SIGTERM, 60)
        print(f"SIGTERM to exit code {code}: {time.perf_counter() - before:.2f} s")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]] + [500, 2000][len(sys.argv) - 1 :]
    asyncio.run(run(given[0], given[1]))
