"""From a file to a server: all of it, or nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from fermata_mcp.domain.credits import UNITS
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.postgres.store import PostgresStore
from fermata_mcp.store.sqlite.safety.moving import move
from fermata_mcp.store.sqlite.store import SqliteStore
from support.postgres import admin, fresh_database
from support.rows import ME, NOON, PAID, PRICE, a_step, a_task, claimed, created, only_step, stored

pytestmark = pytest.mark.anyio


async def lived_in(path: Path) -> list[Task]:
    """A file with a finished task, one that a person must decide about, and what belongs to them."""
    store = SqliteStore(path)
    done = (await store.create(a_task(idempotency_key="k"), a_step(), home="a", now=NOON)).task
    open_ = await created(store)
    for step in await store.claim(home="a", now=NOON, limit=9):
        assert await store.apply(moves.begin(step, f"att_{step.id}", PAID, PRICE, (), NOON), now=NOON)
    await store.apply(moves.accepted(await only_step(store, done), "r", NOON, NOON), now=NOON)
    clips = (Clip(provider_clip_id="c1"),)
    await store.apply(
        moves.finished(await only_step(store, done), clips, moves.ended("succeeded", NOON), PRICE), now=NOON
    )
    await store.apply(moves.unclear(await only_step(store, open_), "cut off", NOON), now=NOON)
    unknown = await only_step(store, open_)
    await store.apply(moves.ask_person(unknown, await stored(store, open_), None), now=NOON)
    await store.see_balance("account", 5, "credits", now=NOON)
    await store.shared_secret()
    tasks = [await stored(store, task) for task in (done, open_)]
    await store.close()
    return tasks


@pytest.fixture
def url() -> str:
    return fresh_database()


@pytest.fixture
async def target(url: str, anyio_backend: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(url)
    yield store
    await store.close()


async def test_everything_comes_along_and_the_file_stays(tmp_path: Path, target: PostgresStore) -> None:
    path = tmp_path / "fermata.db"
    tasks = await lived_in(path)
    before = path.read_bytes()
    counts = await move(path, target)
    assert path.read_bytes() == before
    assert (counts["task"], counts["step"], counts["attempt"]) == (2, 2, 2)
    old = SqliteStore(path)
    for task in tasks:
        assert await stored(target, task) == task
        step = task.steps[0].id
        assert await target.attempts(step) == await old.attempts(step)
    for unit in UNITS:
        assert await target.spent(principal=ME, since=0, unit=unit) == await old.spent(principal=ME, since=0, unit=unit)
    assert await target.find_clip("paid", "c1", principal=ME) == (tasks[0].id, 0)
    assert await target.shared_secret() == await old.shared_secret()
    await old.close()


async def test_life_goes_on_there(tmp_path: Path, target: PostgresStore) -> None:
    path = tmp_path / "fermata.db"
    done, open_ = await lived_in(path)
    await move(path, target)
    assert await target.apply(moves.resubmit(open_.steps[0], NOON, PRICE), now=NOON)
    step = await claimed(target, of=open_, now=NOON)
    assert await target.apply(moves.begin(step, "att_new", PAID, PRICE, (), NOON), now=NOON)
    again = a_task(request_hash=done.request_hash, idempotency_key="k")
    assert (await target.create(again, a_step(), home="a", now=NOON)).task.id == done.id


async def test_not_into_what_is_in_use(tmp_path: Path, target: PostgresStore) -> None:
    path = tmp_path / "fermata.db"
    await lived_in(path)
    await created(target)
    with pytest.raises(InvalidRequest, match="in use already"):
        await move(path, target)


async def test_not_while_something_is_under_way(tmp_path: Path, target: PostgresStore) -> None:
    path = tmp_path / "fermata.db"
    store = SqliteStore(path)
    await created(store)
    await store.close()
    with pytest.raises(InvalidRequest, match="under way"):
        await move(path, target)


@pytest.mark.parametrize("what", ["nothing", "another's", "older"])
async def test_only_from_a_file_of_this_version(tmp_path: Path, target: PostgresStore, what: str) -> None:
    path = tmp_path / "fermata.db"
    if what == "older":
        await lived_in(path)
    if what != "nothing":
        connection = cast(Any, apsw.Connection(str(path)))
        connection.execute("CREATE TABLE IF NOT EXISTS x (y)" if what == "another's" else "PRAGMA user_version = 1")
        connection.close()
    with pytest.raises(InvalidRequest):
        await move(path, target)


async def test_after_an_interruption_it_is_begun_anew(tmp_path: Path, target: PostgresStore, url: str) -> None:
    path = tmp_path / "fermata.db"
    (done, _) = await lived_in(path)
    admin(url).run("ALTER TABLE clip ADD CONSTRAINT full_disk CHECK (position < 0)")
    with pytest.raises(Exception, match="breaks its rules"):
        await move(path, target)
    admin(url).run("ALTER TABLE clip DROP CONSTRAINT full_disk")
    assert await target.get(done.id) is None
    await move(path, target)
    assert await stored(target, done) == done
