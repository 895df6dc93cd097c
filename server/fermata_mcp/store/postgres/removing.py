"""Taking tasks out of the database on a person's word: the inside of one transaction each."""

from __future__ import annotations

from collections.abc import Sequence

from fermata_mcp.store.postgres.link.connecting import Sql

# Over for good: nothing is fetched, asked for or decided any more, and of its money nothing is open, disputed, counted
# by a cap or needed to tell what a balance should be.
_REMOVABLE = """
    t.principal = $1 AND t.status IN ('succeeded', 'partial', 'failed', 'cancelled')
    AND t.finished_at < $2
    AND NOT EXISTS (SELECT 1 FROM step s WHERE s.task_id = t.id
                    AND (s.due_at IS NOT NULL OR s.state IN ('unknown', 'needs_user', 'expired')))
    AND NOT EXISTS (SELECT 1 FROM attempt a JOIN step s ON s.id = a.step_id WHERE s.task_id = t.id
                    AND (a.state = 'intent' OR EXISTS (
                        SELECT 1 FROM ledger l WHERE l.attempt_id = a.id
                        AND (a.intent_at >= $3 OR l.at > coalesce(
                             (SELECT g.at FROM sighting g WHERE g.account_id = a.account_id), l.at)))))
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.task_id = t.id AND (
        l.kind = 'hold' AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = l.attempt_id AND r.kind = 'release')
        OR l.kind = 'disputed'
        AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = l.attempt_id AND r.kind = 'refund')))"""


async def removable(c: Sql, *, principal: str, before: int, counted_since: int) -> tuple[list[str], int]:
    sql = f"""SELECT t.id FROM task t WHERE {_REMOVABLE} ORDER BY t.finished_at, t.id COLLATE "C" """
    found = [row[0] for row in await c.fetch(sql, principal, before, counted_since)]
    over = "SELECT count(*) FROM task t WHERE t.principal = $1 AND t.finished_at < $2"
    return found, max(0, await c.fetchval(over, principal, before) - len(found))


async def remove(c: Sql, *, task_ids: Sequence[str], principal: str, before: int, counted_since: int) -> list[str]:
    # Held first, and looked at then: what others wrote until now is seen, and they write no more.
    await c.execute("SELECT 1 FROM task WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(task_ids))
    sql = f"SELECT t.id FROM task t WHERE t.id = ANY($4) AND {_REMOVABLE}"
    gone = [row[0] for row in await c.fetch(sql, principal, before, counted_since, list(task_ids))]
    if gone:
        await _remove(c, gone)
    return [task_id for task_id in task_ids if task_id in gone]


async def _remove(c: Sql, task_ids: list[str]) -> None:
    await c.execute("INSERT INTO removal SELECT unnest($1::text[])", task_ids)
    for statement in (
        "DELETE FROM ledger WHERE task_id = ANY($1)",
        "DELETE FROM clip WHERE task_id = ANY($1)",
        "DELETE FROM idempotency WHERE task_id = ANY($1)",
        "DELETE FROM attempt WHERE step_id IN (SELECT id FROM step WHERE task_id = ANY($1))",
        "DELETE FROM step WHERE task_id = ANY($1)",
        "DELETE FROM removal WHERE task_id = ANY($1)",
        "DELETE FROM task WHERE id = ANY($1)",
    ):
        await c.execute(statement, task_ids)
