"""What a server does for its store beside all else: copies, a look for damage, and what is old goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.audio.opening import library_of
from fermata_mcp.engine.steps import moves
from fermata_mcp.engine.upkeep import housekeeping
from fermata_mcp.engine.upkeep.housekeeping import Housekeeping
from fermata_mcp.store.sqlite.safety import copies, damage
from fermata_mcp.store.sqlite.store import SqliteStore
from support.asked import begin
from support.clocks import ShiftedClock
from support.engines import House, eventually, settings_in
from support.remote import Remote
from support.rows import DAY_MS, created, only_step, stored

pytestmark = pytest.mark.anyio
LONG_AGO_DAYS = 100


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SECONDS", "BETWEEN_SECONDS"):
        monkeypatch.setattr(housekeeping, name, 0.0)


@pytest.fixture
async def store(tmp_path: Path, anyio_backend: str) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(tmp_path / "data" / "fermata.db")
    await store.open()
    yield store
    await store.close()


def keeping(store: SqliteStore, settings: Settings) -> Housekeeping:
    clock = ShiftedClock().clock()
    return Housekeeping(store, settings, clock, library_of(settings, store, clock))


async def ended(store: SqliteStore, principal: str, days_ago: int) -> Task:
    at = ShiftedClock().now() - days_ago * DAY_MS
    task = await created(store, now=at, principal=principal, provider="local")
    step = await only_step(store, task)
    assert await store.apply(moves.cancelled(step, at), now=at)
    return await stored(store, task)


async def kept(store: SqliteStore, *tasks: Task) -> list[bool]:
    return [await store.get(task.id) is not None for task in tasks]


async def test_old_tasks_of_everybody_go_where_that_is_wanted(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "AT_ONCE", 1)
    old = [await ended(store, name, LONG_AGO_DAYS) for name in ("ann", "bob", "bob")]
    young = await ended(store, "ann", 1)
    async with anyio.create_task_group() as group:
        group.start_soon(keeping(store, settings_in(tmp_path, keep_days=30)).run)

        async def are_gone() -> bool:
            return not any(await kept(store, *old))

        await eventually(are_gone, 30)
        group.cancel_scope.cancel()
    assert await kept(store, young) == [True]


async def test_nothing_goes_by_itself_and_there_is_a_copy(store: SqliteStore, tmp_path: Path) -> None:
    old = await ended(store, "ann", LONG_AGO_DAYS)
    path = tmp_path / "data" / "fermata.db"
    async with anyio.create_task_group() as group:
        group.start_soon(keeping(store, settings_in(tmp_path)).run)

        async def is_copied() -> bool:
            return bool(copies.daily_copies(path))

        await eventually(is_copied, 30)
        group.cancel_scope.cancel()
    assert await kept(store, old) == [True]
    copies.checked(copies.daily_copies(path)[0])


async def test_paid_work_is_refused_while_damage_is_undecided(house: House, remote: Remote) -> None:
    async with house.engine() as service:
        path = house.folder / "data" / "fermata.db"
        first = (await begin(service, house.request())).task
        damage.note(path, "a page is wrong")
        with pytest.raises(StoreUnavailable, match="found damaged") as refused:
            await begin(service, house.request(take=2))
        assert "restore" in refused.value.hint
        free = await begin(service, house.request(provider="again", take=3))
        assert free.task.provider == "again"
        damage.decided(path)
        assert (await begin(service, house.request(take=4))).task.id != first.id
