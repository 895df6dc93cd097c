"""What providers have posted about attempts, in the SQLite file: the inside of one transaction each."""

from __future__ import annotations

from fermata_mcp.domain.task import Step
from fermata_mcp.store.news import MOST_IDS_TOLD, MOST_NEWS, TOLD_WITHIN_MS
from fermata_mcp.store.rows import step_from, understood

from .file import Sql
from .reading import STEP, can_be_written

_OF_NEWEST = "FROM attempt a JOIN step s ON s.id = a.step_id AND s.attempt_id = a.id WHERE a.id = ?"


def step_of(c: Sql, *, attempt_id: str) -> Step | None:
    found = c.execute(f"SELECT s.id, s.task_id {_OF_NEWEST}", (attempt_id,)).fetchone()
    if found is None:
        return None
    step_id, task_id = found
    read = f"SELECT {STEP} FROM step WHERE id = ?"
    return understood(task_id, lambda: step_from(c.execute(read, (step_id,)).fetchall()[0]))


def hear(c: Sql, *, attempt_id: str, event: str, remote_id: str | None, now: int) -> bool:
    about = c.execute(f"SELECT s.id, s.provider {_OF_NEWEST}", (attempt_id,)).fetchone()
    named = remote_id if remote_id is not None and can_be_written(remote_id) else None
    sql = """INSERT OR IGNORE INTO news (attempt_id, event, remote_id, at) SELECT ?, ?, ?, ?
             WHERE (SELECT count(*) FROM news WHERE attempt_id = ?) < ?"""
    if about is None:
        return False
    c.execute(sql, (attempt_id, event, named, now, attempt_id, MOST_NEWS))
    if not c.changes():
        return False
    step_id, provider = about
    _came(c, step_id, provider, now)
    return True


def _came(c: Sql, step_id: str, provider: str, now: int) -> None:
    pulse = """INSERT INTO news_pulse (provider, heard_at) VALUES (?, ?)
               ON CONFLICT (provider) DO UPDATE SET heard_at = excluded.heard_at"""
    due = """UPDATE step SET due_at = min(due_at, :now), updated_at = :now, fence = fence + 1
             WHERE id = :id AND state = 'waiting'"""
    c.execute(pulse, (provider, now))
    c.execute(due, {"id": step_id, "now": now})


def ids_told(c: Sql, *, attempt_id: str) -> list[str]:
    sql = """SELECT remote_id FROM news WHERE attempt_id = ? AND remote_id IS NOT NULL
             GROUP BY remote_id ORDER BY max(at) DESC LIMIT ?"""
    return [row[0] for row in c.execute(sql, (attempt_id, MOST_IDS_TOLD))]


def news_came(c: Sql, *, provider: str, since: int) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM news_pulse WHERE provider = ? AND heard_at >= ? AND heard_at > missed_at)"
    return bool(c.execute(sql, (provider, since)).get)


def news_missed(c: Sql, *, provider: str, attempt_id: str, now: int) -> None:
    sql = """UPDATE news_pulse SET missed_at = :now WHERE provider = :provider AND NOT EXISTS (
             SELECT 1 FROM news WHERE attempt_id = :attempt AND at >= :now - :within)"""
    c.execute(sql, {"provider": provider, "attempt": attempt_id, "now": now, "within": TOLD_WITHIN_MS})
