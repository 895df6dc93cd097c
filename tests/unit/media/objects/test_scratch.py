"""Copies on one machine: fetched once, bounded, and never what somebody just asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from fermata_mcp.media.objects.base import Stored
from fermata_mcp.media.objects.folder import FolderStore
from fermata_mcp.media.objects.keys import key_of
from fermata_mcp.media.objects.scratch import IN_USE_SECONDS, Scratch

pytestmark = pytest.mark.anyio


class FarAway:
    """A folder that has to be fetched from, and counts how often it was."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.place, self.fetched = FolderStore(folder), "far away", 0

    def path(self, key: str) -> None:
        return None

    async def put(self, file: Path, key: str, kind: str) -> None:
        await self._folder.put(file, key, kind)

    async def fetch(self, key: str, target: Path) -> None:
        self.fetched += 1
        await self._folder.fetch(key, target)

    async def size(self, key: str) -> int | None:
        return await self._folder.size(key)

    async def delete(self, keys: Iterable[str]) -> None:
        await self._folder.delete(keys)

    async def list(self, prefix: str) -> list[Stored]:
        return await self._folder.list(prefix)

    async def link(self, key: str, seconds: float) -> None:
        return None

    async def put_link(self, key: str, seconds: float) -> None:
        return None


async def kept(store: FarAway, folder: Path, number: int, size: int = 1000) -> str:
    file = folder / f"{number}.wav"
    file.write_bytes(bytes([number]) * size)
    key = key_of(f"{number:064d}", file.name)
    await store.put(file, key, "audio/wav")
    return key


async def test_a_file_is_fetched_once_whoever_asks(tmp_path: Path) -> None:
    store = FarAway(tmp_path / "far")
    key = await kept(store, tmp_path, 1)
    scratch = Scratch(store, tmp_path / "here", 10_000)
    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(scratch.at_hand, key)
    path = await scratch.at_hand(key)
    assert store.fetched == 1
    assert path.read_bytes() == bytes([1]) * 1000
    assert await Scratch(store, tmp_path / "here", 10_000).at_hand(key) == path
    assert store.fetched == 1


async def test_the_oldest_go_when_there_is_no_room_but_not_what_is_in_use(tmp_path: Path) -> None:
    store = FarAway(tmp_path / "far")
    scratch = Scratch(store, tmp_path / "here", 2500)
    keys = [await kept(store, tmp_path, number) for number in range(5)]
    for age, key in zip((4, 3, 2), keys[:3], strict=True):
        path = await scratch.at_hand(key)
        before = path.stat().st_mtime - age * IN_USE_SECONDS
        os.utime(path, (before, before))
    await scratch.at_hand(keys[3])
    assert [scratch.is_here(key) for key in keys] == [False, False, True, True, False]
    await scratch.at_hand(keys[2])
    await scratch.at_hand(keys[4])
    assert [scratch.is_here(key) for key in keys] == [False, False, True, True, True]


async def test_what_was_put_is_a_copy_already(tmp_path: Path) -> None:
    store = FarAway(tmp_path / "far")
    key = await kept(store, tmp_path, 1)
    scratch = Scratch(store, tmp_path / "here", 10_000)
    path = await scratch.take_in(tmp_path / "1.wav", key)
    assert await scratch.at_hand(key) == path
    assert store.fetched == 0
    await scratch.forget([key])
    assert not scratch.is_here(key)


async def test_a_folder_needs_no_copies(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "shared")
    file = tmp_path / "1.wav"
    file.write_bytes(b"x")
    key = key_of("1" * 64, file.name)
    await store.put(file, key, "audio/wav")
    scratch = Scratch(store, tmp_path / "here", 0)
    assert await scratch.take_in(file, key) == tmp_path / "shared" / key == await scratch.at_hand(key)
    assert not file.exists()
    assert not (tmp_path / "here").exists()
