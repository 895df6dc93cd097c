"""What is written to the database: the inside of one transaction each."""

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
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.rows import encode, task_row

from . import holding
from .claiming import count_anew
from .reading import get_known, sighting, spent


async def alone(c: Sql, what: str) -> None:
    """Whoever is about the same comes after this transaction. Row locks are not taken before it."""
    await c.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", what)


async def create(c: Sql, *, task: Task, step: NewStep, home: str, now: int, finished: bool, claimed: bool) -> Created:
    await alone(c, f"create {task.principal}")
    earlier = await _by_key(c, task) or await _by_request(c, task, now, finished)
    if earlier is not None:
        await _remember_key(c, task, earlier.task.id)
        return earlier
    if task.request.get("save_as"):
        await alone(c, "names")
        await _refuse_taken(c, step.work.save_as, task.created_at)
    await _insert(c, "task", task_row(task))
    owner = _Owner(task.id, task.principal, task.provider, task.account_id)
    await _insert_step(c, step, owner, home, now, claimed=claimed)
    await _remember_key(c, task, task.id)
    return Created(await get_known(c, task.id, task.principal), None)


async def _refuse_taken(c: Sql, wanted: str, since: int) -> None:
    going_on = "status IN ('queued', 'running', 'unknown')"
    ended = "status IN ('succeeded', 'partial') AND finished_at >= $2"
    sql = f"""SELECT t.id FROM (SELECT id FROM task WHERE {going_on} UNION ALL SELECT id FROM task WHERE {ended}) AS t
              JOIN step s ON s.task_id = t.id AND s.seq = 0
              WHERE s.save_as = $1 OR starts_with(s.save_as, $1 || '.') OR starts_with($1, s.save_as || '.') LIMIT 1"""
    other = await c.fetchval(sql, wanted, since)
    if other is not None:
        raise NameTaken(other)


async def _by_key(c: Sql, task: Task) -> Created | None:
    if task.idempotency_key is None:
        return None
    sql = """SELECT k.task_id, k.request_hash, t.status FROM idempotency k JOIN task t ON t.id = k.task_id
             WHERE k.principal = $1 AND k.key = $2"""
    found = await c.fetchrow(sql, task.principal, task.idempotency_key)
    if found is None:
        return None
    task_id, request_hash, status = found
    if request_hash != task.request_hash:
        raise KeyReused
    return None if status in ("failed", "cancelled") else Created(await get_known(c, task_id, task.principal), "key")


async def _remember_key(c: Sql, task: Task, task_id: str) -> None:
    sql = """INSERT INTO idempotency (principal, key, request_hash, task_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (principal, key)
             DO UPDATE SET request_hash = excluded.request_hash, task_id = excluded.task_id"""
    if task.idempotency_key is not None:
        await c.execute(sql, task.principal, task.idempotency_key, task.request_hash, task_id)


async def _by_request(c: Sql, task: Task, now: int, finished: bool) -> Created | None:
    sql = """SELECT id FROM task WHERE principal = $1 AND request_hash = $2
             AND (status IN ('queued', 'running', 'unknown')
                  OR $3 AND status IN ('succeeded', 'partial') AND finished_at > $4)
             ORDER BY created_at DESC LIMIT 1"""
    found = await c.fetchval(sql, task.principal, task.request_hash, finished, now - REPLAY_WINDOW_MS)
    return None if found is None else Created(await get_known(c, found, task.principal), "request")


@dataclass(frozen=True)
class _Owner:
    """What a step has of its task."""

    task_id: str
    principal: str
    provider: str
    account_id: str


async def _insert_step(c: Sql, step: NewStep, of: _Owner, home: str | None, now: int, *, claimed: bool = False) -> None:
    """A render that nobody has taken yet is for whoever has room, and waits for no grace time."""
    row = vars(of) | {
        "id": step.id,
        "seq": step.seq,
        "state": "queued",
        "work": encode(step.work),
        "render": step.render,
        "home": home if claimed or not step.render else None,
        "fence": int(claimed),
        "due_at": now + SUBMIT_LEASE_MS if claimed else now,
        "created_at": now,
        "updated_at": now,
    }
    await _insert(c, "step", row)


async def _insert(c: Sql, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await c.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())


