"""What all principals share: one engine in each process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fermata_mcp.config import Settings
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.callers.token_book import TokenBook
from fermata_mcp.media.decoding.client import Decoder
from fermata_mcp.media.files import Shelf
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store
from fermata_mcp.store.keyring import Keyring
from fermata_mcp.store.together import Together

from .audio.library import Library
from .audio.links import Links
from .audio.upkeep import Upkeep
from .audio.uploads import Uploads
from .clock import Clock
from .operating import Operating
from .previews import Previews
from .progress import Changes
from .runner import Runner
from .turns import with_place

# Of so many that wait the tasks are read at once.
MOST_LOOKS = 100


@dataclass(frozen=True)
class Engine:
    """The parts of one running engine.

    Attributes:
        home: Names this process in the rows that it takes.
        input_roots: Folders that callers' files may be read from; None allows any, () none.
    """

    store: Store
    registry: Registry
    runner: Runner
    changes: Changes
    settings: Settings
    clock: Clock
    home: str
    decoder: Decoder
    input_roots: tuple[Path, ...] | None
    operating: Operating
    library: Library

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf((self.settings.output_dir, self.settings.data_dir), self.input_roots)

    @cached_property
    def links(self) -> Links:
        keyring = Keyring(self.store, self.settings)
        return Links(self.library, keyring, self.store, self.shelf, self.settings, self.clock.now)

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(self.library, self.links, self.settings, self.clock.now)

    @cached_property
    def upkeep(self) -> Upkeep:
        return Upkeep(self.library, self.uploads)

    @cached_property
    def tokens(self) -> TokenBook:
        return TokenBook(self.store, self.settings, self.clock)

    @cached_property
    def looks(self) -> Together[str, Task | None]:
        """Tasks as they are now, each with its place in its queue; None for what cannot be read like the others."""
        return Together(self._look, MOST_LOOKS)

    async def _look(self, task_ids: Sequence[str]) -> Sequence[Task | None]:
        found = await self.store.get_all(set(task_ids))
        placed = {one.id: await with_place(one, self.store, self.clock.now()) for one in found.values()}
        return [placed.get(task_id) for task_id in task_ids]

    @cached_property
    def previews(self) -> Previews:
        return Previews(self.decoder, self.settings.data_dir / "previews")
