"""Links to audio that need no header and expire: signed by the object store, or by us where we serve the file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.tickets import Ticket
from fermata_mcp.domain.errors import NotFound
from fermata_mcp.domain.task import Task
from fermata_mcp.media.files import Shelf
from fermata_mcp.media.objects.keys import key_in, safe_name
from fermata_mcp.store.base import Store
from fermata_mcp.store.keyring import Keyring

from .library import Library

FILES = "files"
_OF_TASK = re.compile(r"tasks/(tsk_[0-9a-f]{32})/(\d{1,2}|audio)/[^/]+")


class Expired(NotFound):
    """The link was good once; only whoever had it can know that."""


@dataclass(frozen=True)
class Links:
    """Makes links, and opens our own. `now` gives Unix milliseconds."""

    library: Library
    keyring: Keyring
    store: Store
    shelf: Shelf
    settings: Settings
    now: Callable[[], int]

    async def to(self, task_id: str, which: str, file: str, base_url: str | None) -> str | None:
        """A link to a saved file; None where nobody serves it.

        Args:
            which: The index of a clip, or `audio` for the deliverable.
            base_url: Of our server, for callers who came over http.
        """
        key = key_in(file)
        direct = None if key is None else await self.library.objects.link(key, self.settings.link_seconds)
        if direct is not None or base_url is None:
            return direct
        return await self._ours(key or f"tasks/{task_id}/{which}/{safe_name(Path(file).name)}", base_url)

    async def _ours(self, of: str, base_url: str) -> str:
        ticket = Ticket("GET", of, math.ceil(self.now() / 1000 + self.settings.link_seconds))
        base = (self.settings.public_url or base_url).rstrip("/")
        return f"{base}/{FILES}/{await self.signed(ticket)}"

    async def signed(self, ticket: Ticket) -> str:
        """The end of a link: when it expires, its signature, and what it is for."""
        return f"{ticket.expires}/{ticket.signature(await self.keyring.key('links'))}/{quote(ticket.of)}"

    async def check(self, purpose: str, expires: str, signature: str, of: str) -> None:
        """Raise unless the link is one of ours.

        Raises:
            NotFound: It was made up, or changed.
            Expired: It was good once.
        """
        until = int(expires) if expires.isdecimal() and len(expires) < 15 else 0
        ticket = Ticket(purpose, of, until)
        if not ticket.is_signed(signature, await self.keyring.key("links")) or str(until) != expires:
            raise nothing_here()
        if self.now() / 1000 >= until:
            raise Expired("this link has expired.", "get a new one with get_task.")

    async def file(self, of: str) -> Path:
        """The file that a checked link is for.

        Raises:
            NotFound: It is there no more; that is said as if it had never been.
        """
        key = key_in(of)
        if key is not None:
            return await self.library.at_hand(key)
        named = _OF_TASK.fullmatch(of)
        task = await self.store.get(named[1]) if named else None
        saved = None if named is None or task is None else _saved(task, named[2])
        if saved is None or key_in(saved) is not None:
            raise nothing_here()
        return self.shelf.saved(saved)


def _saved(task: Task, which: str) -> str | None:
    if which == "audio":
        return task.audio.file if task.audio else None
    return task.clips[int(which)].file if int(which) < len(task.clips) else None


def nothing_here() -> NotFound:
    return NotFound("there is no such file.", "get a link with get_task.")
