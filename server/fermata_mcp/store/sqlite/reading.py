"""What is read from the SQLite file: one function, one look."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from fermata_mcp.domain.credits import BalanceReading, Dispute, Unit
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Attempt, Step, Task, TaskStatus
from fermata_mcp.store.base import MOST_COUNTED, Page, Place, Unreadable
from fermata_mcp.store.rows import (
    ATTEMPT_COLUMNS,
    NOT_UNDERSTOOD,
    STEP_COLUMNS,
    TASK_COLUMNS,
    Row,
    attempt_from,
    step_from,
    task_from,
    understood,
)

from .file import Sql

STEP = ", ".join(STEP_COLUMNS)
_TASK = ", ".join(TASK_COLUMNS)
_ATTEMPT = ", ".join(ATTEMPT_COLUMNS)
_TASK_ID = STEP_COLUMNS.index("task_id")
# Longer than that took no work: the clock was put forward meanwhile.
_DAY_MS = 86_400_000
_OLDER = "AND (created_at, id) < (:at, :id)"
_INTEGERS = 2**64  # SQLite's; a negative one is written as its bits
_Noun = TypeVar("_Noun")


def get(c: Sql, *, task_id: str, principal: str | None) -> Task | None:
    sql = f"SELECT {_TASK} FROM task WHERE id = :id AND (:principal IS NULL OR principal = :principal)"
    values = {"id": task_id, "principal": principal}
    row = understood(task_id, lambda: c.execute(sql, values).fetchone()) if can_be_written(task_id) else None
    return None if row is None else understood(task_id, lambda: task_from(row, _steps(c, task_id), _money(c, task_id)))


def get_all(c: Sql, *, task_ids: list[str]) -> list[Task]:
    """Those that are there and can be read."""
    among, values = "IN (SELECT value FROM json_each(:ids))", {"ids": json.dumps(task_ids)}
    steps, money = defaultdict[str, list[Row]](list), defaultdict[str, dict[str, int]](dict)
    found = list[Task]()
    with suppress(UnicodeDecodeError):  # one of them; each is looked at by itself then
        rows = c.execute(f"SELECT {_TASK} FROM task WHERE id {among}", values).fetchall()
        for row in c.execute(f"SELECT {STEP} FROM step WHERE task_id {among} ORDER BY seq", values):
            steps[row[_TASK_ID]].append(row)
        sums = f"SELECT task_id, kind, sum(amount) FROM ledger WHERE task_id {among} GROUP BY task_id, kind"
        for task_id, kind, amount in c.execute(sums, values):
            money[task_id][kind] = amount
        for row in rows:
            with suppress(*NOT_UNDERSTOOD):
                found.append(task_from(row, tuple(map(step_from, steps[row[0]])), money[row[0]]))
    return found


def owner(c: Sql, *, task_id: str) -> str | None:
    sql = "SELECT CAST(principal AS BLOB) FROM task WHERE id = ?"
    found = c.execute(sql, (task_id,)).fetchone() if can_be_written(task_id) else None
    return None if found is None else as_text(found[0])


def _steps(c: Sql, task_id: str) -> tuple[Step, ...]:
    return tuple(
        step_from(row) for row in c.execute(f"SELECT {STEP} FROM step WHERE task_id = ? ORDER BY seq", (task_id,))
    )


def as_text(raw: bytes | None) -> str:
    """A column cast to a BLOB, which may hold what is no text."""
    return (raw or b"").decode(errors="backslashreplace")


def get_known(c: Sql, task_id: str, principal: str) -> Task:
    task = get(c, task_id=task_id, principal=principal)
    assert task is not None
    return task


def _money(c: Sql, task_id: str) -> dict[str, int]:
    return dict(c.execute("SELECT kind, sum(amount) FROM ledger WHERE task_id = ? GROUP BY kind", (task_id,)))


def page(
    c: Sql,
    *,
    principal: str,
    status: TaskStatus | None,
    provider: str | None,
    limit: int,
    cursor: str | None,
) -> Page:
    before_at, before_id = _position(cursor)
    # Only what is asked for is written down, so that each kind of list has its index.
    narrowed = {"AND status = :status": status, "AND provider = :provider": provider, _OLDER: before_at}
    conditions = " ".join(words for words, asked in narrowed.items() if asked is not None)
    which = f"""FROM task WHERE principal = :principal {conditions}
                ORDER BY created_at DESC, id DESC LIMIT :limit"""
    values = {"principal": principal, "status": status, "provider": provider, "limit": limit + 1}
    rows = _rows(c, which, values | {"at": before_at, "id": before_id})
    tasks, unreadable = list[Task](), list[str]()
    for _, raw_id, *row in rows[:limit]:
        try:
            tasks.append(_without_steps(c, as_text(raw_id), row))
        except Unreadable as error:
            unreadable.append(error.task_id)
    after = _cursor(*rows[limit - 1][:2]) if len(rows) > limit else None
    return Page(tuple(tasks), after, tuple(unreadable))


def _without_steps(c: Sql, task_id: str, row: Row) -> Task:
    return understood(task_id, lambda: task_from(row, (), _money(c, task_id)))


def _rows(c: Sql, which: str, values: dict[str, Any]) -> list[Any]:
    """`created_at`, id as bytes, and then all of TASK_COLUMNS, or nothing where one of them is no text."""
    head = "SELECT CASE WHEN typeof(created_at) <> 'text' THEN created_at ELSE x'' END, CAST(id AS BLOB)"
    try:
        return c.execute(f"{head}, {_TASK} {which}", values).fetchall()
    except UnicodeDecodeError:
        rows = c.execute(f"{head}, rowid {which}", values).fetchall()
        return [(at, task_id, *_row(c, rowid)) for at, task_id, rowid in rows]


def _row(c: Sql, rowid: int) -> Iterable[Any]:
    try:
        return c.execute(f"SELECT {_TASK} FROM task WHERE rowid = ?", (rowid,)).fetchone()
    except UnicodeDecodeError:
        return ()


def _cursor(created_at: Any, raw_id: bytes | None) -> str:
    try:
        text = (raw_id or b"").decode()
    except UnicodeDecodeError as error:  # the start of it, which sorts before it
        text = (raw_id or b"")[: error.start].decode()
    return f"{_whole(created_at) % _INTEGERS}.{text}"


def _whole(at: Any) -> int:
    """A time as an integer of SQLite's that sorts no later, whatever the row holds: nothing, numbers, text, bytes."""
    least, most = -_INTEGERS // 2, _INTEGERS // 2 - 1
    if isinstance(at, int | float):
        return max(least, math.floor(min(at, most))) if at > least else least
    return least if at is None else most


