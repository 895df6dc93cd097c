"""What is written to the SQLite file: the inside of one transaction each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fermata_mcp.domain.change import Cap, Change, NewStep
from fermata_mcp.domain.credits import BalanceReading, Dispute, Unit, beginning
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Clip, Task
from fermata_mcp.store.base import CLOCK_SLACK_MS, REPLAY_WINDOW_MS, SUBMIT_LEASE_MS, Created, KeyReused, NameTaken
from fermata_mcp.store.moves import check_move, not_opened_again
from fermata_mcp.store.rows import encode, task_row

from .claiming import count_anew
from .file import Sql
from .holding import hold_if_asked, let_go
from .reading import get_known, sighting, spent


def create(c: Sql, *, task: Task, step: NewStep, home: str, now: int, finished: bool, claimed: bool) -> Created:
    earlier = _by_key(c, task) or _by_request(c, task, now, finished)
    if earlier is not None:
        _remember_key(c, task, earlier.task.id)
        return earlier
    if task.request.get("save_as"):
        _refuse_taken(c, step.work.save_as, task.created_at)
    row = task_row(task)
    marks = ", ".join(f":{name}" for name in row)
    c.execute(f"INSERT INTO task ({', '.join(row)}) VALUES ({marks})", row)
    _insert_step(c, step, _Owner(task.id, task.principal, task.provider, task.account_id), home, now, claimed=claimed)
    _remember_key(c, task, task.id)
    return Created(get_known(c, task.id, task.principal), None)


def _refuse_taken(c: Sql, wanted: str, since: int) -> None:
    sql = """SELECT t.id, json_extract(s.work, '$.save_as') FROM task t JOIN step s ON s.task_id = t.id AND s.seq = 0
             WHERE t.status IN ('queued', 'running', 'unknown')
                   OR (t.status IN ('succeeded', 'partial') AND t.finished_at >= ?)"""
    for task_id, other in c.execute(sql, (since,)):
        if other == wanted or other.startswith(f"{wanted}.") or wanted.startswith(f"{other}."):
            raise NameTaken(task_id)


def _by_key(c: Sql, task: Task) -> Created | None:
    if task.idempotency_key is None:
        return None
    sql = """SELECT k.task_id, k.request_hash, t.status FROM idempotency k JOIN task t ON t.id = k.task_id
             WHERE k.principal = ? AND k.key = ?"""
    found = c.execute(sql, (task.principal, task.idempotency_key)).fetchone()
    if found is None:
        return None
    task_id, request_hash, status = found
    if request_hash != task.request_hash:
        raise KeyReused
    return None if status in ("failed", "cancelled") else Created(get_known(c, task_id, task.principal), "key")


def _remember_key(c: Sql, task: Task, task_id: str) -> None:
    if task.idempotency_key is not None:
        sql = "INSERT OR REPLACE INTO idempotency (principal, key, request_hash, task_id) VALUES (?, ?, ?, ?)"
        c.execute(sql, (task.principal, task.idempotency_key, task.request_hash, task_id))


def _by_request(c: Sql, task: Task, now: int, finished: bool) -> Created | None:
    sql = """SELECT id FROM task WHERE principal = ? AND request_hash = ?
             AND (status IN ('queued', 'running', 'unknown')
                  OR ? AND status IN ('succeeded', 'partial') AND finished_at > ?)
             ORDER BY created_at DESC LIMIT 1"""
    found = c.execute(sql, (task.principal, task.request_hash, finished, now - REPLAY_WINDOW_MS)).fetchone()
    return None if found is None else Created(get_known(c, found[0], task.principal), "request")


@dataclass(frozen=True)
class _Owner:
    """What a step has of its task."""

    task_id: str
    principal: str
    provider: str
    account_id: str


def _insert_step(c: Sql, step: NewStep, of: _Owner, home: str | None, now: int, *, claimed: bool = False) -> None:
    """A render that nobody has taken yet is for whoever has room, and waits for no grace time."""
    row = vars(of) | {
        "id": step.id,
        "seq": step.seq,
        "state": "queued",
        "work": encode(step.work),
        "render": int(step.render),
        "home": home if claimed or not step.render else None,
        "fence": int(claimed),
        "due_at": now + SUBMIT_LEASE_MS if claimed else now,
        "created_at": now,
        "updated_at": now,
    }
    c.execute(f"INSERT INTO step ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", row)


def apply(c: Sql, *, change: Change, now: int) -> bool:
    sql = """SELECT s.state, s.fence, s.attempt_id, s.task_id, s.provider, s.account_id, s.home, s.render, t.principal,
             t.status FROM step s JOIN task t ON t.id = s.task_id WHERE s.id = ?"""
    row = c.execute(sql, (change.step_id,)).fetchone()
    if row is None:
        return False
    state, fence, attempt_id, task_id, provider, account_id, home, render, principal, status = row
    if state not in change.allowed or change.fence not in (None, fence) or change.about not in (None, attempt_id):
        return False
    check_move(state, change)
    if change.new_attempt:
        attempt_id = change.new_attempt
        _insert_attempt(c, attempt_id, change.step_id, account_id, now)
    if change.attempt:
        _update(c, "attempt", attempt_id, dict(change.attempt))
    _add_entries(c, change, now, principal, provider, task_id, attempt_id)
    if "due_at" not in change.step:
        count_anew(c, change.step_id, now)
    patch: dict[str, Any] = dict(change.step) | ({"attempt_id": attempt_id} if change.new_attempt else {})
    if render and patch.get("state") == "queued":
        patch["home"] = None  # lost with its process, it is for whoever has room
    _update(c, "step", change.step_id, patch | {"updated_at": now})
    _remember_clips(c, change.step.get("clips", ()), provider, task_id)
    if change.next_step:
        _insert_step(c, change.next_step, _Owner(task_id, principal, provider, account_id), home, now)
    if change.task:
        _update(c, "task", task_id, not_opened_again(status, change.task) | {"updated_at": now})
    if state in ("unknown", "needs_user") and patch.get("state") == "queued":
        let_go(c, task_id)
    elif change.next_step:
        hold_if_asked(c, step_id=change.next_step.id, task_id=task_id, now=now)
    return True


def _insert_attempt(c: Sql, attempt_id: str, step_id: str, account_id: str, now: int) -> None:
    sql = """INSERT INTO attempt (id, step_id, account_id, number, state, intent_at)
             VALUES (?, ?, ?, (SELECT count(*) + 1 FROM attempt WHERE step_id = ?), 'intent', ?)"""
    c.execute(sql, (attempt_id, step_id, account_id, step_id, now))


def take_turn(c: Sql, *, account_id: str, rate: Rate, urgent: bool, now: int) -> int:
    """The generic cell rate algorithm: one number tells how much of the burst is used up."""
    whole = rate.seconds * 1000
    spacing = whole / rate.requests
    burst = spacing * (rate.requests if urgent else max(1, rate.requests * 0.8))
    stored = c.execute("SELECT free_at FROM pace WHERE account_id = ?", (account_id,)).get or 0
    # Further ahead than a whole burst only where the clock was set back: then the burst is taken for used up.
    free_at = min(max(now, stored), now + whole)
    early = free_at + spacing - burst - now
    if early <= 0:
        _set_pace(c, account_id, round(free_at + spacing))
        return 0
    if stored > free_at:
        _set_pace(c, account_id, round(free_at))
    return round(early) + 1


def _set_pace(c: Sql, account_id: str, free_at: int) -> None:
    sql = "INSERT INTO pace VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET free_at = excluded.free_at"
    c.execute(sql, (account_id, free_at))


def _remember_clips(c: Sql, clips: Iterable[Clip], provider: Any, task_id: Any) -> None:
    sql = "INSERT OR REPLACE INTO clip (provider, provider_clip_id, task_id, position) VALUES (?, ?, ?, ?)"
    for position, clip in enumerate(clips):
        if clip.provider_clip_id is not None:
            c.execute(sql, (provider, clip.provider_clip_id, task_id, position))


def _update(c: Sql, table: str, row_id: Any, patch: dict[str, Any]) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in patch)
    c.execute(f"UPDATE {table} SET {columns} WHERE id = :id", {k: encode(v) for k, v in patch.items()} | {"id": row_id})


def _add_entries(
    c: Sql, change: Change, now: int, principal: Any, provider: Any, task_id: Any, attempt_id: Any
) -> None:
    sql = """INSERT INTO ledger (at, principal, provider, task_id, attempt_id, kind, amount, note, unit)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT quote_unit FROM task WHERE id = ?))"""
    of = (now, principal, provider, task_id, attempt_id)
    for entry in change.entries:
        c.execute(sql, (*of, entry.kind, entry.amount, entry.note, task_id))
    if change.entries and change.caps:
        _nothing_was_sent_later_than(c, now)  # the caps count it, and only today
    for cap in change.caps if change.entries else ():
        if _spent_within(c, cap, now) > cap.most:
            raise cap.exceeded()


def _spent_within(c: Sql, cap: Cap, now: int) -> int:
    return sum(spent(c, principal=cap.principal, since=beginning(cap.period, now), unit=cap.unit).values())


def _nothing_was_sent_later_than(c: Sql, now: int) -> None:
    """Where rows say so, the clock was set back since."""
    c.execute("UPDATE attempt SET intent_at = ? WHERE intent_at > ?", (now, now + CLOCK_SLACK_MS))


def release(c: Sql, *, home: str, now: int, interrupted: Sequence[str]) -> None:
    values = {"home": home, "now": now}
    c.execute(
        "UPDATE step SET home = NULL, due_at = min(due_at, :now) WHERE home = :home AND state = 'waiting'", values
    )
    c.execute("UPDATE step SET home = NULL WHERE home = :home AND due_at IS NOT NULL AND state <> 'waiting'", values)
    for step_id in interrupted:
        c.execute("UPDATE step SET due_at = min(due_at, ?) WHERE id = ? AND state = 'queued'", (now, step_id))


def make_due(c: Sql, *, step_id: str, now: int) -> None:
    c.execute("UPDATE step SET due_at = min(due_at, ?) WHERE id = ? AND state = 'waiting'", (now, step_id))


def see_balance(c: Sql, *, account_id: str, balance: int, unit: Unit, now: int) -> BalanceReading | None:
    _nothing_was_sent_later_than(c, now)
    before = sighting(c, account_id=account_id, unit=unit)
    if before is not None and before.at > now + CLOCK_SLACK_MS:
        before = None  # the clock was set back since: nobody knows what was sent after it
    sql = """INSERT INTO sighting (account_id, at, balance, unit) VALUES (?, ?, ?, ?)
             ON CONFLICT (account_id)
             DO UPDATE SET at = excluded.at, balance = excluded.balance, unit = excluded.unit"""
    c.execute(sql, (account_id, now, balance, unit))
    return before


def book_refunds(c: Sql, *, disputes: Sequence[Dispute], note: str, now: int) -> None:
    sql = """INSERT OR IGNORE INTO ledger (at, principal, provider, task_id, attempt_id, kind, amount, note, unit)
             SELECT ?, principal, provider, task_id, attempt_id, 'refund', amount, ?, unit FROM ledger
             WHERE attempt_id = ? AND kind = 'disputed'"""
    for one in disputes:
        c.execute(sql, (now, note, one.attempt_id))
