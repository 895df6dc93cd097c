"""The SQLite file itself: who owns it, what happens when it or its disk is not well, and several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path
from typing import ClassVar, cast

import anyio
import apsw
import pytest

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.steps import moves
from fermata_mcp.store.sqlite import file as sqlite_file
from fermata_mcp.store.sqlite.file import APPLICATION_ID, Sql
from fermata_mcp.store.sqlite.safety.damage import standing
from fermata_mcp.store.sqlite.store import SqliteStore
from support.places import TESTS
from support.rows import ME, NOON, PAID, PRICE, a_step, a_task, claimed, created, only_step, stored

pytestmark = pytest.mark.anyio
NO_DATABASE = b"this is no database" * 500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "fermata.db"


@pytest.fixture
async def store(path: Path, anyio_backend: str) -> AsyncGenerator[SqliteStore]:
    one = SqliteStore(path)
    await one.open()
    yield one
    await one.close()


def another_program(path: Path) -> Sql:
    """A connection that is not the store's; the locks of two SQLite libraries in one process exclude nobody."""
    return cast(Sql, apsw.Connection(str(path)))


def directly(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement, by another program."""
    connection = another_program(path)
    try:
        return [list(connection.execute(statement)) for statement in statements][-1]
    finally:
        connection.close()


@contextmanager
def lock(path: Path) -> Generator[Sql]:
    """Another program that has begun to write; it may commit before the end."""
    connection = another_program(path)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


def raced(path: Path, *, processes: int, cap: int, count: int) -> list[int]:
    """How many submits each of some processes could make under one cap, all let go at the same moment."""
    command = [sys.executable, "-m", "support.racer", str(path), str(cap), str(count)]
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(processes)
        ]
        assert [line_of(racer) for racer in racers] == ["READY\n"] * processes
        for number, racer in enumerate(racers):
            assert racer.stdin is not None
            racer.stdin.write(f"home-{number}\n")
            racer.stdin.flush()
        return [int(line_of(racer)) for racer in racers]


def line_of(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline()


def put(path: Path, given: bytes) -> None:
    """A file, and the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(given)


def content(path: Path) -> bytes:
    return path.read_bytes()


def move_away(path: Path) -> None:
    path.rename(path.with_suffix(".old"))


async def refused(path: Path) -> StoreUnavailable:
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable) as error:
        await store.open()
    await store.close()
    return error.value


