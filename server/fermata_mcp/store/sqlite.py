"""The store in one SQLite file that several processes may share.

One worker at a time runs whole `BEGIN IMMEDIATE … COMMIT` functions, so that a cancelled caller can never leave a
transaction open. `apsw` brings its own SQLite: versions before 3.51.3, which most systems still link, can corrupt a
WAL file that several processes write.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import anyio
import anyio.to_thread
import apsw

from fermata_mcp.domain.errors import FermataError, InvalidRequest, OverBudget, StoreUnavailable
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import STEP_MOVES, Attempt, Change, Clip, NewStep, Step, Task, TaskStatus

from .base import (
    CLOCK_SET_BACK_MS,
    GRACE_MS,
    LOOK_LEASE_MS,
    REPLAY_WINDOW_MS,
    SUBMIT_LEASE_MS,
    AlreadyKnown,
    Created,
    KeyReused,
    Page,
)
from .rows import (
    ATTEMPT_COLUMNS,
    STEP_COLUMNS,
    TASK_COLUMNS,
    attempt_from,
    encode,
    step_from,
    task_from,
    task_row,
)

BUSY_TIMEOUT_MS = 10_000
APPLICATION_ID = 0x4645524D  # "FERM"
_NOT_UNIQUE = (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY)
_T = TypeVar("_T")


class Sql(Protocol):
    """What is used of `apsw.Connection`, whose own types need a newer Python."""

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, statements: str, bindings: Any = None, /) -> Any: ...
    def pragma(self, name: str, value: Any = None, /) -> Any: ...
    def set_busy_timeout(self, milliseconds: int, /) -> None: ...
    def close(self) -> None: ...


_STEP = ", ".join(STEP_COLUMNS)
_TASK = ", ".join(TASK_COLUMNS)
_ATTEMPT = ", ".join(ATTEMPT_COLUMNS)
# A step is due for its own process at `due_at`, for any other after the grace time.
_DUE = """due_at IS NOT NULL AND (due_at > :now + :set_back OR due_at <= :now - :grace
          OR due_at <= :now AND (home = :home OR home IS NULL))"""
_DAY_MS = 86_400_000


class SqliteStore:
    """See `Store`. `path` is the database file; its folder is made when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Sql | None = None
        self._turn = anyio.CapacityLimiter(1)
        self._data_version: int | None = None

    async def open(self) -> None:
        await self._run(lambda _: None)

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await anyio.to_thread.run_sync(close, limiter=self._turn)

    async def create(self, task: Task, step: NewStep, *, home: str, now: int, replay_finished: bool = True) -> Created:
        return await self._write(partial(_create, task=task, step=step, home=home, now=now, finished=replay_finished))

    async def get(self, task_id: str, *, principal: str | None = None) -> Task | None:
        return await self._run(partial(_get, task_id=task_id, principal=principal))

    async def page(
        self, *, principal: str, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None
    ) -> Page:
        query = partial(_page, principal=principal, status=status, provider=provider, limit=limit, cursor=cursor)
        return await self._run(query)

    async def ids_like(self, prefix: str, *, principal: str, limit: int) -> list[str]:
        sql = "SELECT id FROM task WHERE principal = ? AND substr(id, 1, ?) = ? ORDER BY created_at DESC LIMIT ?"
        values = (principal, len(prefix), prefix, limit)
        return await self._run(lambda c: [row[0] for row in c.execute(sql, values)])

    async def claim(self, *, home: str, now: int, limit: int) -> list[Step]:
        if not await self._run(partial(_anything_due, home=home, now=now)):
            return []
        return await self._write(partial(_claim, home=home, now=now, limit=limit), durable=False)

    async def apply(self, change: Change, *, now: int) -> bool:
        return await self._write(partial(_apply, change=change, now=now), durable=_must_last(change))

    async def attempts(self, step_id: str) -> list[Attempt]:
        sql = f"SELECT {_ATTEMPT} FROM attempt WHERE step_id = ? ORDER BY number"
        return await self._run(lambda c: [attempt_from(row) for row in c.execute(sql, (step_id,))])

    async def release(self, home: str, *, now: int, interrupted: Sequence[str] = ()) -> None:
        sql = "UPDATE step SET home = NULL, due_at = min(due_at, :now) WHERE home = :home AND state = 'waiting'"
        idle = "UPDATE step SET home = NULL WHERE home = :home AND due_at IS NOT NULL AND state <> 'waiting'"
        cut_off = "UPDATE step SET due_at = min(due_at, ?) WHERE id = ? AND state = 'queued'"
        values = {"home": home, "now": now}

        def release(c: Sql) -> None:
            c.execute(sql, values)
            c.execute(idle, values)
            for step_id in interrupted:
                c.execute(cut_off, (now, step_id))

        await self._write(release)

    async def hasten(self, step_id: str, *, now: int) -> None:
        sql = "UPDATE step SET due_at = min(due_at, ?) WHERE id = ? AND state = 'waiting'"
        await self._write(lambda c: c.execute(sql, (now, step_id)))

    async def changed_elsewhere(self) -> bool:
        version = await self._run(lambda c: int(c.pragma("data_version")))
        before, self._data_version = self._data_version, version
        return before is not None and before != version

    async def find_clip(self, provider: str, provider_clip_id: str, *, principal: str) -> tuple[str, int] | None:
        sql = """SELECT c.task_id, c.position FROM clip c JOIN task t ON t.id = c.task_id
                 WHERE c.provider = ? AND c.provider_clip_id = ? AND t.principal = ?"""
        return await self._run(lambda c: c.execute(sql, (provider, provider_clip_id, principal)).fetchone())

    async def durations(self, provider: str, model: str | None) -> list[float]:
        sql = """SELECT (updated_at - submitted_at) / 1000.0 FROM step
                 WHERE provider = ? AND state = 'succeeded' AND json_extract(work, '$.fields.model') IS ?
                 ORDER BY updated_at DESC LIMIT 64"""
        return await self._run(lambda c: [row[0] for row in c.execute(sql, (provider, model))])

    async def take_turn(self, account_id: str, rate: Rate, *, urgent: bool, now: int) -> int:
        turn = partial(_take_turn, account_id=account_id, rate=rate, urgent=urgent, now=now)
        return await self._write(turn, durable=False)

    async def spent(self, *, principal: str, since: int) -> dict[str, int]:
        return await self._run(partial(_spent, principal=principal, since=since))

    async def _write(self, work: Callable[[Sql], _T], *, durable: bool = True) -> _T:
        """One whole transaction. Without `durable` a power cut may take it back; a crash of the program does not."""

        def whole(connection: Sql) -> _T:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                # SQLITE_FULL and SQLITE_IOERR have rolled back already; a second rollback would raise.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self._run(whole)

    async def _run(self, work: Callable[[Sql], _T]) -> _T:
        def run() -> _T:
            try:
                if self._connection is None:
                    self._connection = _open(self._path)
                return work(self._connection)
            except (apsw.Error, OSError) as error:
                raise _in_words(error, self._path) from error

        return await anyio.to_thread.run_sync(run, limiter=self._turn)


