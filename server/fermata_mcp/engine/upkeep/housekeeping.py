"""What a server does for its store beside all else: it looks through it once, copies it daily, and lets the old go."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.upkeep.purging import Purging, Wanted
from fermata_mcp.store.base import Store

FIRST_SECONDS = 30.0
AGAIN_SECONDS = 3600.0
DAY_SECONDS = 86_400
# Old tasks go so many at a time, with a pause for everybody else.
AT_ONCE, BETWEEN_SECONDS = 200, 1.0
logger = logging.getLogger(__name__)


@runtime_checkable
class KeepsFile(Protocol):
    """A store that is a file of ours, which nobody else looks after."""

    async def look_through(self) -> None:
        """Look whether it is sound; damage is noted, and told by `damage`."""
        ...

    async def copy_daily(self) -> None:
        """Make today's copy, if there is none yet. Raises FermataError."""
        ...


Work = Callable[[], Awaitable[None]]


class Housekeeping:
    """See `run`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, library: Library) -> None:
        self._store, self._settings, self._clock, self._library = store, settings, clock, library

    async def run(self) -> None:
        """Until it is cancelled; what cannot be done now is tried again later."""
        await anyio.sleep(FIRST_SECONDS)
        await self._try(self._look)
        while True:
            await self._try(self._copy)
            await self._try(self._let_go)
            await anyio.sleep(AGAIN_SECONDS)

    async def _try(self, work: Work) -> None:
        try:
            await work()
        except FermataError as error:
            logger.warning("housekeeping waits: %s", error.message)
        except Exception:  # it must not end the server
            logger.exception("housekeeping failed")

    async def _look(self) -> None:
        if isinstance(self._store, KeepsFile):
            await self._store.look_through()

    async def _copy(self) -> None:
        if isinstance(self._store, KeepsFile) and self._settings.daily_copies:
            await self._store.copy_daily()

    async def _let_go(self) -> None:
        days = self._settings.keep_days
        if days is None:
            return
        for principal in await self._store.principals():
            purging = Purging(self._store, self._settings, self._clock, principal, self._library)
            wanted = Wanted(days * DAY_SECONDS, audio=False, caches=False, most=AT_ONCE, objects=True)
            while (found := await purging.find(wanted)).tasks:
                gone = await purging.carry_out(found, audio=False)
                logger.info("%d tasks that were over for %g days were removed", len(gone.tasks), days)
                if len(gone.tasks) < AT_ONCE:
                    break
                await anyio.sleep(BETWEEN_SECONDS)
