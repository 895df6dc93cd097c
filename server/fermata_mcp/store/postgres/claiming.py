"""Who may carry out a step next: claims and leases, whatever the clock does and whatever the rows hold."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from fermata_mcp.store.base import CLOCK_SLACK_MS, GRACE_MS, LONGEST_WAIT_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Unreadable
from fermata_mcp.store.postgres.link.connecting import Sql
from fermata_mcp.store.rows import STEP_COLUMNS, Row, step_from, understood
from fermata_mcp.store.taking import Claimed, Taker

from .reading import columns, get

# Of what is taken at once, a quarter may be new, whatever else is due.
_SHARE_OF_SUBMITS = 4
# The home of a step that could not be read.
_NOBODY = "set aside"
# A step that has succeeded is due as long as some of its audio has still to be fetched.
_STATES = "('queued', 'submitting', 'waiting', 'unknown', 'succeeded')"
_ACTIVE = f"due_at IS NOT NULL AND state IN {_STATES}"
_NOTHING_KNOWN = f"due_at IS NOT NULL AND state NOT IN {_STATES}"
# A step is due for its own process at `due_at`, for any other after the grace time. $1 is now, $2 the home of who asks.
_DUE = f"""due_at <= $1::bigint AND (home = $2 OR home IS NULL OR due_at <= $1::bigint - {GRACE_MS}) AND {_ACTIVE}
           AND ($3::text[] IS NULL OR task_id = ANY($3))"""
_LOOKS = f"FROM step WHERE due_at IS NOT NULL AND state <> 'queued' AND {_DUE}"
_ANY_QUEUED = f"FROM step WHERE state = 'queued' AND {_DUE}"
# Who comes at the same moment passes over what is held already, instead of waiting for it.
_HELD = "FOR NO KEY UPDATE SKIP LOCKED"
_TAKE_LOOKS = f"SELECT id, home, due_at {_LOOKS} ORDER BY due_at LIMIT $4 {_HELD}"
_TAKE_THESE = f"SELECT id, home, due_at FROM step WHERE id = ANY($4) AND {_DUE} {_HELD}"
_CLAIM = """WITH due AS MATERIALIZED ({which})
            UPDATE step s SET fence = s.fence + 1, home = $2, updated_at = $1::bigint,
            due_at = $1::bigint + CASE s.state WHEN 'queued' THEN {submit} ELSE {look} END,
            state = CASE s.state WHEN 'submitting' THEN 'unknown' ELSE s.state END
            FROM due WHERE s.id = due.id
            RETURNING due.due_at, coalesce(due.home NOT IN ($2, '{nobody}'), false), {step}"""
_FIRST = 2
_ID, _TASK = _FIRST + STEP_COLUMNS.index("id"), _FIRST + STEP_COLUMNS.index("task_id")

_QUEUED = "step WHERE state = 'queued' AND render = $5"
# How many renders somebody has going, or how many submits that wait for the turn of their account.
_GOING = {
    True: "(SELECT count(*) FROM step WHERE principal = name AND render AND home IS NOT NULL AND due_at IS NOT NULL)",
    False: f"(SELECT count(*) FROM {_QUEUED} AND principal = name AND due_at > $1::bigint)",
}
_SERVED = "(SELECT max(submitted_at) FROM step WHERE render = $5 AND principal = name AND submitted_at IS NOT NULL)"
# As if one were taken after the other, each from whoever has the fewest going then, and of these who was served longest
# ago. $6 are those that somebody else is just taking.
_BY_TURNS = """WITH RECURSIVE who (name) AS (
  SELECT min(principal) FROM {queued}
  UNION ALL SELECT (SELECT min(principal) FROM {queued} AND principal > name) FROM who WHERE name IS NOT NULL),
ones AS (SELECT name, {going} AS going, {served} AS served FROM who WHERE name IS NOT NULL)
SELECT id FROM ones CROSS JOIN LATERAL (
  SELECT id, due_at, going + row_number() OVER (ORDER BY due_at, id) AS turn FROM {queued} AND principal = name
  AND {due} AND id <> ALL($6) ORDER BY due_at, id LIMIT $4) AS next
