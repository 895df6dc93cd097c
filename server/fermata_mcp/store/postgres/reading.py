"""What is read from the database: one function, one look, which is one statement."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeVar

from pydantic_core import from_json

from fermata_mcp.domain.credits import BalanceReading, Dispute, Unit
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Attempt, Task, TaskStatus
from fermata_mcp.store.base import MOST_COUNTED, Page, Place, Unreadable
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.rows import (
    ATTEMPT_COLUMNS,
    NOT_UNDERSTOOD,
    STEP_COLUMNS,
    TASK_COLUMNS,
    Row,
    attempt_from,
    step_from,
    task_from,
    understood,
)


def columns(names: tuple[str, ...], table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


_TASK, _STEP = columns(TASK_COLUMNS, "t"), columns(STEP_COLUMNS, "s")
_ATTEMPT = columns(ATTEMPT_COLUMNS, "a")
_MONEY = """(SELECT json_object_agg(kind, amount) FROM (
             SELECT kind, sum(amount)::bigint AS amount FROM ledger WHERE task_id = t.id GROUP BY kind) AS sums)"""
# Longer than that took no work: the clock was put forward meanwhile.
_DAY_MS = 86_400_000
_LARGEST = 2**63 - 1
_Noun = TypeVar("_Noun")


async def nothing(c: Sql) -> None:
    """Whether the database answers."""
    await c.execute("SELECT 1")


async def get(c: Sql, *, task_id: str, principal: str | None) -> Task | None:
    sql = f"""SELECT {_MONEY}, {_TASK}, {_STEP} FROM task t LEFT JOIN step s ON s.task_id = t.id
              WHERE t.id = $1 AND ($2::text IS NULL OR t.principal = $2) ORDER BY s.seq"""
    rows = await c.fetch(sql, task_id, principal) if can_be_kept(task_id) else []
    return understood(task_id, lambda: _whole(rows)) if rows else None


async def get_all(c: Sql, *, task_ids: list[str]) -> list[Task]:
    """Those that are there and can be read."""
    sql = f"""SELECT {_MONEY}, {_TASK}, {_STEP} FROM task t LEFT JOIN step s ON s.task_id = t.id
              WHERE t.id = ANY($1) ORDER BY t.id, s.seq"""
    rows = await c.fetch(sql, [task_id for task_id in task_ids if can_be_kept(task_id)])
    found = list[Task]()
    for _, of_one in groupby(rows, key=lambda row: row[1]):
        with suppress(*NOT_UNDERSTOOD):
            found.append(_whole(list(of_one)))
    return found


async def owner(c: Sql, *, task_id: str) -> str | None:
    sql = "SELECT principal FROM task WHERE id = $1"
    return await c.fetchval(sql, task_id) if can_be_kept(task_id) else None


def _whole(rows: list[Row]) -> Task:
    """One row a step, or one without any."""
    last = 1 + len(TASK_COLUMNS)
    steps = tuple(step_from(tuple(row[last:])) for row in rows if row[last] is not None)
    return task_from(tuple(rows[0][1:last]), steps, _summed(rows[0][0]))


def _summed(money: str | None) -> dict[str, int]:
    return from_json(money) if money else {}


async def get_known(c: Sql, task_id: str, principal: str) -> Task:
    task = await get(c, task_id=task_id, principal=principal)
    assert task is not None
    return task


async def page(
    c: Sql, *, principal: str, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None
) -> Page:
    before_at, before_id = _position(cursor)
    chosen: list[Any] = [principal, limit + 1]
    which = "t.principal = $1"
    # Only what is asked for stands in the statement, so that each choice is made by an index of its own.
    for column, value in (("status", status), ("provider", provider)):
        if value is not None:
            chosen.append(value)
            which += f" AND t.{column} = ${len(chosen)}"
    if before_at is not None:
        chosen += [before_at, before_id]
        which += f' AND (t.created_at, t.id COLLATE "C") < (${len(chosen) - 1}, ${len(chosen)})'
    sql = f"""SELECT {_MONEY}, {_TASK} FROM task t WHERE {which}
              ORDER BY t.created_at DESC, t.id COLLATE "C" DESC LIMIT $2"""
    rows = await c.fetch(sql, *chosen)
    tasks, unreadable = list[Task](), list[str]()
    for row in rows[:limit]:
        try:
            tasks.append(understood(row["id"], lambda row=row: task_from(tuple(row[1:]), (), _summed(row[0]))))
        except Unreadable as error:
            unreadable.append(error.task_id)
    last = rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else f"{max(0, last['created_at'])}.{last['id']}"
    return Page(tuple(tasks), after, tuple(unreadable))


def _position(cursor: str | None) -> tuple[int | None, str]:
    if cursor is None:
        return None, ""
    at, dot, task_id = cursor.partition(".")
    if not (dot and at.isdecimal() and at.isascii() and len(at) <= 19 and int(at) <= _LARGEST and can_be_kept(task_id)):
        raise InvalidRequest("`cursor` is not one that list_tasks gave.", "leave it out to start from the newest.")
    return int(at), task_id


def can_be_kept(text: str) -> bool:
    """Whether the database can hold it: half a character it cannot, nor the one of code 0."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


