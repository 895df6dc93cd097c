"""Copies of a database in use, and what becomes of money when one of them is used again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.domain.change import NewStep
from fermata_mcp.domain.errors import InvalidRequest, StoreUnavailable
from fermata_mcp.domain.task import Task, new_id
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.sqlite.safety import copies, damage
from fermata_mcp.store.sqlite.store import SqliteStore
from support.rows import DAY_MS, NOON, PAID, PRICE, a_step, claimed, created, only_step, stored

pytestmark = pytest.mark.anyio
LATER = NOON + DAY_MS
WHY = "the task database was restored from a copy of noon"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fermata.db"


@pytest.fixture
async def store(path: Path, anyio_backend: str) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


async def used_again(store: SqliteStore, path: Path, copy: Path) -> SqliteStore:
    """The copy in the place of the file, as `restore` puts it there."""
    await store.close()
    ready = copies.made_ready(copy, path)
    once = SqliteStore(ready)
    await once.hold_unsent(WHY, free=["local"], now=LATER)
    await once.close()
    assert copies.put_in_place(ready, path) is not None
    return SqliteStore(path)


async def accepted(store: SqliteStore, **fields: Any) -> Task:
    task = await created(store, **fields)
    step = await claimed(store, of=task)
    assert await store.apply(moves.begin(step, new_id("att"), PAID, PRICE, (), NOON), now=NOON)
    step = await only_step(store, task)
    assert await store.apply(moves.accepted(step, f"r-{task.id}", NOON, NOON), now=NOON)
    return await stored(store, task)


async def test_a_copy_is_whole_though_somebody_writes(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    task = await created(store)
    copy = tmp_path / "copy.db"
    size = copies.back_up(path, copy)
    await created(store)
    assert (copy.stat().st_size, oct(copy.stat().st_mode & 0o777)) == (size, "0o600")
    copies.checked(copy)
    other = SqliteStore(copy)
    assert (await other.get(task.id)) == task
    assert dict(await other.count_open()) == {"queued": 1}
    await other.close()


async def test_nothing_is_replaced_while_another_process_uses_it(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    await created(store)
    copies.back_up(path, tmp_path / "copy.db")
    ready = copies.made_ready(tmp_path / "copy.db", path)
    with pytest.raises(StoreUnavailable, match="another process uses"):
        copies.put_in_place(ready, path)
    await created(store)
    assert dict(await store.count_open()) == {"queued": 2}


async def test_what_was_queued_in_a_copy_is_sent_by_nobody(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    paid = await created(store, provider="paid")
    free = await created(store, provider="local")
    copies.back_up(path, tmp_path / "copy.db")
    again = await used_again(store, path, tmp_path / "copy.db")
    assert [step.task_id for step in await again.claim(home="a", now=LATER, limit=9, renders=9)] == [free.id]
    held = await stored(again, paid)
    assert (held.status, held.steps[0].state, held.needs_person) == ("unknown", "needs_user", True)
    assert held.error is not None
    assert WHY in held.error.message
    await again.close()


async def test_a_person_may_have_it_sent_or_end_it(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    sent, ended = await created(store, provider="paid"), await created(store, provider="paid")
    copies.back_up(path, tmp_path / "copy.db")
    again = await used_again(store, path, tmp_path / "copy.db")
    assert await again.apply(moves.resubmit(await only_step(again, sent), LATER, 0), now=LATER)
    assert await again.apply(moves.given_up(await only_step(again, ended), LATER, 0), now=LATER)
    assert [step.task_id for step in await again.claim(home="a", now=LATER, limit=9, renders=9)] == [sent.id]
    assert (await stored(again, ended)).status == "failed"
    await again.close()


async def test_further_steps_of_what_goes_on_are_held_too(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    """The copy shows the first step of a chain at work; since then others may have been paid."""
    task = await accepted(store, provider="paid", kind="chain")
    copies.back_up(path, tmp_path / "copy.db")
    again = await used_again(store, path, tmp_path / "copy.db")
    step = await claimed(again, now=LATER, of=task)
    assert step.state == "waiting"
    second = NewStep(new_id("stp"), 1, a_step().work)
    done = moves.finished(step, (), {"status": "running"}, PRICE, second)
    assert await again.apply(done, now=LATER)
    assert await again.claim(home="a", now=LATER, limit=9, renders=9) == []
    held = await stored(again, task)
    assert (held.status, held.steps[1].state) == ("unknown", "needs_user")
    await again.close()


async def test_tasks_that_are_made_afterwards_are_free_to_go(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    copies.back_up(path, tmp_path / "copy.db")
    again = await used_again(store, path, tmp_path / "copy.db")
    task = await created(again, now=LATER, provider="paid")
    assert (await claimed(again, now=LATER, of=task)).state == "queued"
    await again.close()


@pytest.mark.parametrize("content", [b"", b"words " * 2000, b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_copy_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(InvalidRequest, match="no copy"):
        copies.checked(tmp_path / "x.db")


async def test_a_damaged_copy_is_refused(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    for _ in range(40):
        await created(store)
    copy = tmp_path / "copy.db"
    copies.back_up(path, copy)
    spoil(copy)
    with pytest.raises(InvalidRequest, match="damaged"):
        copies.checked(copy)


def spoil(path: Path) -> None:
    """Nothing in it can be read but its first page."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


async def test_daily_copies_are_three_at_most(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert copies.copy_daily(path) is not None
    assert copies.copy_daily(path) is None, "one a day"
    monkeypatch.setattr(copies, "DAY_SECONDS", 0)
    for day in range(4):
        monkeypatch.setattr(copies, "now_as_name", partial(str.format, "20990101T00000{}Z", day))
        copies.copy_daily(path)
    assert [copy.stem[-2:] for copy in copies.daily_copies(path)] == ["3Z", "2Z", "1Z"]


# --- damage -----------------------------------------------------------------------------------------------------------


async def test_damage_is_found_beside_whoever_uses_the_file(store: SqliteStore, path: Path) -> None:
    for _ in range(40):
        await created(store)
    assert damage.trouble_in(path) is None
    await store.close()
    spoil(path)
    found = damage.trouble_in(path)
    assert found is not None
    damage.note(path, found)
    again = SqliteStore(path)
    told = await again.damage()
    assert told is not None
    assert "is still fermata.db" in told


async def test_a_damaged_file_is_set_aside_and_told_until_somebody_decides(store: SqliteStore, path: Path) -> None:
    for _ in range(40):
        await created(store)
    await store.close()
    before = size_of(path)
    spoil(path)
    damage.note(path, str(damage.trouble_in(path)))
    again = SqliteStore(path)
    assert dict(await again.count_open()) == {}
    (aside,) = [one for one in path.parent.glob("*.damaged-*") if one.suffix.endswith("Z")]
    assert size_of(aside) == before
    told = await again.damage()
    assert told is not None
    assert aside.name in told
    damage.decided(path)
    assert await again.damage() is None
    await again.close()


def size_of(path: Path) -> int:
    return path.stat().st_size


@pytest.fixture
def words(path: Path) -> Iterator[bytes]:
    """A file that is no database, and stays what it is."""
    path.write_bytes(b"words " * 2000)
    yield b"words " * 2000
    assert path.read_bytes() == b"words " * 2000


async def test_what_is_not_ours_stays_where_it_is(path: Path, words: bytes) -> None:
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable):
        await store.open()
    assert await store.damage() is None
