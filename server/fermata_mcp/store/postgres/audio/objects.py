"""`store.objects.Objects` in the PostgreSQL database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, Protocol, TypeVar

from fermata_mcp.store.objects import Kept, KeptAudio, Upload
from fermata_mcp.store.postgres.link.connecting import Sql

from . import statements

_T = TypeVar("_T")


class _Run(Protocol):
    async def __call__(self, work: Callable[[Sql], Awaitable[_T]], /) -> _T: ...


class PostgresObjects:
    """See `Objects`. `look` reads; `write` carries out one whole transaction."""

    def __init__(self, look: _Run, write: _Run) -> None:
        self._look, self._write = look, write

    async def keep_object(self, *, owner: str, principal: str, sha256: str, size: int, key: str, now: int) -> KeptAudio:
        row: dict[str, Any] = {"owner": owner, "principal": principal, "sha256": sha256, "size": size, "key": key}
        return await self._write(partial(statements.keep, **row, now=now))

    async def object_is_stored(self, key: str, *, now: int) -> None:
        await self._write(partial(statements.is_stored, key=key, now=now))

    async def also_needs(self, owner: str, key: str) -> bool:
        return await self._write(partial(statements.also_needs, owner=owner, key=key))

    async def release_objects(self, owner: str, *, but: Collection[str] = ()) -> list[str]:
        return await self._write(partial(statements.release, owner=owner, but=but))

    async def ownerless(self, *, before: int) -> list[str]:
        return await self._look(partial(statements.ownerless, before=before))

    async def bytes_of(self, keys: Collection[str]) -> dict[str, int]:
        return await self._look(partial(statements.bytes_of, keys=keys))

    async def kept_of(self, principal: str, *, now: int) -> Kept:
        return await self._look(partial(statements.kept_of, principal=principal, now=now))

    async def add_upload(self, upload: Upload, *, most_open: int, most_bytes: int) -> Kept | None:
        added = partial(statements.add_upload, upload=upload, most_open=most_open, most_bytes=most_bytes)
        return await self._write(added)

    async def upload(self, upload_id: str, *, now: int) -> Upload | None:
        return await self._look(partial(statements.upload, upload_id=upload_id, now=now))

    async def use_upload(self, upload_id: str, *, key: str, expires_at: int) -> None:
        await self._write(partial(statements.use_upload, upload_id=upload_id, key=key, expires_at=expires_at))

    async def expired_uploads(self, *, now: int) -> list[str]:
        return await self._look(partial(statements.expired_uploads, now=now))

    async def remove_upload(self, upload_id: str) -> None:
        await self._write(partial(statements.remove_upload, upload_id=upload_id))
