"""After a copy from before has taken the file's place: what may have been sent since then is sent by nobody."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from fermata_mcp.domain.errors import OutcomeUnknown
from fermata_mcp.domain.task import Failure

from .file import Sql
from .reading import as_text

_PAID = "provider NOT IN (SELECT value FROM json_each(:free))"
_GOING_ON = "status IN ('queued', 'running', 'unknown')"


def hold_unsent(c: Sql, *, reason: str, free: Collection[str], now: int) -> list[str]:
    values: dict[str, Any] = {"free": json.dumps(list(free)), "reason": reason, "now": now}
    sql = f"""INSERT INTO held (task_id, reason) SELECT id, :reason FROM task WHERE {_PAID} AND {_GOING_ON}
              ON CONFLICT (task_id) DO UPDATE SET reason = excluded.reason"""
    c.execute(sql, values)
    queued = f"SELECT id, CAST(task_id AS BLOB) FROM step WHERE state = 'queued' AND {_PAID}"
    found = [(step_id, as_text(task_id)) for step_id, task_id in c.execute(queued, values).fetchall()]
    for step_id, task_id in found:
        hold(c, step_id, task_id, reason, now)
    return list(dict.fromkeys(task_id for _, task_id in found))


def let_go(c: Sql, task_id: str) -> None:
    """A person has decided about one: whatever comes after it has not been sent, since it comes after it."""
    c.execute("DELETE FROM held WHERE task_id = ?", (task_id,))


def hold_if_asked(c: Sql, *, step_id: str, task_id: str, now: int) -> None:
    """A step that was just added to a task whose further steps may have been sent already."""
    reason = c.execute("SELECT reason FROM held WHERE task_id = ?", (task_id,)).get
    if reason is not None:
        hold(c, step_id, task_id, reason, now)


def hold(c: Sql, step_id: str, task_id: str, reason: str, now: int) -> None:
    error = OutcomeUnknown(f"this step may have been sent and paid for already: {reason}.")
    told = Failure.of(error).model_dump_json()
    c.execute(
        "UPDATE step SET state = 'needs_user', due_at = NULL, home = NULL, updated_at = ? WHERE id = ?", (now, step_id)
    )
    c.execute(
        "UPDATE task SET status = 'unknown', message = 'outcome unknown', error = ?, updated_at = ? WHERE id = ?",
        (told, now, task_id),
    )