async def spent(c: Sql, *, principal: str | None, since: int, unit: Unit) -> dict[str, int]:
    # An attempt's money belongs to the day it was sent, also where it was settled later.
    sql = """SELECT l.provider,
             sum(CASE WHEN l.kind IN ('hold', 'charge', 'adjust', 'disputed') THEN l.amount ELSE -l.amount END)::bigint
             FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE ($1::text IS NULL OR l.principal = $1) AND a.intent_at >= $2 AND l.unit = $3 GROUP BY l.provider"""
    return dict(await c.fetch(sql, principal, since, unit))


async def ids_like(c: Sql, *, prefix: str, principal: str, limit: int) -> list[str]:
    sql = """SELECT id FROM task WHERE principal = $1 AND starts_with(id, $2) AND id COLLATE "C" >= $2
             ORDER BY created_at DESC LIMIT $3"""
    return [row[0] for row in await c.fetch(sql, principal, prefix, limit)] if can_be_kept(prefix) else []


async def attempts(c: Sql, *, step_id: str) -> list[Attempt]:
    found = list[Attempt]()
    for row in await c.fetch(f"SELECT {_ATTEMPT} FROM attempt a WHERE step_id = $1 ORDER BY number", step_id):
        with suppress(*NOT_UNDERSTOOD):
            found.append(attempt_from(tuple(row)))
    return found


async def find_clip(c: Sql, *, provider: str, provider_clip_id: str, principal: str) -> tuple[str, int] | None:
    sql = """SELECT c.task_id, c.position FROM clip c JOIN task t ON t.id = c.task_id
             WHERE c.provider = $1 AND c.provider_clip_id = $2 AND t.principal = $3"""
    row = await c.fetchrow(sql, provider, provider_clip_id, principal) if can_be_kept(provider_clip_id) else None
    return None if row is None else (row[0], row[1])


async def whose(
    c: Sql, *, ids: Collection[str], providers: Collection[str], accounts: Collection[str]
) -> set[tuple[str, str]]:
    sql = """SELECT c.provider_clip_id, t.principal FROM clip c JOIN task t ON t.id = c.task_id
             WHERE c.provider = ANY($2::text[]) AND c.provider_clip_id = ANY($1::text[])
             UNION SELECT a.remote_id, t.principal FROM attempt a
             JOIN step s ON s.id = a.step_id JOIN task t ON t.id = s.task_id
             WHERE a.account_id = ANY($3::text[]) AND a.remote_id = ANY($1::text[])"""
    rows = await c.fetch(sql, [one for one in ids if can_be_kept(one)], list(providers), list(accounts))
    return {(row[0], row[1]) for row in rows}


# With the model, which is the same in all: only so the index is seen to have this order also where there is no model.
_NEWEST = "model DESC, updated_at DESC"


async def durations(c: Sql, *, provider: str, model: str | None) -> list[float]:
    sql = f"""SELECT (updated_at - submitted_at) / 1000.0::float8 FROM step
              WHERE provider = $1 AND state = 'succeeded' AND {_of_model(model)}
              AND updated_at - submitted_at BETWEEN 0 AND $3 ORDER BY {_NEWEST} LIMIT 64"""
    return [row[0] for row in await c.fetch(sql, provider, model, _DAY_MS)]


