"""Copies of kept audio on this machine, for what opens files: fetched once, and no more than there is room for."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread

from fermata_mcp.media.atomic import sweep

from .base import ObjectStore
from .keys import FOLDER

# Whoever asked for a file that long ago has opened it by now, or asked again.
IN_USE_SECONDS = 900.0


class Scratch:
    """See `at_hand`.

    Args:
        folder: Of copies; those of other programs on this machine may lie there too.
        most_bytes: So many bytes stay; what was asked for lately stays in any case.
    """

    def __init__(self, store: ObjectStore, folder: Path, most_bytes: int) -> None:
        self._store = store
        self._folder = folder
        self._most_bytes = most_bytes
        self._turns: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    def path(self, key: str) -> Path:
        """Where the file is on this machine, or will be once it was fetched."""
        return self._store.path(key) or self._folder / key

    def is_here(self, key: str) -> bool:
        return self.path(key).is_file()

    async def at_hand(self, key: str) -> Path:
        """The path of the file, fetched where it was not here.

        Raises:
            NotFound: It is kept no more.
            ObjectsUnavailable: It cannot be fetched now.
        """
        path = self.path(key)
        if self._store.path(key) is not None:
            return path
        async with self._turns[key]:
            if not await anyio.to_thread.run_sync(_touched, path):
                await self._store.fetch(key, path)
                await anyio.to_thread.run_sync(self._make_room)
        self._turns.pop(key, None)
        return path

    async def take_in(self, file: Path, key: str) -> Path:
        """What was just put into the store, as its copy here; it goes away where it lay."""
        path = self.path(key)
        if self._store.path(key) is None:
            await anyio.to_thread.run_sync(_move, file, path)
            await anyio.to_thread.run_sync(self._make_room)
        else:
            await anyio.Path(file).unlink(missing_ok=True)
        return path

    async def forget(self, keys: list[str]) -> None:
        """These are kept no more: their copies go, too."""
        for key in keys if self._store.path(FOLDER) is None else ():
            await anyio.Path(self._folder / key).unlink(missing_ok=True)

    def _make_room(self) -> None:
        here = sorted(_files(self._folder / FOLDER))
        too_much, long_ago = sum(size for _, size, _ in here) - self._most_bytes, time.time() - IN_USE_SECONDS
        for at, size, path in here:
            if too_much <= 0 or at > long_ago:
                break
            with suppress(OSError):
                path.unlink()
                too_much -= size
                path.parent.rmdir()
                path.parent.parent.rmdir()


def _touched(path: Path) -> bool:
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _move(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.replace(target)
    _touched(target)


def _files(folder: Path) -> list[tuple[float, int, Path]]:
    found: list[tuple[float, int, Path]] = []
    for path in folder.glob("*/*/*") if folder.is_dir() else ():
        with suppress(OSError):
            if path.name.startswith(".fermata-"):
                sweep(path.parent)
            else:
                facts = path.lstat()
                found.append((facts.st_mtime, facts.st_size, path))
    return found
