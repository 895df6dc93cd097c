"""After the database went back in time: what may have been sent since then is sent by nobody."""

from __future__ import annotations

from collections.abc import Collection

from fermata_mcp.domain.errors import OutcomeUnknown
from fermata_mcp.domain.task import Failure
from fermata_mcp.store.postgres.link.connecting import Sql

_PAID = "NOT provider = ANY($1)"
# What is rendered here costs nothing.
_RENDERED = "EXISTS (SELECT 1 FROM step WHERE task_id = task.id AND render)"
_GOING_ON = "status IN ('queued', 'running', 'unknown')"


async def hold_unsent(c: Sql, *, reason: str, free: Collection[str], now: int) -> list[str]:
    sql = f"""INSERT INTO held (task_id, reason) SELECT id, $2 FROM task
              WHERE {_PAID} AND {_GOING_ON} AND NOT {_RENDERED}
              ON CONFLICT (task_id) DO UPDATE SET reason = excluded.reason"""
    await c.execute(sql, list(free), reason)
    queued = f"SELECT id, task_id FROM step WHERE state = 'queued' AND {_PAID} AND NOT render FOR NO KEY UPDATE"
    found = [(row[0], row[1]) for row in await c.fetch(queued, list(free))]
    for step_id, task_id in found:
        await hold(c, step_id, task_id, reason, now)
    return list(dict.fromkeys(task_id for _, task_id in found))


async def holds(c: Sql, task_id: str) -> bool:
    """Whether further steps of a task may have been sent already."""
    return await c.fetchval("SELECT EXISTS (SELECT 1 FROM held WHERE task_id = $1)", task_id)


async def let_go(c: Sql, task_id: str) -> None:
    """A person has decided about one: whatever comes after it has not been sent, since it comes after it."""
    await c.execute("DELETE FROM held WHERE task_id = $1", task_id)


async def hold_if_asked(c: Sql, *, step_id: str, task_id: str, now: int) -> None:
    """A step that was just added to a task whose further steps may have been sent already."""
    reason = await c.fetchval("SELECT reason FROM held WHERE task_id = $1", task_id)
    if reason is not None:
        await hold(c, step_id, task_id, reason, now)


async def hold(c: Sql, step_id: str, task_id: str, reason: str, now: int) -> None:
    error = OutcomeUnknown(f"this step may have been sent and paid for already: {reason}.")
    told = Failure.of(error).model_dump_json()
    step = "UPDATE step SET state = 'needs_user', due_at = NULL, home = NULL, updated_at = $2 WHERE id = $1"
    task = "UPDATE task SET status = 'unknown', message = 'outcome unknown', error = $2, updated_at = $3 WHERE id = $1"
    await c.execute(step, step_id, now)
    await c.execute(task, task_id, told, now)