class TestOwnership:
    async def test_a_fresh_file_is_marked_as_ours_and_kept_private(self, store: SqliteStore, path: Path) -> None:
        assert directly(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
        assert directly(path, "PRAGMA journal_mode") == [("wal",)]
        assert path.parent.stat().st_mode & 0o077 == 0

    async def test_another_programs_database_is_not_touched(self, path: Path) -> None:
        path.parent.mkdir()
        directly(path, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
        before = content(path)
        assert "another program's" in (await refused(path)).message
        assert content(path) == before

    async def test_what_a_newer_version_wrote_is_not_touched(self, store: SqliteStore, path: Path) -> None:
        task = await created(store)
        await store.close()
        directly(path, "PRAGMA user_version = 99")
        error = await refused(path)
        assert "newer version" in error.message
        assert "upgrade" in error.hint
        assert directly(path, "SELECT id FROM task", "PRAGMA user_version") == [(99,)]
        directly(path, f"PRAGMA user_version = {len(scripts())}")
        assert await stored(store, task)

    async def test_an_empty_file_becomes_a_database(self, path: Path) -> None:
        put(path, b"")
        store = SqliteStore(path)
        await created(store)
        await store.close()


def modes(folder: Path) -> dict[str, int]:
    """What may be done with the files of a folder, by their names."""
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def let_everybody_read(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o644)


class TestPrivacy:
    OURS: ClassVar = dict.fromkeys(["fermata.db", "fermata.db-wal", "fermata.db-shm"], 0o600)

    @pytest.fixture(autouse=True)
    def generous(self) -> Generator[None]:
        """A machine on which everybody may do everything."""
        before = os.umask(0)
        yield
        os.umask(before)

    async def test_in_a_folder_of_others_the_files_are_the_owners_alone(self, path: Path) -> None:
        path.parent.mkdir(mode=0o777)
        store = SqliteStore(path)
        await created(store)
        assert modes(path.parent) == self.OURS
        assert path.parent.stat().st_mode & 0o777 == 0o777
        await store.close()

    async def test_a_folder_that_we_make_is_the_owners_alone(self, path: Path) -> None:
        store = SqliteStore(path)
        await created(store)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert modes(path.parent) == self.OURS
        await store.close()

    async def test_files_that_everybody_could_read_are_closed_to_them(self, path: Path) -> None:
        path.parent.mkdir(mode=0o777)
        one = SqliteStore(path)
        task = await created(one)
        let_everybody_read(path.parent)
        other = SqliteStore(path)
        assert await stored(other, task)
        assert modes(path.parent) == self.OURS
        await one.close()
        await other.close()

    async def test_another_programs_database_keeps_its_mode(self, path: Path) -> None:
        path.parent.mkdir()
        directly(path, "CREATE TABLE theirs (x)")
        let_everybody_read(path.parent)
        await refused(path)
        assert modes(path.parent)[path.name] == 0o644

    async def test_a_file_that_cannot_be_linked_into_place_is_closed_all_the_same(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", no_links)
        store = SqliteStore(path)
        await created(store)
        assert modes(path.parent) == self.OURS
        await store.close()


def scripts() -> list[str]:
    folder = resources.files("fermata_mcp.store.sqlite") / "migrations"
    return [
        entry.read_text() for entry in sorted(folder.iterdir(), key=lambda e: e.name) if entry.name.endswith(".sql")
    ]


class TestMigrations:
    async def test_the_schema_is_all_scripts_applied(self, store: SqliteStore, path: Path) -> None:
        fresh = path.parent / "fresh.db"
        directly(fresh, *scripts())
        schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
        assert directly(path, schema) == directly(fresh, schema)
        assert directly(path, "PRAGMA user_version") == [(len(scripts()),)]

    async def test_a_migration_that_is_cut_off_has_not_happened(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(sqlite_file, "scripts", lambda: [*scripts(), "CREATE TABLE t (x); NONSENSE"])
            await refused(path)
        assert directly(path, "SELECT count(*) FROM sqlite_schema") == [(0,)]
        store = SqliteStore(path)
        await created(store)
        await store.close()

    async def test_an_older_file_is_brought_up_to_date_with_its_rows(
        self, store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = await created(store)
        await store.close()
        monkeypatch.setattr(sqlite_file, "scripts", lambda: [*scripts(), "CREATE TABLE later (x TEXT) STRICT"])
        assert await stored(store, task) == task
        assert directly(path, "SELECT count(*) FROM later", "PRAGMA user_version") == [(len(scripts()) + 1,)]


class TestDamage:
    @pytest.mark.parametrize("given", [NO_DATABASE, b"SQLite format 3\x00" + b"\xff" * 8000])
    async def test_what_is_no_database_is_told_with_a_way_out(self, path: Path, given: bytes) -> None:
        put(path, given)
        error = await refused(path)
        assert error.code == "store_unavailable"
        assert path.name in error.message
        assert "FERMATA_DATA_DIR" in error.hint
        assert content(path) == given

    async def test_a_file_of_ours_that_was_damaged_is_set_aside_and_told(self, store: SqliteStore, path: Path) -> None:
        for _ in range(200):
            await created(store)
        await store.close()
        first_page, rest = content(path)[:4096], content(path)[4096:]
        damaged = first_page + bytes(reversed(rest))
        put(path, damaged)
        assert (await store.page(principal=ME, status=None, provider=None, limit=100, cursor=None)).tasks == ()
        damage = standing(path)
        assert damage is not None
        assert damage.aside is not None
        assert content(path.with_name(damage.aside)) == damaged
        await store.close()

    async def test_after_it_was_moved_away_the_same_store_starts_anew(self, path: Path) -> None:
        put(path, NO_DATABASE)
        store = SqliteStore(path)
        with pytest.raises(StoreUnavailable):
            await created(store)
        move_away(path)
        await created(store)
        await store.close()

    async def test_a_folder_in_its_place_is_told(self, path: Path) -> None:
        put(path / "file", b"")
        await refused(path)

    async def test_a_data_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        put(tmp_path / "file", b"")
        assert "FERMATA_DATA_DIR" in (await refused(tmp_path / "file" / "data" / "fermata.db")).hint

    async def test_a_folder_without_write_permission_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        path.parent.mkdir(mode=0o500)
        assert "writable" in (await refused(path)).hint

    async def test_a_database_that_can_only_be_read_is_told_at_the_first_write(
        self, store: SqliteStore, path: Path
    ) -> None:
        task = await created(store)
        await store.close()
        reader = SqliteStore(path)
        await reader.open()
        await reader._run(lambda c: c.pragma("query_only", True))  # pyright: ignore[reportPrivateUsage]
        assert await stored(reader, task)
        with pytest.raises(StoreUnavailable):
            await created(reader)
        await reader.close()


class TestFullDisk:
    @pytest.fixture
    async def full(self, store: SqliteStore) -> SqliteStore:
        """The store on a disk without a free page."""
        task = await created(store)
        await claimed(store, of=task)
        await store._run(_no_more_pages)  # pyright: ignore[reportPrivateUsage]
        return store

    async def test_a_call_that_does_not_fit_is_refused_and_leaves_nothing(self, full: SqliteStore, path: Path) -> None:
        ids = await full.ids_like("", principal=ME, limit=9)
        big = a_task(message="x" * 200_000)
        with pytest.raises(StoreUnavailable, match="full") as error:
            await full.create(big, a_step(), home="a", now=NOON)
        assert "nothing was recorded" in error.value.message
        assert await full.ids_like("", principal=ME, limit=9) == ids
        other = SqliteStore(path)
        await created(other)
        await other.close()

    async def test_with_space_again_it_works_again(self, full: SqliteStore) -> None:
        with pytest.raises(StoreUnavailable):
            await full.create(a_task(message="x" * 200_000), a_step(), home="a", now=NOON)
        await full._run(_pages_again)  # pyright: ignore[reportPrivateUsage]
        await full.create(a_task(message="x" * 200_000), a_step(), home="a", now=NOON)

    async def test_without_room_for_the_intent_nothing_may_be_sent(self, store: SqliteStore) -> None:
        task = await created(store)
        await store._run(_no_more_pages)  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(StoreUnavailable):
            await until_it_is_full(store, task)
        found = await only_step(store, task)
        live = [attempt.state for attempt in await store.attempts(found.id) if attempt.state != "void"]
        assert (found.state, live) in [("queued", []), ("submitting", ["intent"])]


async def until_it_is_full(store: SqliteStore, task: Task) -> None:
    """Submit and put back, again and again; every round takes some more space."""
    for number in range(10_000):
        step = await claimed(store, of=task)
        await store.apply(moves.begin(step, f"att_{number}" * 40, PAID, PRICE, (), NOON), now=NOON)
        await store.apply(moves.put_back(await only_step(store, task), NOON, NOON, PRICE), now=NOON)


def _no_more_pages(connection: Sql) -> None:
    connection.pragma("max_page_count", int(connection.pragma("page_count")))


def _pages_again(connection: Sql) -> None:
    connection.pragma("max_page_count", 1_000_000)


class TestSharing:
    async def test_a_writer_waits_for_another_programs_lock_and_then_goes_on(
        self, store: SqliteStore, path: Path
    ) -> None:
        with lock(path) as locked:
            async with anyio.create_task_group() as group:
                group.start_soon(created, store)
                await anyio.sleep(0.1)
                locked.execute("COMMIT")
        assert len(await store.ids_like("", principal=ME, limit=9)) == 1

    async def test_a_lock_that_is_never_let_go_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_MS", 50)
        store = SqliteStore(path)
        await store.open()
        with lock(path), pytest.raises(StoreUnavailable, match="another program is holding"):
            await created(store)
        await created(store)
        await store.close()

    async def test_reading_goes_on_under_another_programs_lock(self, store: SqliteStore, path: Path) -> None:
        task = await created(store)
        with lock(path), anyio.fail_after(180):
            assert await stored(store, task) == task

    async def test_a_cancelled_writer_under_a_lock_leaves_nothing_open(self, store: SqliteStore, path: Path) -> None:
        with lock(path) as locked:
            async with anyio.create_task_group() as group:
                group.start_soon(created, store)
                group.start_soon(created, store)
                await anyio.sleep(0.05)
                group.cancel_scope.cancel()
                locked.execute("COMMIT")
        assert len(await store.ids_like("", principal=ME, limit=9)) <= 1
        directly(path, "BEGIN IMMEDIATE", "COMMIT")
        await created(store)

    async def test_the_ledger_can_only_be_added_to(self, store: SqliteStore, path: Path) -> None:
        task = await created(store)
        step = await claimed(store, of=task)
        await store.apply(moves.begin(step, "att_1", PAID, PRICE, (), NOON), now=NOON)
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            directly(path, "UPDATE ledger SET amount = 0")
        assert directly(path, "SELECT kind, amount FROM ledger") == [("hold", PRICE)]

    def test_processes_that_open_a_fresh_file_at_once_share_it_and_its_cap(self, path: Path) -> None:
        assert sum(raced(path, processes=3, cap=5 * PRICE, count=4)) == 5
        assert directly(path, "SELECT count(*) FROM task") == [(12,)]
        assert directly(path, "SELECT sum(amount) FROM ledger") == [(5 * PRICE,)]
        assert directly(path, "PRAGMA integrity_check") == [("ok",)]


async def test_the_ledger_is_cut_by_a_removal_alone(store: SqliteStore, path: Path) -> None:
    task = await created(store)
    step = await claimed(store)
    await store.apply(moves.begin(step, "att", PAID, PRICE, (), NOON), now=NOON)
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        directly(path, f"DELETE FROM ledger WHERE task_id = '{task.id}'")
    assert directly(path, "SELECT count(*) FROM ledger", "SELECT count(*) FROM removal") == [(0,)]