def _position(cursor: str | None) -> tuple[int | None, str]:
    if cursor is None:
        return None, ""
    at, dot, task_id = cursor.partition(".")
    if not (dot and at.isdecimal() and len(at) <= 20 and int(at) < _INTEGERS and can_be_written(task_id)):
        raise InvalidRequest("`cursor` is not one that list_tasks gave.", "leave it out to start from the newest.")
    return int(at) - (_INTEGERS if int(at) >= _INTEGERS // 2 else 0), task_id


def can_be_written(text: str) -> bool:
    """Whether SQLite can hold it: half a character it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def spent(c: Sql, *, principal: str | None, since: int, unit: Unit) -> dict[str, int]:
    # An attempt's money belongs to the day it was sent, also where it was settled later.
    sql = """SELECT CAST(l.provider AS BLOB),
             sum(CASE WHEN l.kind IN ('hold', 'charge', 'adjust', 'disputed') THEN l.amount ELSE -l.amount END)
             FROM attempt a CROSS JOIN ledger l ON l.attempt_id = a.id
             WHERE (:principal IS NULL OR l.principal = :principal) AND a.intent_at >= :since AND l.unit = :unit
             GROUP BY l.provider"""
    rows: Iterable[Any] = c.execute(sql, {"principal": principal, "since": since, "unit": unit})
    return {as_text(provider): int(amount) for provider, amount in rows}


def ids_like(c: Sql, *, prefix: str, principal: str, limit: int) -> list[str]:
    sql = """SELECT CAST(id AS BLOB) FROM task WHERE principal = ? AND substr(id, 1, ?) = ?
             ORDER BY created_at DESC LIMIT ?"""
    return [as_text(row[0]) for row in c.execute(sql, (principal, len(prefix), prefix, limit))]


def attempts(c: Sql, *, step_id: str) -> list[Attempt]:
    rows = c.execute("SELECT rowid FROM attempt WHERE step_id = ? ORDER BY number", (step_id,)).fetchall()
    found = list[Attempt]()
    for row in rows:
        with suppress(*NOT_UNDERSTOOD):
            found.append(attempt_from(c.execute(f"SELECT {_ATTEMPT} FROM attempt WHERE rowid = ?", row).fetchone()))
    return found


def find_clip(c: Sql, *, provider: str, provider_clip_id: str, principal: str) -> tuple[str, int] | None:
    sql = """SELECT c.task_id, c.position FROM clip c JOIN task t ON t.id = c.task_id
             WHERE c.provider = ? AND c.provider_clip_id = ? AND t.principal = ?"""
    return c.execute(sql, (provider, provider_clip_id, principal)).fetchone()


def whose(
    c: Sql, *, ids: Collection[str], providers: Collection[str], accounts: Collection[str]
) -> set[tuple[str, str]]:
    sql = """SELECT c.provider_clip_id, t.principal
             FROM json_each(:providers) p CROSS JOIN json_each(:ids) i
             JOIN clip c ON c.provider = p.value AND c.provider_clip_id = i.value JOIN task t ON t.id = c.task_id
             UNION SELECT a.remote_id, t.principal
             FROM json_each(:accounts) p CROSS JOIN json_each(:ids) i
             JOIN attempt a ON a.account_id = p.value AND a.remote_id = i.value
             JOIN step s ON s.id = a.step_id JOIN task t ON t.id = s.task_id"""
    asked = {"ids": [one for one in ids if can_be_written(one)], "providers": providers, "accounts": accounts}
    found: Iterable[Any] = c.execute(sql, {name: json.dumps(list(values)) for name, values in asked.items()})
    return {(str(one), str(principal)) for one, principal in found}


def durations(c: Sql, *, provider: str, model: str | None) -> list[float]:
    # CASE, because one work that is no JSON would end the whole statement; what the clock made of some is left out.
    sql = """SELECT (updated_at - submitted_at) / 1000.0 FROM step
             WHERE provider = ? AND state = 'succeeded' AND updated_at - submitted_at BETWEEN 0 AND ?
             AND CASE WHEN json_valid(work) THEN json_extract(work, '$.fields.model') IS ? END
             ORDER BY updated_at DESC LIMIT 64"""
    return [row[0] for row in c.execute(sql, (provider, _DAY_MS, model))]


def sighting(c: Sql, *, account_id: str, unit: Unit) -> BalanceReading | None:
    # What was sent before the sighting was in it already; a refund counts when it was promised.
    sql = """SELECT s.at, s.balance,
             coalesce(sum(CASE WHEN l.kind IN ('charge', 'adjust') AND a.intent_at > s.at THEN l.amount
                               WHEN l.kind = 'refund' AND l.at > s.at THEN -l.amount END), 0),
             coalesce(sum(CASE WHEN a.intent_at > s.at AND l.kind IN ('hold', 'disputed') THEN l.amount
                               WHEN a.intent_at > s.at AND l.kind = 'release' THEN -l.amount END), 0)
             FROM sighting s LEFT JOIN attempt a ON a.account_id = s.account_id
             LEFT JOIN ledger l ON l.attempt_id = a.id AND l.unit = s.unit
             WHERE s.account_id = ? AND s.unit = ? GROUP BY s.account_id"""
    row = c.execute(sql, (account_id, unit)).fetchone()
    return None if row is None else BalanceReading(*row)


def disputes(c: Sql, *, account_id: str, unit: Unit) -> list[Dispute]:
    sql = """SELECT a.id, l.amount, a.intent_at FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE a.account_id = ? AND l.unit = ? AND l.kind = 'disputed'
             AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = a.id AND r.kind = 'refund')
             ORDER BY a.intent_at"""
    return [Dispute(*row) for row in c.execute(sql, (account_id, unit))]


def lengths_added(c: Sql, *, provider: str, model: str | None) -> list[float]:
    # A joined or whole clip was added to at `continue_at`; of a part that stands alone all is new.
    added = """CASE WHEN NOT json_valid(clips) THEN NULL WHEN json_extract(clips, '$[0].whole_track') IS TRUE
               THEN json_extract(clips, '$[0].duration_seconds') - json_extract(clips, '$[0].continue_at')
               ELSE json_extract(clips, '$[0].own_seconds') END"""
    sql = f"""SELECT {added} AS added FROM step WHERE provider = ? AND state = 'succeeded'
              AND CASE WHEN json_valid(work) THEN json_extract(work, '$.fields.model') IS ?
                       AND json_extract(work, '$.action') = 'extend' END
              AND typeof({added}) IN ('integer', 'real') AND {added} > 0 AND {added} < 86400
              ORDER BY updated_at DESC LIMIT 64"""
    return [row[0] for row in c.execute(sql, (provider, model))]


def place(c: Sql, *, step_id: str, now: int) -> Place | None:
    mine = """SELECT render, principal, account_id, due_at, rowid AS own FROM step
              WHERE id = :id AND state = 'queued' AND due_at <= :now"""
    values = {"id": step_id, "now": now, "most": MOST_COUNTED}
    found = c.execute(mine, values).fetchone()
    if found is None:
        return None
    values |= dict(zip(("render", "principal", "account", "due", "own"), found, strict=True))
    queue = """FROM step INDEXED BY step_queued WHERE state = 'queued' AND render = :render AND due_at <= :now
               AND (:render = 1 OR account_id = :account)"""
    ahead = f"SELECT 1 {queue} AND principal = :principal AND (due_at, rowid) < (:due, :own) LIMIT :most"
    before = int(c.execute(f"SELECT count(*) FROM ({ahead})", values).get)
    each = [int(count) for (count,) in c.execute(f"SELECT min(count(*), :most) {queue} GROUP BY principal", values)]
    return Place(sum(min(count, before + 1) for count in each), sum(each))
