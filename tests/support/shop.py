"""An engine in this process that is led to the emulator of one paid provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from emulators.base import Emulator
from emulators.faults import Front
from fermata_mcp.engine.service import Service
from fermata_mcp.store.sqlite import SqliteStore

from .engines import House

Settings = str | float


@asynccontextmanager
async def trading(
    house: House,
    family: str,
    emulator: Emulator,
    *,
    uploads: bool = False,
    store: SqliteStore | None = None,
    **settings: Settings,
) -> AsyncGenerator[tuple[Service, str]]:
    """The service, and the emulator's address."""
    async with Front(emulator) as url:
        led = {f"{family}_api_key": emulator.key, f"{family}_base_url": url}
        led |= {f"{family}_upload_url": url} if uploads else {}
        async with house.engine(store, **led, **settings) as service:
            yield service, url
