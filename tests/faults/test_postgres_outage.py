"""The database server stops, comes back, is put back to an earlier state, or is taken over by a standby."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import pytest

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.lifespan import running_engine
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, SUBMIT_LEASE_MS
from fermata_mcp.store.postgres.store import PostgresStore
from support.asked import begin
from support.engines import House, eventually, finished, settings_in
from support.postgres import Server
from support.remote import Remote
from support.rows import NOON, PAID, PRICE, claimed, created, only_step, stored

pytestmark = pytest.mark.anyio
_T = TypeVar("_T")


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that may be stopped."""
    one = Server()
    one.start()
    yield one
    one.remove()


@pytest.fixture
async def store(own: Server, anyio_backend: str) -> AsyncGenerator[PostgresStore]:
    one = PostgresStore(own.url())
    await one.open()
    yield one
    await one.close()


async def again(call: Callable[[], Awaitable[_T]]) -> _T:
    """What a caller gets who tries until the server is back."""
    with anyio.fail_after(60):
        while True:
            try:
                return await call()
            except StoreUnavailable:
                await anyio.sleep(0.05)


async def test_it_is_told_in_words_and_used_again_once_it_is_back(own: Server, store: PostgresStore) -> None:
    task = await created(store)
    await store.elsewhere()
    await anyio.to_thread.run_sync(own.stop)
    for call in (lambda: store.get(task.id), lambda: created(store), store.elsewhere):
        with pytest.raises(StoreUnavailable, match="database"):
            await call()
    await anyio.to_thread.run_sync(own.start)
    assert (await again(lambda: store.get(task.id))) == task
    assert (await again(store.elsewhere)).tasks is None
    assert await created(store)


async def test_work_goes_on_by_itself_and_each_request_was_sent_once(house: House, remote: Remote, own: Server) -> None:
    """The server dies as a power cut would end it, while requests are prepared, sent and looked at."""
    settings = settings_in(house.folder, paid_api_key="k")
    store, clock = PostgresStore(own.url()), house.time.clock()
    async with running_engine(settings, store, input_roots=None, clock=clock) as service:
        tasks = [(await begin(service, house.request(take=number))).task for number in range(1, 5)]
        await anyio.to_thread.run_sync(own.stop)
        with pytest.raises(StoreUnavailable):
            await service.get(tasks[0].id)
        await anyio.to_thread.run_sync(own.start)

        async def outcomes_are_recorded() -> bool:
            found = [await again(lambda task=task: service.get(task.id)) for task in tasks]
            return all(task.steps[0].state != "submitting" for task in found)

        await eventually(outcomes_are_recorded)
        house.time.skip((SUBMIT_LEASE_MS + GRACE_MS) / 1000)  # what was claimed when the server died is due again then
        for task in tasks:
            done = await again(lambda task=task: finished(service, task))
            assert done.status == "succeeded"
    assert list(remote.posts.values()) == [1] * 4


def copied(data: Path, to: Path) -> None:
    shutil.copytree(data, to)
    for one in (to, *to.rglob("*")):
        shutil.chown(one, data.stat().st_uid, data.stat().st_gid)


async def test_a_disk_that_is_put_back_is_noticed_by_whoever_lived_through_it(
    own: Server, store: PostgresStore
) -> None:
    task = await created(store)
    await anyio.to_thread.run_sync(own.stop)
    copied(own.data, own.folder / "earlier")
    await anyio.to_thread.run_sync(own.start)
    step = (await again(lambda: store.claim(home="a", now=NOON, limit=1)))[0]
    assert await store.apply(moves.begin(step, "att", PAID, PRICE, (), NOON), now=NOON)
    await anyio.to_thread.run_sync(own.stop)
    shutil.rmtree(own.data)
    (own.folder / "earlier").rename(own.data)
    own.data.chmod(0o700)
    await anyio.to_thread.run_sync(own.start)
    found = await again(lambda: stored(store, task))
    assert (found.steps[0].state, found.status) == ("needs_user", "unknown")
    assert await store.claim(home="a", now=NOON + 10**9, limit=9) == []


async def begun(store: PostgresStore, attempt: str) -> Task:
    """One whose request may be on its way."""
    task = await created(store)
    assert await store.apply(moves.begin(await claimed(store, of=task), attempt, PAID, PRICE, (), NOON), now=NOON)
    return task


async def test_a_server_that_died_with_unflushed_news_is_no_earlier_state(house: House, anyio_backend: str) -> None:
    """Looks are written without waiting for the disk: a power cut takes some back, and no paid request with them."""
    own = Server("fsync=on", "wal_writer_delay=10s", "wal_writer_flush_after=1GB")
    own.start()
    store, other = PostgresStore(own.url()), PostgresStore(own.url())
    try:
        sent = await begun(store, "att")
        looked_at = await begun(store, "att_2")
        queued = await created(store)
        step = await only_step(store, looked_at)
        assert await store.apply(moves.accepted(step, "r", NOON, NOON), now=NOON)
        for number in range(50):
            step = await only_step(store, looked_at)
            assert await store.apply(moves.poll_again(step, NOON + number), now=NOON)
        await other.open()  # what it sees last is not on the disk
        await anyio.to_thread.run_sync(own.stop)
        await anyio.to_thread.run_sync(own.start)
        for each in (other, store):
            assert (await again(lambda each=each: stored(each, queued))).steps[0].state == "queued"
        assert (await only_step(store, looked_at)).state == "waiting"
        assert (await only_step(store, sent)).state == "submitting"
    finally:
        await store.close()
        await other.close()
        own.remove()


async def test_a_standby_that_takes_over_without_the_last_commits_is_noticed_by_whoever_comes(
    own: Server, store: PostgresStore
) -> None:
    task = await created(store)
    await anyio.to_thread.run_sync(own.stop)
    copied(own.data, own.folder / "standby")
    await anyio.to_thread.run_sync(own.start)
    assert await again(lambda: claimed(store))
    assert await store.apply(moves.begin(await only_step(store, task), "att", PAID, PRICE, (), NOON), now=NOON)
    await anyio.to_thread.run_sync(own.stop)
    shutil.rmtree(own.data)
    (own.folder / "standby").rename(own.data)
    own.data.chmod(0o700)
    (own.data / "standby.signal").touch()
    await anyio.to_thread.run_sync(own.start)
    newcomer = PostgresStore(own.url())
    with pytest.raises(StoreUnavailable, match="standby"):
        await newcomer.open()
    own.promote()

    async def is_held() -> bool:
        return (await again(lambda: stored(newcomer, task))).steps[0].state == "needs_user"

    await eventually(is_held)
    await newcomer.close()