async def apply(c: Sql, *, change: Change, now: int) -> bool:
    sql = """SELECT s.state, s.fence, s.attempt_id, s.task_id, s.provider, s.account_id, s.home, s.render,
             t.principal, t.status FROM step s JOIN task t ON t.id = s.task_id WHERE s.id = $1 FOR NO KEY UPDATE"""
    row = await c.fetchrow(sql, change.step_id)
    if row is None:
        return False
    state, fence, attempt_id, task_id, provider, account_id, home, render, principal, status = row
    if state not in change.allowed or change.fence not in (None, fence):
        return False
    if change.about not in (None, attempt_id):
        if not await _is_of_a_lost_attempt(c, change, task_id):
            return False
        attempt_id = change.about
        await _insert_attempt(c, attempt_id, change.step_id, account_id, now)
    check_move(state, change)
    if change.new_attempt:
        attempt_id = change.new_attempt
        await _insert_attempt(c, attempt_id, change.step_id, account_id, now)
    if change.attempt:
        await _update(c, "attempt", attempt_id, dict(change.attempt))
    await _add_entries(c, change, now, principal, provider, task_id, attempt_id)
    if "due_at" not in change.step:
        await count_anew(c, change.step_id, now)
    patch: dict[str, Any] = dict(change.step) | ({"attempt_id": attempt_id} if attempt_id != row["attempt_id"] else {})
    if render and patch.get("state") == "queued":
        patch["home"] = None  # lost with its process, it is for whoever has room
    await _update(c, "step", change.step_id, patch | {"updated_at": now})
    await _remember_clips(c, change.step.get("clips", ()), provider, task_id)
    if change.next_step:
        await _insert_step(c, change.next_step, _Owner(task_id, principal, provider, account_id), home, now)
    if change.task:
        await _update(c, "task", task_id, not_opened_again(status, change.task) | {"updated_at": now})
    if state in ("unknown", "needs_user") and patch.get("state") == "queued":
        await holding.let_go(c, task_id)
    elif change.next_step:
        await holding.hold_if_asked(c, step_id=change.next_step.id, task_id=task_id, now=now)
    return True


async def _is_of_a_lost_attempt(c: Sql, change: Change, task_id: str) -> bool:
    """Whether an answer has come to a request whose intent the database forgot when it was put back."""
    sql = "SELECT NOT EXISTS (SELECT 1 FROM attempt WHERE id = $1)"
    return await c.fetchval(sql, change.about) and await holding.holds(c, task_id)


async def _insert_attempt(c: Sql, attempt_id: str, step_id: str, account_id: str, now: int) -> None:
    sql = """INSERT INTO attempt (id, step_id, account_id, number, state, intent_at)
             VALUES ($1, $2, $3, (SELECT count(*) + 1 FROM attempt WHERE step_id = $2), 'intent', $4)"""
    await c.execute(sql, attempt_id, step_id, account_id, now)


async def _update(c: Sql, table: str, row_id: Any, patch: dict[str, Any]) -> None:
    columns = ", ".join(f"{name} = ${number}" for number, name in enumerate(patch, 2))
    await c.execute(f"UPDATE {table} SET {columns} WHERE id = $1", row_id, *map(encode, patch.values()))


async def _remember_clips(c: Sql, clips: Iterable[Clip], provider: Any, task_id: Any) -> None:
    sql = """INSERT INTO clip (provider, provider_clip_id, task_id, position) VALUES ($1, $2, $3, $4)
             ON CONFLICT (provider, provider_clip_id)
             DO UPDATE SET task_id = excluded.task_id, position = excluded.position"""
    for position, clip in enumerate(clips):
        if clip.provider_clip_id is not None:
            await c.execute(sql, provider, clip.provider_clip_id, task_id, position)


async def _add_entries(
    c: Sql, change: Change, now: int, principal: Any, provider: Any, task_id: Any, attempt_id: Any
) -> None:
    sql = """INSERT INTO ledger (at, principal, provider, task_id, attempt_id, kind, amount, note, unit)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT quote_unit FROM task WHERE id = $4))"""
    if change.entries and change.caps:
        await alone(c, "spend")
        await _nothing_was_sent_later_than(c, now)  # the caps count it, and only today
    for entry in change.entries:
        await c.execute(sql, now, principal, provider, task_id, attempt_id, entry.kind, entry.amount, entry.note)
    for cap in change.caps if change.entries else ():
        if await _spent_within(c, cap, now) > cap.most:
            raise cap.exceeded()


