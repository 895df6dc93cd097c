"""The stores that must all keep the same promises. A new one joins by one line in `PLACES`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fermata_mcp.store.base import Store
from fermata_mcp.store.sqlite.store import SqliteStore

from .postgres import fresh_database

Connect = Callable[[], Store]
PLACES: dict[str, Callable[[Path], Connect]] = {
    "sqlite": lambda folder: lambda: SqliteStore(folder / "fermata.db"),
    "postgres": lambda _: _in_postgres(),
}


def _in_postgres() -> Connect:
    from fermata_mcp.store.postgres.store import PostgresStore

    url = fresh_database()
    return lambda: PostgresStore(url)


@asynccontextmanager
async def connections(connect: Connect, count: int) -> AsyncGenerator[list[Store]]:
    """Several connections to one database, as several processes would have them."""
    async with AsyncExitStack() as stack:
        stores = [connect() for _ in range(count)]
        for store in stores:
            await store.open()
            stack.push_async_callback(store.close)
        yield stores
