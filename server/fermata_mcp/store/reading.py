"""What is read from the SQLite file: one function, one look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from fermata_mcp.domain.credits import Dispute, Sighting
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Attempt, Task, TaskStatus

from .base import CLOCK_SET_BACK_MS, GRACE_MS, Page
from .rows import ATTEMPT_COLUMNS, STEP_COLUMNS, TASK_COLUMNS, attempt_from, step_from, task_from
from .sqlite_file import Sql

STEP = ", ".join(STEP_COLUMNS)
_TASK = ", ".join(TASK_COLUMNS)
_ATTEMPT = ", ".join(ATTEMPT_COLUMNS)
# A step is due for its own process at `due_at`, for any other after the grace time.
DUE = """due_at IS NOT NULL AND (due_at > :now + :set_back OR due_at <= :now - :grace
         OR due_at <= :now AND (home = :home OR home IS NULL))
         AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))"""


def get(c: Sql, *, task_id: str, principal: str | None) -> Task | None:
    sql = f"SELECT {_TASK} FROM task WHERE id = :id AND (:principal IS NULL OR principal = :principal)"
    row = c.execute(sql, {"id": task_id, "principal": principal}).fetchone()
    if row is None:
        return None
    steps = c.execute(f"SELECT {STEP} FROM step WHERE task_id = ? ORDER BY seq", (task_id,))
    return task_from(row, tuple(step_from(step) for step in steps), _money(c, task_id))


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


def anything_due(c: Sql, *, home: str, now: int, tasks: Collection[str] | None) -> bool:
    return c.execute(f"SELECT 1 FROM step WHERE {DUE} LIMIT 1", due_values(home, now, tasks)).get is not None


def due_values(home: str, now: int, tasks: Collection[str] | None) -> dict[str, Any]:
    """What DUE is filled in with. `tasks`: of these alone; None for any."""
    listed = None if tasks is None else json.dumps(list(tasks))
    return {"home": home, "now": now, "grace": GRACE_MS, "set_back": CLOCK_SET_BACK_MS, "tasks": listed}


def spent(c: Sql, *, principal: str, since: int) -> dict[str, int]:
    # An attempt's money belongs to the day it was sent, also where it was settled later.
    sql = """SELECT l.provider, sum(CASE WHEN l.kind IN ('hold', 'charge', 'adjust', 'disputed') THEN l.amount
             ELSE -l.amount END) FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE l.principal = ? AND a.intent_at >= ? GROUP BY l.provider"""
    rows: Iterable[Any] = c.execute(sql, (principal, since))
    return {provider: int(amount) for provider, amount in rows}


def ids_like(c: Sql, *, prefix: str, principal: str, limit: int) -> list[str]:
    sql = "SELECT id FROM task WHERE principal = ? AND substr(id, 1, ?) = ? ORDER BY created_at DESC LIMIT ?"
    return [row[0] for row in c.execute(sql, (principal, len(prefix), prefix, limit))]


def attempts(c: Sql, *, step_id: str) -> list[Attempt]:
    sql = f"SELECT {_ATTEMPT} FROM attempt WHERE step_id = ? ORDER BY number"
    return [attempt_from(row) for row in c.execute(sql, (step_id,))]


def find_clip(c: Sql, *, provider: str, provider_clip_id: str, principal: str) -> tuple[str, int] | None:
    sql = """SELECT c.task_id, c.position FROM clip c JOIN task t ON t.id = c.task_id
             WHERE c.provider = ? AND c.provider_clip_id = ? AND t.principal = ?"""
    return c.execute(sql, (provider, provider_clip_id, principal)).fetchone()


def durations(c: Sql, *, provider: str, model: str | None) -> list[float]:
    sql = """SELECT (updated_at - submitted_at) / 1000.0 FROM step
             WHERE provider = ? AND state = 'succeeded' AND json_extract(work, '$.fields.model') IS ?
             ORDER BY updated_at DESC LIMIT 64"""
    return [row[0] for row in c.execute(sql, (provider, model))]


def sighting(c: Sql, *, account_id: str) -> Sighting | None:
    # What was sent before the sighting was in it already; a refund counts when it was promised.
    sql = """SELECT s.at, s.balance,
             coalesce(sum(CASE WHEN l.kind IN ('charge', 'adjust') AND a.intent_at > s.at THEN l.amount
                               WHEN l.kind = 'refund' AND l.at > s.at THEN -l.amount END), 0),
             coalesce(sum(CASE WHEN a.intent_at > s.at AND l.kind IN ('hold', 'disputed') THEN l.amount
                               WHEN a.intent_at > s.at AND l.kind = 'release' THEN -l.amount END), 0)
             FROM sighting s LEFT JOIN attempt a ON a.account_id = s.account_id
             LEFT JOIN ledger l ON l.attempt_id = a.id
             WHERE s.account_id = ? GROUP BY s.account_id"""
    row = c.execute(sql, (account_id,)).fetchone()
    return None if row is None else Sighting(*row)


def disputes(c: Sql, *, account_id: str) -> list[Dispute]:
    sql = """SELECT a.id, l.amount, a.intent_at FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE a.account_id = ? AND l.kind = 'disputed'
             AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = a.id AND r.kind = 'refund')
             ORDER BY a.intent_at"""
    return [Dispute(*row) for row in c.execute(sql, (account_id,))]


def lengths_added(c: Sql, *, provider: str, model: str | None) -> list[float]:
    # A joined or whole clip was added to at `continue_at`; of a part that stands alone all is new.
    sql = """SELECT CASE WHEN json_extract(clips, '$[0].whole_track') IS TRUE
                    THEN json_extract(clips, '$[0].duration_seconds') - json_extract(clips, '$[0].continue_at')
                    ELSE json_extract(clips, '$[0].own_seconds') END AS added FROM step
             WHERE provider = ? AND state = 'succeeded' AND json_extract(work, '$.fields.model') IS ?
             AND json_extract(work, '$.action') = 'extend' AND added > 0
             ORDER BY updated_at DESC LIMIT 64"""
    return [row[0] for row in c.execute(sql, (provider, model))]
