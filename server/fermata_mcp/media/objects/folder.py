"""Audio in a folder that all replicas share, or that is the only one's own. Our own server gives it out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from fermata_mcp.domain.errors import NotFound, StoreUnavailable
from fermata_mcp.media.atomic import whole_file

from .base import ObjectsUnavailable, Stored

_T = TypeVar("_T")


class FolderStore:
    """See `ObjectStore`. The folder is made when something is put there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = str(folder)

    def path(self, key: str) -> Path:
        path = self._folder / key
        if ".." in path.parts:
            raise NotFound("there is no such audio.", "use get_task to see what there is.")
        return path

    async def put(self, file: Path, key: str, kind: str) -> None:
        await self._run(_copy, file, self.path(key))

    async def fetch(self, key: str, target: Path) -> None:
        source = self.path(key)
        if not await anyio.Path(source).is_file():
            raise NotFound(f"{source.name} is no longer there.", "extend anew.")
        await self._run(_copy, source, target)

    async def size(self, key: str) -> int | None:
        return await self._run(_size, self.path(key))

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            await self._run(_remove, self.path(key), self._folder)

    async def list(self, prefix: str) -> list[Stored]:
        return await self._run(_list, self._folder, self.path(prefix))

    async def link(self, key: str, seconds: float) -> None:
        return None

    async def put_link(self, key: str, seconds: float) -> None:
        return None

    async def _run(self, work: Callable[..., _T], *args: Path) -> _T:
        try:
            return await anyio.to_thread.run_sync(work, *args)
        except StoreUnavailable as error:
            raise ObjectsUnavailable(self.place, error.message.rstrip("."), error.hint) from error
        except OSError as error:
            raise ObjectsUnavailable(self.place, error.strerror or type(error).__name__) from error


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with whole_file(target) as part:
        shutil.copyfile(file, part)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _remove(path: Path, top: Path) -> None:
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == top or not folder.is_relative_to(top):
            return
        try:
            folder.rmdir()
        except OSError:  # there is something else in it
            return


def _list(top: Path, folder: Path) -> list[Stored]:
    return sorted(_below(top, folder), key=lambda one: one.key)


def _below(top: Path, folder: Path) -> Iterator[Stored]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # gone meanwhile
                path = Path(place) / name
                facts = path.lstat()
                if not name.startswith(".fermata-"):
                    yield Stored(path.relative_to(top).as_posix(), facts.st_size, facts.st_mtime)
