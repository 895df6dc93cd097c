"""What nobody may use or needs any more goes, an hour at a time: expired uploads, and what cut-off removals left."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NoReturn

import anyio

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.media.objects.keys import FOLDER, INCOMING

from .library import Library
from .uploads import Uploads

FIRST_SECONDS, EVERY_SECONDS = 120.0, 3600.0
# What is younger may still be on its way from the store for audio into the rows, or the other way.
YOUNG_SECONDS = 86_400
_AT_ONCE = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upkeep:
    """Every replica does it: what one has removed is no trouble for the others."""

    library: Library
    uploads: Uploads

    async def run(self) -> NoReturn:
        await anyio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.once()
            except FermataError as error:
                logger.warning("old uploads are removed later: %s", error.message)
            await anyio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Raises StoreUnavailable."""
        await self.uploads.remove_expired()
        for owner in await self.library.rows.ownerless(before=self.library.now() - YOUNG_SECONDS * 1000):
            await self.library.release(owner)
        await self._sweep()

    async def _sweep(self) -> None:
        """Files that no row names, and parts of uploads that were used or are gone."""
        objects, before = self.library.objects, self.library.now() / 1000 - YOUNG_SECONDS
        old = [one.key for one in await objects.list(f"{FOLDER}/") if one.at < before]
        for begin in range(0, len(old), _AT_ONCE):
            some = old[begin : begin + _AT_ONCE]
            known = await self.library.rows.bytes_of(some)
            await objects.delete([key for key in some if key not in known])
        for one in await objects.list(f"{INCOMING}/"):
            upload = await self.library.rows.upload(one.key.split("/")[1], now=self.library.now())
            if upload is None or upload.key is not None:
                await objects.delete([one.key])
