"""Hears what other processes have written: the database tells whoever listens, as part of each transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import asyncpg

from fermata_mcp.store.base import Elsewhere

CHANNEL = "fermata"
# So often the listener tells itself something: a connection that is dead, or led by a pooler that listens for nobody,
# does not let it through.
PROBE_SECONDS = 15.0
HEARD_SECONDS = 5.0


class Listener:
    """One connection that listens.

    Args:
        connect: Makes a connection of its own.
        sender: How this program's own writes are marked, which are no news.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], sender: str) -> None:
        self._connect, self._sender = connect, sender
        self._connection: Any = None
        self._heard = set[str]()
        self._something = anyio.Event()
        self._probe: anyio.Event | None = None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def elsewhere(self) -> Elsewhere:
        """See `Store.elsewhere`."""
        if self._connection is None or self._connection.is_closed():
            await self._listen()
            return Elsewhere(tasks=None, work=True)
        while not self._heard:
            with anyio.move_on_after(PROBE_SECONDS):
                await self._something.wait()
            if not self._heard:
                await self._check()
        heard, self._heard, self._something = self._heard, set[str](), anyio.Event()
        return Elsewhere(tasks=frozenset(heard - {""}), work="" in heard)

    async def _listen(self) -> None:
        await self.close()
        connection = await self._connect()
        connection.add_termination_listener(self._lost)
        self._heard, self._something = set[str](), anyio.Event()
        try:
            await connection.add_listener(CHANNEL, self._told)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._something.set()

    def _told(self, _: Any, __: int, ___: str, payload: str) -> None:
        sender, _, task_id = payload.partition(" ")
        if task_id == "probe" and sender == self._sender:
            if self._probe is not None:
                self._probe.set()
        elif sender != self._sender and task_id != "probe":
            self._heard.add(task_id)
            self._something.set()

    async def _check(self) -> None:
        """Raises where nothing is heard any more, not even oneself."""
        connection, self._probe = self._connection, anyio.Event()
        try:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{self._sender} probe")
            with anyio.fail_after(HEARD_SECONDS):
                await self._probe.wait()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.close()
            raise
