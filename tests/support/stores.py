"""The stores that must all keep the same promises. A new one joins by one line in `PLACES`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fermata_mcp.store.base import Store
from fermata_mcp.store.sqlite.store import SqliteStore

Connect = Callable[[], Store]
PLACES: dict[str, Callable[[Path], Connect]] = {
    "sqlite": lambda folder: lambda: SqliteStore(folder / "fermata.db"),
}


@asynccontextmanager
async def connections(connect: Connect, count: int) -> AsyncGenerator[list[Store]]:
    """Several connections to one database, as several processes would have them."""
    async with AsyncExitStack() as stack:
        stores = [connect() for _ in range(count)]
        for store in stores:
            await store.open()
            stack.push_async_callback(store.close)
        yield stores
