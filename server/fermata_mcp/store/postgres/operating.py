"""Counts and traces in the database: one function, one look or one transaction."""

from __future__ import annotations

from fermata_mcp.domain.task import TaskStatus
from fermata_mcp.store.postgres.link.connecting import Sql

_OPEN = "('queued', 'running', 'unknown')"
_OVER = "('succeeded', 'partial', 'failed', 'cancelled')"


async def count_open(c: Sql) -> dict[TaskStatus, int]:
    return await _counted(c, _OPEN)


async def count_finished(c: Sql) -> dict[TaskStatus, int]:
    return await _counted(c, _OVER)


async def _counted(c: Sql, among: str) -> dict[TaskStatus, int]:
    return dict(await c.fetch(f"SELECT status, count(*) FROM task WHERE status IN {among} GROUP BY status"))


async def queued_since(c: Sql, *, now: int) -> int | None:
    return await c.fetchval("SELECT min(created_at) FROM step WHERE due_at <= $1 AND state = 'queued'", now)


async def principals(c: Sql) -> list[str]:
    # From one to the next, so that the tasks of each are not looked at.
    sql = """WITH RECURSIVE owner (name) AS (
               SELECT min(principal) FROM task
               UNION ALL SELECT (SELECT min(principal) FROM task WHERE principal > owner.name) FROM owner
               WHERE owner.name IS NOT NULL)
             SELECT name FROM owner WHERE name IS NOT NULL"""
    return [row[0] for row in await c.fetch(sql)]


async def keep_trace(c: Sql, *, task_id: str, parent: str) -> None:
    await c.execute("INSERT INTO trace (task_id, parent) VALUES ($1, $2) ON CONFLICT DO NOTHING", task_id, parent)


async def trace_of(c: Sql, *, task_id: str) -> str | None:
    return await c.fetchval("SELECT parent FROM trace WHERE task_id = $1", task_id)
