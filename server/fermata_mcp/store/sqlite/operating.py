"""Counts and traces in the SQLite file: one function, one look or one transaction."""

from __future__ import annotations

from fermata_mcp.domain.task import TaskStatus

from .file import Sql

_OPEN = "('queued', 'running', 'unknown')"
_OVER = "('succeeded', 'partial', 'failed', 'cancelled')"


def count_open(c: Sql) -> dict[TaskStatus, int]:
    return _counted(c, "task_open", _OPEN)


def count_finished(c: Sql) -> dict[TaskStatus, int]:
    return _counted(c, "task_over", _OVER)


def _counted(c: Sql, index: str, among: str) -> dict[TaskStatus, int]:
    sql = f"SELECT status, count(*) FROM task INDEXED BY {index} WHERE status IN {among} GROUP BY status"
    return dict(c.execute(sql))


def queued_since(c: Sql, *, now: int) -> int | None:
    sql = "SELECT min(created_at) FROM step WHERE due_at IS NOT NULL AND due_at <= ? AND state = 'queued'"
    return c.execute(sql, (now,)).get


def principals(c: Sql) -> list[str]:
    # From one to the next, so that the tasks of each are not looked at.
    sql = """WITH RECURSIVE owner (name) AS (
               SELECT min(principal) FROM task
               UNION ALL SELECT (SELECT min(principal) FROM task WHERE principal > owner.name) FROM owner
               WHERE owner.name IS NOT NULL)
             SELECT name FROM owner WHERE name IS NOT NULL"""
    return [row[0] for row in c.execute(sql)]


def keep_trace(c: Sql, *, task_id: str, parent: str) -> None:
    c.execute("INSERT OR IGNORE INTO trace (task_id, parent) VALUES (?, ?)", (task_id, parent))


def trace_of(c: Sql, *, task_id: str) -> str | None:
    return c.execute("SELECT parent FROM trace WHERE task_id = ?", (task_id,)).get
