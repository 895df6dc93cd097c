"""The place for audio that an address names."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from fermata_mcp.domain.errors import ConfigurationError
from fermata_mcp.domain.foreign.paths import of_address

from .base import ObjectStore, ObjectsUnavailable
from .folder import FolderStore

PROBES = "probes"


def scheme_of(url: str) -> str:
    """`s3`, `gs`, `az`, or `file` for a folder."""
    scheme, found, _ = url.partition("://")
    return scheme.lower() if found else "file"


def folder_in(url: str) -> Path:
    """The folder that a path or a `file://` address names."""
    return Path(of_address(url[7:]) if url.lower().startswith("file://") else url).expanduser()


def open_objects(url: str, reached_at: str | None = None) -> ObjectStore:
    """The store at `url`, which nothing is asked of yet.

    Args:
        reached_at: See `CloudStore`.

    Raises:
        ConfigurationError: It needs a library that is not installed, or cannot be opened.
    """
    if scheme_of(url) == "file":
        return FolderStore(folder_in(url))
    try:
        from .cloud import CloudStore
    except ImportError:
        raise ConfigurationError(
            f"FERMATA_OUTPUT_URL is {scheme_of(url)}://…, and the library for object stores is not installed.",
            "pip install 'fermata-mcp[s3]'.",
        ) from None
    try:
        return CloudStore(url, reached_at)
    except ValueError as error:
        raise ConfigurationError(f"FERMATA_OUTPUT_URL {error}.", "correct it and start again.") from None


async def try_out(objects: ObjectStore) -> None:
    """Put a probe there, have it back, and remove it.

    Raises:
        ObjectsUnavailable: One of these is not done.
    """
    with TemporaryDirectory(prefix="fermata-") as folder:
        probe, back = Path(folder) / "probe", Path(folder) / "back"
        await anyio.Path(probe).write_bytes(secrets.token_bytes(64))
        key = f"{PROBES}/{secrets.token_hex(8)}"
        await objects.put(probe, key, "application/octet-stream")
        await objects.fetch(key, back)
        await objects.delete([key])
        if await anyio.Path(back).read_bytes() != await anyio.Path(probe).read_bytes():
            raise ObjectsUnavailable(objects.place, "it gives back other bytes than it was given")
        if await objects.size(key) is not None:
            raise ObjectsUnavailable(objects.place, "what is removed stays there", "let the keys that are set delete.")