ORDER BY turn, served NULLS FIRST, due_at LIMIT $4"""

# Times that no row has unless the clock was set back since it was written.
_SET_BACK = f"updated_at > $1::bigint + {CLOCK_SLACK_MS} AND {_ACTIVE}"
_TOO_FAR = f"due_at > $1::bigint + {LONGEST_WAIT_MS} AND {_ACTIVE}"
# Whatever puts `due_at` off writes `updated_at` too, so what lies between them is the wait that was meant.
_WAIT_MEANT = f"""CASE WHEN due_at < updated_at THEN 0 WHEN due_at - updated_at <= {LONGEST_WAIT_MS}
                  THEN due_at - updated_at ELSE {SUBMIT_LEASE_MS} END"""


def _values(taker: Taker) -> tuple[int, str, list[str] | None]:
    """What the statements here are filled in with."""
    return taker.now, taker.home, None if taker.tasks is None else list(taker.tasks)


async def anything_due(c: Sql, *, taker: Taker) -> bool:
    """Whether a claim would take anything. Mostly it would not, and then nothing is written for it."""
    room = "AND NOT render" if taker.renders == 0 else ""
    sql = f"SELECT EXISTS (SELECT 1 {_LOOKS}) OR EXISTS (SELECT 1 {_ANY_QUEUED} {room})"
    return await c.fetchval(sql, *_values(taker))


async def any_set_back(c: Sql, *, now: int) -> bool:
    """Whether rows have times that only a clock explains which was set back."""
    looked_at, queued = "due_at IS NOT NULL AND state <> 'queued'", "state = 'queued'"
    sql = f"""SELECT EXISTS (SELECT 1 FROM step WHERE {_SET_BACK})
              OR EXISTS (SELECT 1 FROM step WHERE {looked_at} AND {_TOO_FAR})
              OR EXISTS (SELECT 1 FROM step WHERE {queued} AND {_TOO_FAR})"""
    return await c.fetchval(sql, now)


async def claim(c: Sql, *, taker: Taker, limit: int, doubted: Set[str]) -> Claimed:
    """Take up to `limit` due steps: looks by their time, what is queued by turns.

    Args:
        doubted: Tasks that could not be read, so that their steps may be not worth a claim.
    """
    taking = _Taking(c, taker, doubted)
    await taking.by_turns(limit if taker.renders is None else min(taker.renders, limit), render=True)
    # However many looks are due, something new begins; and the other way round.
    await taking.by_turns(-(-limit // _SHARE_OF_SUBMITS), render=False)
    await taking.looks(limit)
    await taking.by_turns(limit, render=False)
    return taking.found


class _Taking:
    """Each method goes on until so many have been taken in all, or nothing of its kind is due."""

    def __init__(self, c: Sql, taker: Taker, doubted: Set[str]) -> None:
        self._c, self._taker, self._doubted = c, taker, doubted
        self.found = Claimed()

    async def looks(self, limit: int) -> None:
        while len(self.found.steps) < limit:
            if not await self._take(_TAKE_LOOKS, limit - len(self.found.steps)):
                return

    async def by_turns(self, limit: int, *, render: bool) -> None:
        passed = list[str]()
        sql = _BY_TURNS.format(queued=_QUEUED, going=_GOING[render], served=_SERVED, due=_DUE)
        while (left := limit - len(self.found.steps)) > 0:
            rows = await self._c.fetch(sql, *_values(self._taker), left, render, passed)
            if not rows:
                return
            passed += [row[0] for row in rows]
            await self._take(_TAKE_THESE, [row[0] for row in rows])

    async def _take(self, which: str, filled_in: Any) -> int:
        sql = _CLAIM.format(
            which=which, submit=SUBMIT_LEASE_MS, look=POLL_LEASE_MS, nobody=_NOBODY, step=columns(STEP_COLUMNS, "s")
        )
        rows = await self._c.fetch(sql, *_values(self._taker), filled_in)
        for row in sorted(rows, key=lambda row: row[0]):
            await self._keep(row)
        return len(rows)

    async def _keep(self, row: Row) -> None:
        task_id = row[_TASK]
        try:
            if task_id in self._doubted:
                await get(self._c, task_id=task_id, principal=None)
            self.found.steps.append(understood(task_id, lambda: step_from(tuple(row[_FIRST:]))))
            self.found.taken_over += [task_id] if row[1] else []
        except Unreadable as error:
            self.found.unreadable.append(error)
            # Out of the way of the others for a long time, with all that it holds.
            aside = f"""UPDATE step SET due_at = $1::bigint + {LONGEST_WAIT_MS}, updated_at = $1::bigint, home = $2
                        WHERE id = $3"""
            await self._c.execute(aside, self._taker.now, _NOBODY, row[_ID])


async def try_again(c: Sql, *, now: int) -> list[Unreadable]:
    """What another version has set aside is due again; what no version can claim is told."""
    again = f"UPDATE step SET due_at = least(due_at, $1), home = NULL WHERE home = $2 AND {_ACTIVE}"
    await c.execute(again, now, _NOBODY)
    rows = await c.fetch(f"SELECT task_id FROM step WHERE {_NOTHING_KNOWN}")
    return [Unreadable(task_id, "a step of it: state is nothing this version knows") for (task_id,) in rows]


async def put_forward(c: Sql, *, now: int, by: int) -> None:
    """The clock went `by` ahead of time itself: a request on its way keeps its lease, or its answer would come late."""
    sql = """UPDATE step SET due_at = due_at + $2::bigint, updated_at = $1::bigint WHERE state = 'submitting'
             AND due_at > $1::bigint - $2::bigint AND updated_at <= $1::bigint - $2::bigint"""
    await c.execute(sql, now, by)


async def count_anew(c: Sql, step_id: str, now: int) -> None:
    """Before a step's row is written by a clock that was set back: its wait is counted from now on."""
    sql = f"UPDATE step SET due_at = $1::bigint + {_WAIT_MEANT}, updated_at = $1::bigint WHERE id = $2 AND {_SET_BACK}"
    await c.execute(sql, now, step_id)


async def count_all_anew(c: Sql, *, now: int) -> None:
    """Where the clock was set back, all wait as long as they were meant to, and no lease that is alive is cut short."""
    for condition in (_SET_BACK, _TOO_FAR):
        sql = f"UPDATE step SET due_at = $1::bigint + {_WAIT_MEANT}, updated_at = $1::bigint WHERE {condition}"
        await c.execute(sql, now)
