"""Taking tasks out of the SQLite file on a person's word: the inside of one transaction each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .file import Sql
from .reading import as_text

# Over for good: nothing is fetched, asked for or decided any more, and of its money nothing is open, disputed, counted
# by a cap or needed to tell what a balance should be.
_REMOVABLE = """
    t.principal = :principal AND t.status IN ('succeeded', 'partial', 'failed', 'cancelled')
    AND t.finished_at < :before
    AND NOT EXISTS (SELECT 1 FROM step s WHERE s.task_id = t.id
                    AND (s.due_at IS NOT NULL OR s.state IN ('unknown', 'needs_user', 'expired')))
    AND NOT EXISTS (SELECT 1 FROM attempt a JOIN step s ON s.id = a.step_id WHERE s.task_id = t.id
                    AND (a.state = 'intent' OR EXISTS (
                        SELECT 1 FROM ledger l WHERE l.attempt_id = a.id
                        AND (a.intent_at >= :counted_since OR l.at > coalesce(
                             (SELECT at FROM sighting g WHERE g.account_id = a.account_id), l.at)))))
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.task_id = t.id AND (
        l.kind = 'hold' AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = l.attempt_id AND r.kind = 'release')
        OR l.kind = 'disputed'
        AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = l.attempt_id AND r.kind = 'refund')))"""


def removable(c: Sql, *, principal: str, before: int, counted_since: int) -> tuple[list[str], int]:
    values = {"principal": principal, "before": before, "counted_since": counted_since}
    sql = f"SELECT CAST(t.id AS BLOB) FROM task t WHERE {_REMOVABLE} ORDER BY t.finished_at, t.id"
    found = [as_text(row[0]) for row in c.execute(sql, values)]
    over = """SELECT count(*) FROM task t WHERE t.principal = :principal AND t.finished_at < :before"""
    all_over: Any = c.execute(over, {"principal": principal, "before": before}).get
    return found, max(0, int(all_over) - len(found))


def remove(c: Sql, *, task_ids: Sequence[str], principal: str, before: int, counted_since: int) -> list[str]:
    values = {"principal": principal, "before": before, "counted_since": counted_since}
    sql = f"SELECT 1 FROM task t WHERE t.id = :id AND {_REMOVABLE}"
    gone = [task_id for task_id in task_ids if c.execute(sql, values | {"id": task_id}).get]
    for task_id in gone:
        _remove(c, task_id)
    return gone


def _remove(c: Sql, task_id: str) -> None:
    c.execute("INSERT INTO removal VALUES (?)", (task_id,))
    of_steps = "(SELECT id FROM step WHERE task_id = ?)"
    statements: Iterable[str] = (
        "DELETE FROM ledger WHERE task_id = ?",
        "DELETE FROM clip WHERE task_id = ?",
        "DELETE FROM idempotency WHERE task_id = ?",
        f"DELETE FROM attempt WHERE step_id IN {of_steps}",
        "DELETE FROM step WHERE task_id = ?",
        "DELETE FROM removal WHERE task_id = ?",
        "DELETE FROM task WHERE id = ?",
    )
    for statement in statements:
        c.execute(statement, (task_id,))
