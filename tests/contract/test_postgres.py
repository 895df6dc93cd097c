"""What the store promises of a PostgreSQL database beside what every store promises."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest

from fermata_mcp.domain.change import Change
from fermata_mcp.domain.credits import Entry
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.base import GRACE_MS, SUBMIT_LEASE_MS
from fermata_mcp.store.postgres.link import clock, migrating
from fermata_mcp.store.postgres.store import PostgresStore
from support.postgres import admin, fresh_database, new_database, server
from support.rows import ME, NOON, PAID, PRICE, a_render, a_step, a_task, claimed, created, only_step, per_day, stored

pytestmark = pytest.mark.anyio
PATIENCE = 60.0


@pytest.fixture
def url() -> str:
    return fresh_database()


@pytest.fixture
async def store(url: str, anyio_backend: str) -> AsyncGenerator[PostgresStore]:
    one = PostgresStore(url)
    await one.open()
    yield one
    await one.close()


async def refused(url: str) -> StoreUnavailable:
    """What opening a store there is answered with."""
    one = PostgresStore(url)
    with pytest.raises(StoreUnavailable) as told:
        await one.open()
    await one.close()
    return told.value


class TestTables:
    async def test_programs_that_start_at_once_make_them_once(self) -> None:
        empty = new_database()
        stores = [PostgresStore(empty) for _ in range(4)]
        async with anyio.create_task_group() as group:
            for one in stores:
                group.start_soon(one.open)
        assert len({await one.shared_secret() for one in stores}) == 1
        for one in stores:
            await one.close()

    async def test_what_is_missing_is_added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        every, url = migrating.scripts(), new_database()
        monkeypatch.setattr(migrating, "scripts", lambda: {one: sql for one, sql in every.items() if one != 7})
        old = PostgresStore(url)
        await old.open()
        await old.close()
        monkeypatch.undo()
        new = PostgresStore(url)
        assert await created(new)
        await new.check()
        await new.close()

    async def test_what_a_newer_version_made_is_not_touched(self, store: PostgresStore, url: str) -> None:
        keeper = admin(url)
        keeper.run("INSERT INTO fermata_schema VALUES (9999)")
        try:
            assert "newer version" in str(await refused(url))
            with pytest.raises(StoreUnavailable, match="another version"):
                await store.check()
        finally:
            keeper.run("DELETE FROM fermata_schema WHERE number = 9999")

    async def test_another_programs_tables_are_not_touched(self) -> None:
        url = new_database()
        admin(url).run("CREATE TABLE theirs (x int)")
        assert "another program's" in str(await refused(url))

    async def test_the_ledger_can_only_be_added_to(self, store: PostgresStore, url: str) -> None:
        task = await created(store)
        assert await store.apply(moves.begin(await claimed(store), "att", PAID, PRICE, (), NOON), now=NOON)
        for statement in ("UPDATE ledger SET amount = 0", "DELETE FROM ledger", "TRUNCATE ledger"):
            with pytest.raises(Exception, match="append-only"):
                admin(url).run(statement)
        assert (await stored(store, task)).held == PRICE


class TestTroubles:
    async def test_nobody_listens(self, tmp_path: Path) -> None:
        for where in ("127.0.0.1:1/x", f"/x?host={quote(str(tmp_path), safe='')}"):
            told = await refused(f"postgresql://me:hunter2@{where}")
            assert "nothing listens" in str(told)
            assert "hunter2" not in str(told)

    async def test_no_such_database(self) -> None:
        assert "no database of that name" in str(await refused(server().url("nowhere")))

    async def test_an_address_that_is_none(self) -> None:
        assert "hunter2" not in str(await refused("postgresql://me:hunter2@[half/x"))

    async def test_no_more_connections(self, url: str) -> None:
        admin().run("CREATE ROLE few LOGIN CONNECTION LIMIT 0 SUPERUSER")
        admin().run("ALTER ROLE few NOSUPERUSER")
        assert "no more connections" in str(await refused(url.replace("fermata@", "few@")))

    async def test_a_user_who_may_not(self) -> None:
        admin().run("CREATE ROLE guest LOGIN")
        assert "may not" in str(await refused(new_database().replace("fermata@", "guest@")))

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    async def test_what_no_database_keeps_is_told_and_what_is_asked_for_so_is_not_found(
        self, store: PostgresStore, text: str
    ) -> None:
        assert await store.get(text) is None
        assert await store.owner(text) is None
        assert await store.ids_like(text, principal=ME, limit=1) == []
        assert await store.find_clip("paid", text, principal=ME) is None
        with pytest.raises(Exception, match=r"cannot keep|surrogates"):
            await store.create(a_task(idempotency_key=text), a_step(), home="a", now=NOON)
        assert await created(store)


class TestTelling:
    async def test_another_process_is_told_of_work_for_whoever_has_room(self, store: PostgresStore, url: str) -> None:
        other = PostgresStore(url)
        await store.elsewhere()
        task = await created(other, step=a_render())
        with anyio.fail_after(PATIENCE):
            told = await store.elsewhere()
        assert (told.tasks, told.work) == ({task.id}, True)
        await other.close()

    async def test_and_of_a_look_that_somebody_hastens_but_of_no_look_that_goes_its_way(
        self, store: PostgresStore, url: str
    ) -> None:
        other = PostgresStore(url)
        await begun(other)
        await store.elsewhere()
        (step,) = await other.claim(home="x", now=NOON + SUBMIT_LEASE_MS + GRACE_MS, limit=1)
        await other.apply(
            Change(step.id, frozenset({"unknown"}), None, {"state": "waiting", "due_at": NOON + 10**6}), now=NOON + 1
        )
        await other.apply(Change(step.id, frozenset({"waiting"}), None, {"due_at": NOON + 10**5}), now=NOON + 2)
        await created(other)
        with anyio.fail_after(PATIENCE):
            assert not (await store.elsewhere()).work
        await other.make_due(step.id, now=NOON + 3)
        with anyio.fail_after(PATIENCE):
            assert (await store.elsewhere()).work
        await other.close()

    async def test_a_connection_that_was_cut_is_told_and_heard_through_again(
        self, store: PostgresStore, url: str
    ) -> None:
        await store.elsewhere()
        admin(url).run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                       "AND query LIKE 'LISTEN%'")  # fmt: skip
        with anyio.fail_after(PATIENCE), pytest.raises(StoreUnavailable):
            await store.elsewhere()
        assert (await store.elsewhere()).tasks is None


async def begun(store: PostgresStore, **fields: Any) -> Task:
    task = await created(store, **fields)
    step = await claimed(store, of=task)
    assert await store.apply(moves.begin(step, f"att_{task.id}", PAID, PRICE, (), NOON), now=NOON)
    return task


class TestProcesses:
    async def test_races_of_processes_never_overrun_the_cap(self, url: str, store: PostgresStore) -> None:
        told = [sys.executable, "-m", "support.racer", url, str(7 * PRICE), "4"]
        racers = [
            subprocess.Popen(  # noqa: ASYNC220  (it is only waited for at its end)
                told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
            )
            for _ in range(3)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "READY\n"
        for number, racer in enumerate(racers):
            assert racer.stdin is not None
            racer.stdin.write(f"home{number}\n")
            racer.stdin.flush()
        allowed = [int(racer.communicate(timeout=PATIENCE)[0]) for racer in racers]
        assert sum(allowed) == 7
        assert await store.spent(principal=ME, since=0, unit="credits") == {"paid": 7 * PRICE}

    async def test_its_time_is_the_databases(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two machines whose clocks differ by an hour agree on what is due."""
        real = clock.time.time
        monkeypatch.setattr(clock.time, "time", lambda: real() - 3600)
        late = PostgresStore(url, steady=clock.time.monotonic)
        await late.open()
        monkeypatch.undo()
        own = PostgresStore(url, steady=clock.time.monotonic)
        await own.open()
        assert abs(late.time(0) - own.time(0) - 3_600_000) < 60_000
        for one in (late, own):
            await one.close()


