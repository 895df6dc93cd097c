"""What every store promises of audio that lies where all replicas find it, whatever database is under it."""

from __future__ import annotations

import anyio
import pytest

from fermata_mcp.media.objects.keys import key_of
from fermata_mcp.store.base import Store
from fermata_mcp.store.objects import Kept, Upload
from support.rows import NOON, created
from support.stores import Connect, connections

pytestmark = pytest.mark.anyio
SHA = "ab" * 32


async def keep(store: Store, owner: str, principal: str = "ann", name: str = "song.flac") -> str:
    new = key_of(SHA, name)
    kept = await store.objects.keep_object(owner=owner, principal=principal, sha256=SHA, size=100, key=new, now=NOON)
    await store.objects.object_is_stored(kept.key, now=NOON)
    return kept.key


def an_upload(number: int, principal: str = "ann", *, size: int = 100, expires: int = NOON + 1000) -> Upload:
    return Upload(f"upl_{number:032x}", principal, "song.flac", size, NOON, expires)


async def test_one_persons_audio_is_kept_once_and_anothers_apart(store: Store) -> None:
    first = await keep(store, "tsk_1")
    assert await keep(store, "tsk_2") == first
    others = {await keep(store, "tsk_3", "bob"), await keep(store, "tsk_1", name="other.flac")}
    assert first not in others
    assert len(others) == 2
    assert await store.objects.bytes_of([first, *others, "objects/no"]) == dict.fromkeys((first, *others), 100)
    assert await store.objects.kept_of("ann", now=NOON) == Kept(200, 0)


async def test_the_last_who_needs_it_takes_it_along(store: Store) -> None:
    key = await keep(store, "tsk_1")
    assert await store.objects.also_needs("upl_1", key)
    assert await store.objects.release_objects("tsk_1") == []
    assert await store.objects.release_objects("upl_1", but=[key]) == []
    assert await store.objects.release_objects("upl_1") == [key]
    assert not await store.objects.also_needs("tsk_2", key)
    assert await keep(store, "tsk_2") != key


async def test_what_was_not_put_yet_is_not_taken_for_kept(store: Store) -> None:
    row = {"owner": "tsk_1", "principal": "ann", "sha256": SHA, "size": 1, "now": NOON}
    new = key_of(SHA, "a.wav")
    assert not (await store.objects.keep_object(**row, key=new)).stored  # pyright: ignore[reportArgumentType]
    again = await store.objects.keep_object(**row, key=key_of(SHA, "a.wav"))  # pyright: ignore[reportArgumentType]
    assert (again.key, again.stored) == (new, False)


async def test_whose_owner_is_gone_is_found(store: Store) -> None:
    task = await created(store)
    upload = an_upload(1)
    await store.objects.add_upload(upload, most_open=9, most_bytes=9999)
    for owner in (task.id, upload.id, "tsk_gone"):
        await keep(store, owner, name=f"{owner[:5]}.flac")
    assert await store.objects.ownerless(before=NOON + 1) == ["tsk_gone"]
    assert await store.objects.ownerless(before=NOON) == []


async def test_limits_hold_however_many_announce_at_once(connect: Connect, anyio_backend: str) -> None:
    refused: list[Kept | None] = []
    async with connections(connect, 4) as stores, anyio.create_task_group() as group:

        async def announce(number: int) -> None:
            objects = stores[number % 4].objects
            refused.append(await objects.add_upload(an_upload(number), most_open=3, most_bytes=250))

        for number in range(12):
            group.start_soon(announce, number)
    assert [one for one in refused if one is None] == [None, None]
    assert {one for one in refused if one} == {Kept(200, 2)}


async def test_an_upload_is_used_and_expires(store: Store) -> None:
    upload, other = an_upload(1), an_upload(2, "bob", expires=NOON + 5000)
    for one in (upload, other):
        assert await store.objects.add_upload(one, most_open=9, most_bytes=9999) is None
    assert await store.objects.upload(upload.id, now=NOON) == upload
    await store.objects.use_upload(upload.id, key="objects/x", expires_at=NOON + 3000)
    assert await store.objects.kept_of("ann", now=NOON) == Kept(0, 0)
    assert await store.objects.upload(upload.id, now=NOON + 3000) is None
    assert await store.objects.expired_uploads(now=NOON + 3000) == [upload.id]
    await store.objects.remove_upload(upload.id)
    assert await store.objects.expired_uploads(now=NOON + 9000) == [other.id]
