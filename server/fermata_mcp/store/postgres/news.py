"""What providers have posted about attempts, in the database: the inside of one transaction each."""

from __future__ import annotations

from fermata_mcp.domain.task import Step
from fermata_mcp.store.news import MOST_IDS_TOLD, MOST_NEWS, TOLD_WITHIN_MS
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.rows import STEP_COLUMNS, step_from, understood

from .reading import can_be_kept, columns

_OF_NEWEST = "FROM attempt a JOIN step s ON s.id = a.step_id AND s.attempt_id = a.id WHERE a.id = $1"
_TASK = STEP_COLUMNS.index("task_id")


async def step_of(c: Sql, *, attempt_id: str) -> Step | None:
    sql = f"SELECT {columns(STEP_COLUMNS, 's')} {_OF_NEWEST}"
    row = await c.fetchrow(sql, attempt_id) if can_be_kept(attempt_id) else None
    return None if row is None else understood(row[_TASK], lambda: step_from(tuple(row)))


async def hear(c: Sql, *, attempt_id: str, event: str, remote_id: str | None, now: int) -> bool:
    if not can_be_kept(attempt_id + event):
        return False
    about = await c.fetchrow(f"SELECT s.id, s.provider {_OF_NEWEST}", attempt_id)
    named = remote_id if remote_id is not None and can_be_kept(remote_id) else None
    sql = """INSERT INTO news (attempt_id, event, remote_id, at) SELECT $1, $2, $3, $4
             WHERE (SELECT count(*) FROM news WHERE attempt_id = $1) < $5 ON CONFLICT DO NOTHING RETURNING true"""
    if about is None or not await c.fetchval(sql, attempt_id, event, named, now, MOST_NEWS):
        return False
    step_id, provider = about
    await _came(c, step_id, provider, now)
    return True


async def _came(c: Sql, step_id: str, provider: str, now: int) -> None:
    pulse = """INSERT INTO news_pulse (provider, heard_at) VALUES ($1, $2)
               ON CONFLICT (provider) DO UPDATE SET heard_at = excluded.heard_at"""
    due = """UPDATE step SET due_at = least(due_at, $2), updated_at = $2, fence = fence + 1
             WHERE id = $1 AND state = 'waiting'"""
    await c.execute(due, step_id, now)
    await c.execute(pulse, provider, now)


async def ids_told(c: Sql, *, attempt_id: str) -> list[str]:
    sql = """SELECT remote_id FROM news WHERE attempt_id = $1 AND remote_id IS NOT NULL
             GROUP BY remote_id ORDER BY max(at) DESC LIMIT $2"""
    return [row[0] for row in await c.fetch(sql, attempt_id, MOST_IDS_TOLD)]


async def news_came(c: Sql, *, provider: str, since: int) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM news_pulse WHERE provider = $1 AND heard_at >= $2 AND heard_at > missed_at)"
    return await c.fetchval(sql, provider, since)


async def news_missed(c: Sql, *, provider: str, attempt_id: str, now: int) -> None:
    sql = """UPDATE news_pulse SET missed_at = $1 WHERE provider = $2 AND NOT EXISTS (
             SELECT 1 FROM news WHERE attempt_id = $3 AND at >= $4)"""
    await c.execute(sql, now, provider, attempt_id, now - TOLD_WITHIN_MS)