class TestCallersWhoLeave:
    @pytest.mark.parametrize("cut", ["scope", "task"])
    async def test_whenever_they_do_all_of_it_happened_or_none(self, store: PostgresStore, url: str, cut: str) -> None:
        """Also where a server ends a request by cancelling its task, which no scope holds back."""
        keeper = admin(url)
        tasks = [await created(store) for _ in range(8)]
        steps = await store.claim(home="a", now=NOON, limit=8)
        for number, step in enumerate(steps):
            begin = moves.begin(step, f"att_{number}", PAID, PRICE, per_day(10**9), NOON)
            await cut_short(lambda begin=begin: store.apply(begin, now=NOON), number, cut)
        for task in tasks:
            found = await stored(store, task)
            attempts = await store.attempts(found.steps[0].id)
            assert (found.held, found.steps[0].state) == ((PRICE, "submitting") if attempts else (0, "queued")), (
                "half of it happened"
            )
        open_ones = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in tr%'"
        assert keeper.run(f"{open_ones} AND $1::int = 1", 1) == []


async def cut_short(call: Callable[[], Any], after: int, how: str) -> None:
    """Leave after so many turns of the event loop."""
    import asyncio

    if how == "scope":
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(call)
                for _ in range(after):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
        return
    task = asyncio.ensure_future(call())
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


