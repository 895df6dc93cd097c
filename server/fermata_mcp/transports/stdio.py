"""MCP over standard input and output, as hosts really use it.

Two things the SDK's own runner does not do: it lets a client ask `server/discover` first and then shake hands in the
older way, and it leaves promptly and cleanly on signals and when its parent dies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from fermata_mcp.surface.resources import low_level

from . import Opened, Serving
from .signals import parent_is_gone, told_to_leave

# After a signal the client may still be reading: its waiting calls get their "still running" answers.
LAST_WORDS_SECONDS = 0.3
Item = SessionMessage | Exception


def run_stdio(opened: Opened) -> NoReturn:
    """Serve until the client leaves, a signal comes or the parent dies; then end the process with code 0."""
    anyio.run(_run, opened)
    _leave()


async def _run(opened: Opened) -> None:
    async with anyio.create_task_group() as outer:
        async with opened() as serving:
            leaving = anyio.Event()
            outer.start_soon(_then(leaving, lambda: _serve(serving)))
            outer.start_soon(_then(leaving, lambda: _asked_to_leave(serving)))
            await leaving.wait()
        # The thread that reads standard input cannot be interrupted, so the group would never end by itself.
        _leave()


def _then(event: anyio.Event, work: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
    async def run() -> None:
        await work()
        event.set()

    return run


async def _asked_to_leave(serving: Serving) -> None:
    async with anyio.create_task_group() as group:

        async def first(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            group.cancel_scope.cancel()

        group.start_soon(first, told_to_leave)
        group.start_soon(first, parent_is_gone)
    serving.drain()
    await anyio.sleep(LAST_WORDS_SECONDS)


def _leave() -> NoReturn:
    sys.stderr.flush()
    os._exit(0)


async def _serve(serving: Serving) -> None:
    async with stdio_server() as (read, write), anyio.create_task_group() as group:
        connection = _Connection(serving, write.send)
        group.start_soon(connection.run)
        async for item in read:
            if connection.must_start_over(item):
                await connection.end()
                connection = _Connection(serving, write.send)
                group.start_soon(connection.run)
            await connection.take(item)
        await connection.end()
        await write.aclose()


class _Connection:
    """One run of the SDK's server loop, which fixes the protocol era by the first request it sees."""

    def __init__(self, serving: Serving, write: Callable[[SessionMessage], Awaitable[None]]) -> None:
        self._server = low_level(serving.server)
        self._write = write
        self._to_server: MemoryObjectSendStream[Item]
        self._inbox: MemoryObjectReceiveStream[Item]
        self._to_server, self._inbox = anyio.create_memory_object_stream[Item](64)
        self._ended = anyio.Event()
        self._asked: set[str] = set()

    def must_start_over(self, item: Item) -> bool:
        """Whether the client only probed for the modern era and now opens in the older one."""
        method = _method(item)
        start_over = method == "initialize" and self._asked == {"server/discover"}
        if method is not None:
            self._asked.add(method)
        return start_over

    async def take(self, item: Item) -> None:
        await self._to_server.send(item)

    async def end(self) -> None:
        await self._to_server.aclose()
        await self._ended.wait()

    async def run(self) -> None:
        outbox, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._pass_on, from_server)
                await self._server.run(self._inbox, outbox, self._server.create_initialization_options())
        finally:
            self._ended.set()

    async def _pass_on(self, from_server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        async with from_server:
            async for message in from_server:
                await self._write(message)


def _method(item: Item) -> str | None:
    message = item.message if isinstance(item, SessionMessage) else None
    return message.method if isinstance(message, JSONRPCRequest) else None
