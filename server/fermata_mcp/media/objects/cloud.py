"""Audio in an object store (S3 and what speaks like it, Google, Azure). Clients reach it there by signed links.

Keys and endpoint are read from the environment variables that every program for that store reads (`AWS_…`, `GOOGLE_…`,
`AZURE_…`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from fermata_mcp.domain.errors import NotFound
from fermata_mcp.media.atomic import whole_file

from .base import ObjectsUnavailable, Stored

# A small question, a stretch of a file without a byte, and a whole file.
ASK_SECONDS, SILENT_SECONDS, FILE_SECONDS = 20.0, 60.0, 1800.0
RETRIES = 3
_PIECE = 4 << 20
_REFUSED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)


class CloudStore:
    """See `ObjectStore`.

    Args:
        url: `s3://bucket/prefix`, `gs://…` or `az://…`.
        reached_at: The endpoint that clients know the store by, where that is another than ours; S3 only.
    """

    def __init__(self, url: str, reached_at: str | None = None) -> None:
        self.place = url
        self._store = _opened(url)
        self._signing = _opened(url, reached_at) if reached_at else self._store

    def path(self, key: str) -> None:
        return None

    async def put(self, file: Path, key: str, kind: str) -> None:
        with file.open("rb") as opened:
            async with self._in_words(FILE_SECONDS):
                await obstore.put_async(self._store, key, opened, attributes={"Content-Type": kind})

    async def fetch(self, key: str, target: Path) -> None:
        await anyio.to_thread.run_sync(lambda: target.parent.mkdir(parents=True, exist_ok=True, mode=0o700))
        async with self._in_words(FILE_SECONDS, missing=key):
            answer = await obstore.get_async(self._store, key)
            pieces = aiter(answer.stream(min_chunk_size=_PIECE))
            with whole_file(target, durable=False) as part, part.open("wb") as file:
                while True:
                    with anyio.fail_after(SILENT_SECONDS):
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    await anyio.to_thread.run_sync(file.write, piece)

    async def size(self, key: str) -> int | None:
        try:
            async with self._in_words(ASK_SECONDS, missing=key):
                return (await obstore.head_async(self._store, key))["size"]
        except NotFound:
            return None

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                async with self._in_words(ASK_SECONDS, missing=key):
                    await obstore.delete_async(self._store, key)
            except NotFound:
                continue

    async def list(self, prefix: str) -> list[Stored]:
        found: list[Stored] = []
        async with self._in_words(FILE_SECONDS):
            async for some in obstore.list(self._store, prefix.rstrip("/")):  # pyright: ignore[reportUnknownMemberType]
                found += [Stored(one["path"], one["size"], one["last_modified"].timestamp()) for one in some]
        return sorted((one for one in found if one.key.startswith(prefix)), key=lambda one: one.key)

    async def link(self, key: str, seconds: float) -> str:
        return await self._signed("GET", key, seconds)

    async def put_link(self, key: str, seconds: float) -> str:
        return await self._signed("PUT", key, seconds)

    async def _signed(self, method: Any, key: str, seconds: float) -> str:
        async with self._in_words(ASK_SECONDS):
            return await obstore.sign_async(self._signing, method, key, timedelta(seconds=seconds))

    @asynccontextmanager
    async def _in_words(self, seconds: float, *, missing: str | None = None) -> AsyncGenerator[None]:
        """Whatever goes wrong, without what the library says of it, which names addresses and headers.

        Args:
            missing: The key whose absence is no trouble of the store.
        """
        try:
            with anyio.fail_after(seconds):
                yield
        except FileNotFoundError:
            if missing is not None:
                raise NotFound(f"{missing.rpartition('/')[2]} is no longer there.", "extend anew.") from None
            raise ObjectsUnavailable(self.place, "there is no such bucket", "make it, or name another.") from None
        except _REFUSED:
            raise ObjectsUnavailable(
                self.place, "it refuses the keys that are set", "check the keys and what they may do."
            ) from None
        except TimeoutError:
            raise ObjectsUnavailable(self.place, "it did not answer in time") from None
        except (exceptions.BaseError, OSError) as error:
            raise ObjectsUnavailable(self.place, f"it did not do what was asked ({type(error).__name__})") from None


def _opened(url: str, endpoint: str | None = None) -> S3Store | GCSStore | AzureStore:
    """The store behind an address, with what the environment says of it.

    Raises:
        ValueError: It cannot be one.
    """
    set_there = endpoint or os.environ.get("AWS_ENDPOINT_URL", "") or os.environ.get("AZURE_STORAGE_ENDPOINT", "")
    options: Any = {
        "timeout": timedelta(seconds=FILE_SECONDS), "connect_timeout": timedelta(seconds=ASK_SECONDS / 2),
        "allow_http": urlsplit(set_there).scheme == "http",
    }  # fmt: skip
    retry: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=ASK_SECONDS)}
    more: Any = {"endpoint": endpoint} if endpoint else {}
    try:
        opened = from_url(url, client_options=options, retry_config=retry, **more)
    except (exceptions.BaseError, OSError) as error:
        raise ValueError(f"is no store that can be opened ({type(error).__name__})") from None
    assert isinstance(opened, S3Store | GCSStore | AzureStore)
    return opened
