"""An engine in this process that is led to the emulator of one paid provider, and who trades there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from emulators.base import Emulator
from emulators.faults import Front
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.store.sqlite.store import SqliteStore
from support.asked import begin

from .asked import extend
from .engines import House
from .paid import Paid

Settings = str | float


@dataclass
class Shop:
    """One provider, and a caller who extends there."""

    paid: Paid
    house: House
    service: Service
    emulator: Emulator

    async def start(self) -> Task:
        """One extension and nothing after it: what is not at hand is not joined either."""
        asked = extend(**{**self.paid.call, "provider": self.paid.name, "stitch": "never"})
        return (await begin(self.service, asked)).task


def quick(paid: Paid) -> Emulator:
    """Its emulator, with audio that is quick to render."""
    emulator = paid.emulator("key")
    emulator.adds_seconds, emulator.audio_format = 2.0, "wav"
    return emulator


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