def _of_model(model: str | None) -> str:
    return "model IS NULL AND $2::text IS NULL" if model is None else "model = $2"


async def sighting(c: Sql, *, account_id: str, unit: Unit) -> BalanceReading | None:
    # What was sent before the sighting was in it already; a refund counts when it was promised.
    sql = """SELECT s.at, s.balance,
             coalesce(sum(CASE WHEN l.kind IN ('charge', 'adjust') AND a.intent_at > s.at THEN l.amount
                               WHEN l.kind = 'refund' AND l.at > s.at THEN -l.amount END), 0)::bigint,
             coalesce(sum(CASE WHEN a.intent_at > s.at AND l.kind IN ('hold', 'disputed') THEN l.amount
                               WHEN a.intent_at > s.at AND l.kind = 'release' THEN -l.amount END), 0)::bigint
             FROM sighting s LEFT JOIN attempt a ON a.account_id = s.account_id
             LEFT JOIN ledger l ON l.attempt_id = a.id AND l.unit = s.unit
             WHERE s.account_id = $1 AND s.unit = $2 GROUP BY s.account_id"""
    row = await c.fetchrow(sql, account_id, unit)
    return None if row is None else BalanceReading(*row)


async def disputes(c: Sql, *, account_id: str, unit: Unit) -> list[Dispute]:
    sql = """SELECT a.id, l.amount, a.intent_at FROM ledger l JOIN attempt a ON a.id = l.attempt_id
             WHERE a.account_id = $1 AND l.unit = $2 AND l.kind = 'disputed'
             AND NOT EXISTS (SELECT 1 FROM ledger r WHERE r.attempt_id = a.id AND r.kind = 'refund')
             ORDER BY a.intent_at"""
    return [Dispute(*row) for row in await c.fetch(sql, account_id, unit)]


async def lengths_added(c: Sql, *, provider: str, model: str | None) -> list[float]:
    sql = f"""SELECT added FROM (
                SELECT model, updated_at, fermata_json(clips) -> 0 AS clip FROM step WHERE provider = $1
                AND state = 'succeeded' AND action = 'extend' AND {_of_model(model)}) AS done
              CROSS JOIN LATERAL (SELECT {_ADDED} AS added) AS of_clip
              WHERE added > 0 AND added < 86400 ORDER BY {_NEWEST} LIMIT 64"""
    return [row[0] for row in await c.fetch(sql, provider, model)]


def _number(name: str) -> str:
    return f"CASE WHEN jsonb_typeof(clip -> '{name}') = 'number' THEN (clip -> '{name}')::float8 END"


# A joined or whole clip was added to at `continue_at`; of a part that stands alone all is new.
_ADDED = f"""CASE WHEN clip -> 'whole_track' = 'true' THEN {_number("duration_seconds")} - {_number("continue_at")}
             ELSE {_number("own_seconds")} END"""


async def place(c: Sql, *, step_id: str, now: int) -> Place | None:
    sql = """SELECT render, principal, account_id, due_at FROM step
             WHERE id = $1 AND state = 'queued' AND due_at <= $2"""
    found = await c.fetchrow(sql, step_id, now)
    if found is None:
        return None
    render, principal, account_id, due_at = found
    queue = "FROM step WHERE state = 'queued' AND render = $1 AND due_at <= $2 AND ($1 OR account_id = $3)"
    ahead = f"SELECT 1 {queue} AND principal = $4 AND (due_at, id) < ($5, $6) LIMIT {MOST_COUNTED}"
    mine = principal, due_at, step_id
    before = await c.fetchval(f"SELECT count(*) FROM ({ahead}) AS ones", render, now, account_id, *mine)
    of_each = f"SELECT least(count(*), {MOST_COUNTED}) {queue} GROUP BY principal"
    each = [row[0] for row in await c.fetch(of_each, render, now, account_id)]
    return Place(sum(min(count, before + 1) for count in each), sum(each))
