"""What the store keeps of audio that lies where all replicas find it: whose it is, what needs it, what was uploaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol


@dataclass(frozen=True)
class KeptAudio:
    """A file that one principal has, once for each content and name.

    Attributes:
        key: Where it is to lie.
        stored: Whether it is known to lie there.
    """

    key: str
    stored: bool


@dataclass(frozen=True)
class Upload:
    """A file that somebody brings. Times are Unix milliseconds.

    Attributes:
        size: Bytes that were declared.
        key: Where it is kept, once it was used.
    """

    id: str
    principal: str
    name: str
    size: int
    created_at: int
    expires_at: int
    key: str | None = None


@dataclass(frozen=True)
class Kept:
    """What a principal has now: bytes of kept audio and of uploads that are not used yet, and how many those are."""

    bytes: int
    uploads: int


class Objects(Protocol):
    """Every method is one transaction."""

    async def keep_object(self, *, owner: str, principal: str, sha256: str, size: int, key: str, now: int) -> KeptAudio:
        """Note that `owner` needs this content under this name; `key` is its place unless it has one already."""
        ...

    async def object_is_stored(self, key: str, *, now: int) -> None: ...

    async def also_needs(self, owner: str, key: str) -> bool:
        """Note that `owner` needs what lies under `key`; False if it is kept no more."""
        ...

    async def release_objects(self, owner: str, *, but: Collection[str] = ()) -> list[str]:
        """`owner` needs nothing any more `but` these keys; the keys that nobody needs now, and that are forgotten."""
        ...

    async def ownerless(self, *, before: int) -> list[str]:
        """Owners of audio kept before a time, that are neither a task nor an upload: their removal was cut off."""
        ...

    async def bytes_of(self, keys: Collection[str]) -> dict[str, int]:
        """Those of these keys that are known, with their bytes."""
        ...

    async def kept_of(self, principal: str, *, now: int) -> Kept: ...

    async def add_upload(self, upload: Upload, *, most_open: int, most_bytes: int) -> Kept | None:
        """Record it, if its principal has less than `most_open` unused ones and stays within `most_bytes`.

        Returns None where it was recorded, else what the principal has.
        """
        ...

    async def upload(self, upload_id: str, *, now: int) -> Upload | None:
        """One that has not expired, whoever's it is."""
        ...

    async def use_upload(self, upload_id: str, *, key: str, expires_at: int) -> None:
        """It is complete, and lies under `key` from now on."""
        ...

    async def expired_uploads(self, *, now: int) -> list[str]: ...

    async def remove_upload(self, upload_id: str) -> None: ...


_Run = Callable[[Callable[[Any], Any]], Awaitable[Any]]


class ObjectRows:
    """See `Objects`: the same for both databases.

    Args:
        statements: The module of functions that take a connection first.
        look: Reads on a connection.
        write: Carries out one whole transaction.
    """

    def __init__(self, statements: Any, look: _Run, write: _Run) -> None:
        self._sql, self._look, self._write = statements, look, write

    async def keep_object(self, *, owner: str, principal: str, sha256: str, size: int, key: str, now: int) -> KeptAudio:
        row: dict[str, Any] = {"owner": owner, "principal": principal, "sha256": sha256, "size": size, "key": key}
        return await self._write(partial(self._sql.keep, **row, now=now))

    async def object_is_stored(self, key: str, *, now: int) -> None:
        await self._write(partial(self._sql.is_stored, key=key, now=now))

    async def also_needs(self, owner: str, key: str) -> bool:
        return await self._write(partial(self._sql.also_needs, owner=owner, key=key))

    async def release_objects(self, owner: str, *, but: Collection[str] = ()) -> list[str]:
        return await self._write(partial(self._sql.release, owner=owner, but=but))

    async def ownerless(self, *, before: int) -> list[str]:
        return await self._look(partial(self._sql.ownerless, before=before))

    async def bytes_of(self, keys: Collection[str]) -> dict[str, int]:
        return await self._look(partial(self._sql.bytes_of, keys=keys))

    async def kept_of(self, principal: str, *, now: int) -> Kept:
        return await self._look(partial(self._sql.kept_of, principal=principal, now=now))

    async def add_upload(self, upload: Upload, *, most_open: int, most_bytes: int) -> Kept | None:
        added = partial(self._sql.add_upload, upload=upload, most_open=most_open, most_bytes=most_bytes)
        return await self._write(added)

    async def upload(self, upload_id: str, *, now: int) -> Upload | None:
        return await self._look(partial(self._sql.upload, upload_id=upload_id, now=now))

    async def use_upload(self, upload_id: str, *, key: str, expires_at: int) -> None:
        await self._write(partial(self._sql.use_upload, upload_id=upload_id, key=key, expires_at=expires_at))

    async def expired_uploads(self, *, now: int) -> list[str]:
        return await self._look(partial(self._sql.expired_uploads, now=now))

    async def remove_upload(self, upload_id: str) -> None:
        await self._write(partial(self._sql.remove_upload, upload_id=upload_id))