async def _spent_within(c: Sql, cap: Cap, now: int) -> int:
    return sum((await spent(c, principal=cap.principal, since=beginning(cap.period, now), unit=cap.unit)).values())


async def _nothing_was_sent_later_than(c: Sql, now: int) -> None:
    """Where rows say so, the clock was set back since."""
    await c.execute("UPDATE attempt SET intent_at = $1 WHERE intent_at > $2", now, now + CLOCK_SLACK_MS)


async def take_turn(c: Sql, *, account_id: str, rate: Rate, urgent: bool, now: int) -> int:
    """The generic cell rate algorithm: one number tells how much of the burst is used up."""
    whole = rate.seconds * 1000
    spacing = whole / rate.requests
    burst = spacing * (rate.requests if urgent else max(1, rate.requests * 0.8))
    stored = await _free_at(c, account_id)
    # Further ahead than a whole burst only where the clock was set back: then the burst is taken for used up.
    free_at = min(max(now, stored), now + whole)
    early = free_at + spacing - burst - now
    if early <= 0:
        await _set_pace(c, account_id, round(free_at + spacing))
        return 0
    if stored > free_at:
        await _set_pace(c, account_id, round(free_at))
    return round(early) + 1


async def _free_at(c: Sql, account_id: str) -> int:
    """Held until the end of the transaction."""
    sql = "SELECT free_at FROM pace WHERE account_id = $1 FOR NO KEY UPDATE"
    found = await c.fetchval(sql, account_id)
    if found is not None:
        return found
    await c.execute("INSERT INTO pace VALUES ($1, 0) ON CONFLICT DO NOTHING", account_id)
    return await c.fetchval(sql, account_id)


async def _set_pace(c: Sql, account_id: str, free_at: int) -> None:
    await c.execute("UPDATE pace SET free_at = $2 WHERE account_id = $1", account_id, free_at)


async def release(c: Sql, *, home: str, now: int, interrupted: Sequence[str]) -> None:
    waiting = "UPDATE step SET home = NULL, due_at = least(due_at, $2) WHERE home = $1 AND state = 'waiting'"
    await c.execute(waiting, home, now)
    await c.execute("UPDATE step SET home = NULL WHERE home = $1 AND due_at IS NOT NULL AND state <> 'waiting'", home)
    again = "UPDATE step SET due_at = least(due_at, $1) WHERE id = ANY($2) AND state = 'queued'"
    await c.execute(again, now, list(interrupted))


async def make_due(c: Sql, *, step_id: str, now: int) -> None:
    sql = "UPDATE step SET due_at = $1, updated_at = $1 WHERE id = $2 AND state = 'waiting' AND due_at > $1"
    await c.execute(sql, now, step_id)


async def see_balance(c: Sql, *, account_id: str, balance: int, unit: Unit, now: int) -> BalanceReading | None:
    await alone(c, f"balance {account_id}")
    await _nothing_was_sent_later_than(c, now)
    before = await sighting(c, account_id=account_id, unit=unit)
    if before is not None and before.at > now + CLOCK_SLACK_MS:
        before = None  # the clock was set back since: nobody knows what was sent after it
    sql = """INSERT INTO sighting (account_id, at, balance, unit) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id)
             DO UPDATE SET at = excluded.at, balance = excluded.balance, unit = excluded.unit"""
    await c.execute(sql, account_id, now, balance, unit)
    return before


async def book_refunds(c: Sql, *, disputes: Sequence[Dispute], note: str, now: int) -> None:
    sql = """INSERT INTO ledger (at, principal, provider, task_id, attempt_id, kind, amount, note, unit)
             SELECT $1, principal, provider, task_id, attempt_id, 'refund', amount, $2, unit FROM ledger
             WHERE attempt_id = ANY($3) AND kind = 'disputed' ORDER BY attempt_id ON CONFLICT DO NOTHING"""
    await c.execute(sql, now, note, [one.attempt_id for one in disputes])