def _in_words(error: Exception, path: Path) -> FermataError:
    match error:
        case apsw.ConstraintError() if getattr(error, "extendedresult", None) in _NOT_UNIQUE:
            return AlreadyKnown("it is recorded elsewhere already.")
        case apsw.BusyError():
            return StoreUnavailable("another program is holding the task database.", "try again in a moment.")
        case apsw.FullError():
            return StoreUnavailable("the disk is full; nothing was recorded.", "free some space and call again.")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreUnavailable(
                f"the task database {path.name} is damaged or not a database.",
                f"move {path} away, or point FERMATA_DATA_DIR at another folder, and call again.",
            )
        case _:
            return StoreUnavailable(
                f"the task database cannot be used ({type(error).__name__}).",
                f"make {path.parent} writable, or point FERMATA_DATA_DIR at another folder.",
            )


def _open(path: Path) -> Sql:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = cast(Sql, apsw.Connection(str(path)))
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        _check_owner(connection, path)
        _use_wal(connection)
        # A power cut must not take back an intent that money has already followed.
        connection.pragma("synchronous", "FULL")
        connection.pragma("foreign_keys", True)
        if sys.platform == "darwin":
            connection.pragma("fullfsync", True)
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_owner(connection: Sql, path: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise StoreUnavailable(
            f"{path.name} is another program's database.", "point FERMATA_DATA_DIR at a folder of its own."
        )


def _use_wal(connection: Sql) -> None:
    # Switching the mode does not wait for locks, unlike everything else.
    for _ in range(100):
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            time.sleep(0.05)
        else:
            return
    raise apsw.BusyError("journal_mode")


def _scripts() -> list[str]:
    folder = resources.files("fermata_mcp.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def _migrate(connection: Sql, path: Path) -> None:
    scripts = _scripts()
    if _version(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(scripts):
            raise StoreUnavailable(
                f"{path.name} was written by a newer version of Fermata.",
                "upgrade fermata-mcp, or point FERMATA_DATA_DIR at another folder.",
            )
        for script in scripts[version:]:
            connection.execute(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: Sql) -> int:
    return int(connection.pragma("user_version"))


def _create(c: Sql, *, task: Task, step: NewStep, home: str, now: int, finished: bool) -> Created:
    earlier = _by_key(c, task) or _by_request(c, task, now, finished)
    if earlier is not None:
        _remember_key(c, task, earlier.task.id)
        return earlier
    row = task_row(task)
    marks = ", ".join(f":{name}" for name in row)
    c.execute(f"INSERT INTO task ({', '.join(row)}) VALUES ({marks})", row)
    _insert_step(c, step, task.id, task.provider, task.account_id, home, now)
    _remember_key(c, task, task.id)
    return Created(_get_known(c, task.id, task.principal), None)


def _by_key(c: Sql, task: Task) -> Created | None:
    if task.idempotency_key is None:
        return None
    sql = """SELECT k.task_id, k.request_hash, t.status FROM idempotency k JOIN task t ON t.id = k.task_id
             WHERE k.principal = ? AND k.key = ?"""
    found = c.execute(sql, (task.principal, task.idempotency_key)).fetchone()
    if found is None:
        return None
    task_id, request_hash, status = found
    if request_hash != task.request_hash:
        raise KeyReused
    return None if status in ("failed", "cancelled") else Created(_get_known(c, task_id, task.principal), "key")


def _remember_key(c: Sql, task: Task, task_id: str) -> None:
    if task.idempotency_key is not None:
        sql = "INSERT OR REPLACE INTO idempotency (principal, key, request_hash, task_id) VALUES (?, ?, ?, ?)"
        c.execute(sql, (task.principal, task.idempotency_key, task.request_hash, task_id))


def _by_request(c: Sql, task: Task, now: int, finished: bool) -> Created | None:
    sql = """SELECT id FROM task WHERE principal = ? AND request_hash = ?
             AND (status IN ('queued', 'running', 'unknown')
                  OR ? AND status IN ('succeeded', 'partial') AND finished_at > ?)
             ORDER BY created_at DESC LIMIT 1"""
    found = c.execute(sql, (task.principal, task.request_hash, finished, now - REPLAY_WINDOW_MS)).fetchone()
    return None if found is None else Created(_get_known(c, found[0], task.principal), "request")


def _insert_step(
    c: Sql, step: NewStep, task_id: str, provider: str, account_id: str, home: str | None, now: int
) -> None:
    sql = """INSERT INTO step (id, task_id, provider, account_id, seq, state, work, home, due_at,
             created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)"""
    values = (step.id, task_id, provider, account_id, step.seq, encode(step.work), home, now, now, now)
    c.execute(sql, values)


def _get_known(c: Sql, task_id: str, principal: str) -> Task:
    task = _get(c, task_id=task_id, principal=principal)
    assert task is not None
    return task


def _get(c: Sql, *, task_id: str, principal: str | None) -> Task | None:
    sql = f"SELECT {_TASK} FROM task WHERE id = :id AND (:principal IS NULL OR principal = :principal)"
    row = c.execute(sql, {"id": task_id, "principal": principal}).fetchone()
    if row is None:
        return None
    steps = c.execute(f"SELECT {_STEP} FROM step WHERE task_id = ? ORDER BY seq", (task_id,))
    return task_from(row, tuple(step_from(step) for step in steps), _money(c, task_id))


def _money(c: Sql, task_id: str) -> dict[str, int]:
    return dict(c.execute("SELECT kind, sum(amount) FROM ledger WHERE task_id = ? GROUP BY kind", (task_id,)))


def _page(
    c: Sql,
    *,
    principal: str,
    status: TaskStatus | None,
    provider: str | None,
    limit: int,
    cursor: str | None,
) -> Page:
    before_at, before_id = _position(cursor)
    sql = f"""SELECT {_TASK} FROM task WHERE principal = :principal
              AND (:status IS NULL OR status = :status) AND (:provider IS NULL OR provider = :provider)
              AND (:at IS NULL OR (created_at, id) < (:at, :id))
              ORDER BY created_at DESC, id DESC LIMIT :limit"""
    values = {"principal": principal, "status": status, "provider": provider, "limit": limit + 1}
    rows = c.execute(sql, values | {"at": before_at, "id": before_id}).fetchall()
    tasks = tuple(task_from(row, (), _money(c, str(row[0]))) for row in rows[:limit])
    more = len(rows) > limit
    return Page(tasks, f"{tasks[-1].created_at}.{tasks[-1].id}" if more else None)


def _position(cursor: str | None) -> tuple[int | None, str]:
    if cursor is None:
        return None, ""
    at, dot, task_id = cursor.partition(".")
    if not (dot and at.isdecimal() and len(at) < 16):
        raise InvalidRequest("`cursor` is not one that list_tasks gave.", "leave it out to start from the newest.")
    return int(at), task_id


def _due_values(home: str, now: int) -> dict[str, Any]:
    return {"home": home, "now": now, "grace": GRACE_MS, "set_back": CLOCK_SET_BACK_MS}


def _anything_due(c: Sql, *, home: str, now: int) -> bool:
    return c.execute(f"SELECT 1 FROM step WHERE {_DUE} LIMIT 1", _due_values(home, now)).get is not None


def _claim(c: Sql, *, home: str, now: int, limit: int) -> list[Step]:
    sql = f"""UPDATE step SET fence = fence + 1, home = :home, updated_at = :now,
              due_at = :now + CASE state WHEN 'queued' THEN :submit ELSE :look END,
              state = CASE state WHEN 'submitting' THEN 'unknown' ELSE state END
              WHERE id IN (SELECT id FROM step WHERE {_DUE} ORDER BY due_at LIMIT :limit)
              RETURNING {_STEP}"""
    leases = {"submit": SUBMIT_LEASE_MS, "look": LOOK_LEASE_MS, "limit": limit}
    return [step_from(row) for row in c.execute(sql, _due_values(home, now) | leases)]


def _must_last(change: Change) -> bool:
    """Whether a power cut may not take the change back: when to look again, and how far work has got, it may."""
    beside = set(change.step) - {"due_at", "polls", "error_streak"} or set(change.task or {}) - {"fraction", "message"}
    return bool(beside or change.new_attempt or change.attempt or change.entries or change.next_step)


def _apply(c: Sql, *, change: Change, now: int) -> bool:
    sql = """SELECT s.state, s.fence, s.attempt_id, s.task_id, s.provider, s.account_id, s.home, t.principal
             FROM step s JOIN task t ON t.id = s.task_id WHERE s.id = ?"""
    row = c.execute(sql, (change.step_id,)).fetchone()
    if row is None:
        return False
    state, fence, attempt_id, task_id, provider, account_id, home, principal = row
    if state not in change.allowed or change.fence not in (None, fence) or change.about not in (None, attempt_id):
        return False
    _check_move(state, change)
    if change.new_attempt:
        attempt_id = change.new_attempt
        _insert_attempt(c, attempt_id, change.step_id, account_id, now)
    if change.attempt:
        _update(c, "attempt", attempt_id, dict(change.attempt))
    _add_entries(c, change, now, principal, provider, task_id, attempt_id)
    patch = dict(change.step) | ({"attempt_id": attempt_id} if change.new_attempt else {})
    _update(c, "step", change.step_id, patch | {"updated_at": now})
    _remember_clips(c, change.step.get("clips", ()), provider, task_id)
    if change.next_step:
        _insert_step(c, change.next_step, task_id, provider, account_id, home, now)
    if change.task:
        _update(c, "task", task_id, dict(change.task) | {"updated_at": now})
    return True


def _check_move(state: Any, change: Change) -> None:
    after = change.step.get("state", state)
    if after != state and after not in STEP_MOVES[state]:
        raise AssertionError(f"illegal move of a step: {state} to {after}")


def _insert_attempt(c: Sql, attempt_id: str, step_id: str, account_id: str, now: int) -> None:
    sql = """INSERT INTO attempt (id, step_id, account_id, number, state, intent_at)
             VALUES (?, ?, ?, (SELECT count(*) + 1 FROM attempt WHERE step_id = ?), 'intent', ?)"""
    c.execute(sql, (attempt_id, step_id, account_id, step_id, now))


def _take_turn(c: Sql, *, account_id: str, rate: Rate, urgent: bool, now: int) -> int:
    """The generic cell rate algorithm: one number tells how much of the burst is used up."""
    spacing = rate.seconds * 1000 / rate.requests
    burst = spacing * (rate.requests if urgent else max(1, rate.requests * 0.8))
    stored = c.execute("SELECT free_at FROM pace WHERE account_id = ?", (account_id,)).get or 0
    # Further ahead than a whole burst only where the clock was set back since.
    free_at = now if stored > now + 2 * rate.seconds * 1000 else max(now, stored)
    early = free_at + spacing - burst - now
    if early > 0:
        return round(early) + 1
    sql = "INSERT INTO pace VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET free_at = excluded.free_at"
    c.execute(sql, (account_id, round(free_at + spacing)))
    return 0


def _remember_clips(c: Sql, clips: Iterable[Clip], provider: Any, task_id: Any) -> None:
    sql = "INSERT OR REPLACE INTO clip (provider, provider_clip_id, task_id, position) VALUES (?, ?, ?, ?)"
    for position, clip in enumerate(clips):
        if clip.provider_clip_id is not None:
            c.execute(sql, (provider, clip.provider_clip_id, task_id, position))


def _update(c: Sql, table: str, row_id: Any, patch: dict[str, Any]) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in patch)
    c.execute(f"UPDATE {table} SET {columns} WHERE id = :id", {k: encode(v) for k, v in patch.items()} | {"id": row_id})


def _add_entries(
    c: Sql, change: Change, now: int, principal: Any, provider: Any, task_id: Any, attempt_id: Any
) -> None:
    sql = """INSERT INTO ledger (at, principal, provider, task_id, attempt_id, kind, amount, note)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
    for entry in change.entries:
        c.execute(sql, (now, principal, provider, task_id, attempt_id, entry.kind, entry.amount, entry.note))
    if (
        change.entries
        and change.day_cap is not None
        and sum(_spent(c, principal=principal, since=now - now % _DAY_MS).values()) > (change.day_cap)
    ):
        raise OverBudget(
            "today's credits are used up.", "raise FERMATA_MAX_CREDITS_PER_DAY, or wait for tomorrow (UTC)."
        )


def _spent(c: Sql, *, principal: str, since: int) -> dict[str, int]:
    # An attempt's money belongs to the day it was sent, also where it was settled later.
    sql = """SELECT l.provider, sum(CASE WHEN l.kind IN ('hold', 'charge', 'adjust', 'disputed') THEN l.amount
             ELSE -l.amount END) FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE l.principal = ? AND a.intent_at >= ? GROUP BY l.provider"""
    rows: Iterable[Any] = c.execute(sql, (principal, since))
    return {provider: int(amount) for provider, amount in rows}