class TestAnotherIncarnation:
    """The database is put back to an earlier state. What is lost is lost; but nothing is sent again by the program."""

    @pytest.fixture
    async def copy(self, store: PostgresStore, url: str) -> AsyncGenerator[Callable[[], Any]]:
        """Takes a copy of the database as it is, in which the program goes on."""
        copies = list[PostgresStore]()

        async def taken() -> PostgresStore:
            await store.close()
            name, original = f"copy_of_{id(store)}", url.partition("@/")[2].partition("?")[0]
            admin().run(f"DROP DATABASE IF EXISTS {name}")
            admin().run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        f"WHERE datname = '{original}' AND pid <> pg_backend_pid()")  # fmt: skip
            admin().run(f"CREATE DATABASE {name} TEMPLATE {original}")
            copies.append(PostgresStore(server().url(name)))
            return copies[-1]

        yield taken
        for one in copies:
            await one.close()

    async def test_a_request_whose_intent_was_lost_is_not_sent_again(self, store: PostgresStore, copy: Any) -> None:
        task = await created(store)
        render = await created(store, step=a_render())
        restored = await copy()
        step = await claimed(store, of=task)
        assert await store.apply(moves.begin(step, "att", PAID, PRICE, (), NOON), now=NOON)
        found = await stored(restored, task)
        assert (found.status, found.steps[0].state) == ("unknown", "needs_user")
        assert found.error is not None
        assert "earlier state" in found.error.message
        assert not await restored.apply(moves.begin(step, "att_2", PAID, PRICE, (), NOON), now=NOON)
        assert (await stored(restored, render)).steps[0].state == "queued", "what costs nothing is just done again"

    async def test_an_answer_that_comes_now_is_believed(self, store: PostgresStore, copy: Any) -> None:
        task = await created(store)
        restored = await copy()
        assert await store.apply(moves.begin(await claimed(store, of=task), "att", PAID, PRICE, (), NOON), now=NOON)
        sent = await only_step(store, task)
        assert await restored.apply(moves.accepted(sent, "r1", NOON, NOON), now=NOON)
        found = await only_step(restored, task)
        assert (found.state, found.remote_id, found.attempt_id) == ("waiting", "r1", "att")

    async def test_the_next_request_of_a_chain_may_have_been_sent_too_until_somebody_decides(
        self, store: PostgresStore, copy: Any
    ) -> None:
        task = await begun(store)
        await store.apply(moves.accepted(await only_step(store, task), "r1", NOON, NOON), now=NOON)
        restored = await copy()
        for number in (1, 2):
            done = moves.finished(await only_step(restored, task), (), {"message": "next"}, PRICE, a_step(number))
            assert await restored.apply(done, now=NOON)
            step = await only_step(restored, task)
            assert (step.seq, step.state) == (number, "needs_user" if number == 1 else "queued")
            if number == 1:
                assert await restored.apply(moves.resubmit(step, NOON, 0), now=NOON)
            (step,) = await restored.claim(home="a", now=NOON + 10**9, limit=9)
            assert await restored.apply(moves.begin(step, f"a{number}", PAID, PRICE, (), NOON), now=NOON)
            await restored.apply(
                moves.accepted(await only_step(restored, task), f"r{number + 1}", NOON, NOON), now=NOON
            )

    async def test_it_is_noticed_once(self, store: PostgresStore, copy: Any) -> None:
        task = await created(store)
        restored = await copy()
        step = await only_step(restored, task)
        assert await restored.apply(moves.resubmit(step, NOON, 0), now=NOON)
        await restored.close()
        assert (await only_step(restored, task)).state == "queued"


async def test_money_is_entered_once_also_where_connections_break(store: PostgresStore) -> None:
    task = await begun(store)
    step = await only_step(store, task)
    change = Change(step.id, frozenset({"submitting"}), None, {}, entries=(Entry("charge", 1),))
    assert await store.apply(change, now=NOON)
    with pytest.raises(StoreUnavailable):
        await store.apply(change, now=NOON)
