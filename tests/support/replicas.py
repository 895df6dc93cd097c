"""Several servers and workers on one store, and clients whose every request goes to the next server."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import anyio
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from .processes import PATIENCE, Home, begun, http_server, wait_until


@dataclass(frozen=True)
class Replica(Home):
    """One process of several on the same folders, with a log of its own."""

    number: int = 0

    @property
    def log(self):  # type: ignore[override]
        return self.root / f"server-{self.number}.log"


@contextmanager
def worker(home: Home, *arguments: str, **settings: str) -> Generator[subprocess.Popen[bytes]]:
    """`fermata-mcp work` that has begun; gone at the end, whatever happens."""
    with begun(home, "work", *arguments, **settings) as process:
        wait_until(lambda: "working" in home.log.read_text(), "a worker that works")
        yield process


class ByTurns(httpx2.AsyncHTTPTransport):
    """What a balancer without stickiness does: each request goes to the next server."""

    def __init__(self, bases: Sequence[str]) -> None:
        super().__init__()
        self._next = cycle(bases)
        self.served = list[str]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        base = httpx2.URL(next(self._next))
        self.served.append(str(base))
        request.url = request.url.copy_with(host=base.host, port=base.port)
        request.headers["host"] = f"{base.host}:{base.port}"
        return await super().handle_async_request(request)


@asynccontextmanager
async def balanced(
    bases: Sequence[str], era: str, seconds: float = 2 * PATIENCE, **options: Any
) -> AsyncGenerator[Client]:
    """The SDK's client, whose requests are spread over these servers."""
    timeout = httpx2.Timeout(PATIENCE)
    async with httpx2.AsyncClient(transport=ByTurns(bases), timeout=timeout) as http:
        connection = streamable_http_client(f"{bases[0]}/mcp", http_client=http)
        with anyio.fail_after(seconds):
            async with Client(connection, mode=era, **options) as client:
                yield client


@contextmanager
def servers(home: Home, count: int, **settings: str) -> Generator[list[str]]:
    """The addresses of so many servers on the same folders."""
    replica = Replica(home.root, count)
    with http_server(replica, FERMATA_STATELESS="1", **settings) as served:
        if count == 1:
            yield [served.base]
            return
        with servers(home, count - 1, **settings) as others:
            yield [*others, served.base]
