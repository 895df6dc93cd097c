"""Who may carry out a step next: claims and leases, whatever the clock does and whatever the rows hold."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

import apsw

from fermata_mcp.domain.task import Step
from fermata_mcp.store.base import CLOCK_SLACK_MS, GRACE_MS, LONGEST_WAIT_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Unreadable
from fermata_mcp.store.rows import step_from, understood
from fermata_mcp.store.taking import Claimed, Taker

from .file import Sql
from .reading import STEP, as_text, get

# Of what is taken at once, a quarter may be new, whatever else is due.
_SHARE_OF_SUBMITS = 4
# The home of a step that could not be read.
_NOBODY = "set aside"
# A step that has succeeded is due as long as some of its audio has still to be fetched.
_STATES = "('queued', 'submitting', 'waiting', 'unknown', 'succeeded')"
_ACTIVE = f"due_at IS NOT NULL AND state IN {_STATES}"
_NOTHING_KNOWN = f"due_at IS NOT NULL AND state NOT IN {_STATES}"
# A step is due for its own process at `due_at`, for any other after the grace time.
_DUE = f"""due_at <= :now AND (home = :home OR home IS NULL OR due_at <= :now - :grace) AND {_ACTIVE}
           AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))
           AND (:stuck IS NULL OR rowid NOT IN (SELECT value FROM json_each(:stuck)))"""
_LOOKED_AT = "step INDEXED BY step_looked_at WHERE due_at IS NOT NULL AND state <> 'queued'"
_QUEUED = "step INDEXED BY step_queued WHERE state = 'queued' AND render = :render"
_HEAD = "rowid, CAST(task_id AS BLOB), ifnull(home NOT IN (:home, :nobody), 0)"
_LOOKS = f"SELECT {_HEAD}, 0 FROM {_LOOKED_AT} AND {_DUE} ORDER BY due_at LIMIT :limit"
# How many renders somebody has going, or how many submits that wait for the turn of their account.
_GOING = f"""CASE :render
  WHEN 1 THEN (SELECT count(*) FROM step INDEXED BY step_rendering WHERE principal = name
               AND render = 1 AND home IS NOT NULL AND due_at IS NOT NULL)
  ELSE (SELECT count(*) FROM {_QUEUED} AND principal = name AND due_at > :now) END"""
_SERVED = """(SELECT max(submitted_at) FROM step INDEXED BY step_served
              WHERE render = :render AND principal = name AND submitted_at IS NOT NULL)"""
# Everybody's oldest: those first who have the fewest going, and of these who was served longest ago.
_BY_TURNS = f"""WITH RECURSIVE who (name) AS (
  SELECT min(principal) FROM {_QUEUED}
  UNION ALL SELECT (SELECT min(principal) FROM {_QUEUED} AND principal > name) FROM who WHERE name IS NOT NULL)
SELECT {_HEAD}, {_GOING} AS going FROM who JOIN step ON step.rowid = (
  SELECT rowid FROM {_QUEUED} AND principal = name AND {_DUE} ORDER BY due_at LIMIT 1)
ORDER BY going, {_SERVED}, due_at LIMIT :limit"""
# Times that no row has unless the clock was set back since it was written.
_SET_BACK = f"updated_at > :now + {CLOCK_SLACK_MS} AND {_ACTIVE}"
_TOO_FAR = f"due_at > :now + {LONGEST_WAIT_MS} AND {_ACTIVE}"
# Whatever puts `due_at` off writes `updated_at` too, so what lies between them is the wait that was meant.
_WAIT_MEANT = f"""CASE WHEN due_at < updated_at THEN 0 WHEN due_at - updated_at <= {LONGEST_WAIT_MS}
                  THEN due_at - updated_at ELSE :submit END"""
_CLAIM = f"""UPDATE step SET fence = fence + 1, home = :home, updated_at = :now,
             due_at = :now + CASE state WHEN 'queued' THEN :submit ELSE :look END,
             state = CASE state WHEN 'submitting' THEN 'unknown' ELSE state END WHERE rowid = :rowid
             RETURNING {STEP}"""


def _values(taker: Taker) -> dict[str, Any]:
    """What the statements here are filled in with."""
    return {
        "home": taker.home,
        "now": taker.now,
        "tasks": None if taker.tasks is None else json.dumps(list(taker.tasks)),
        "grace": GRACE_MS,
        "submit": SUBMIT_LEASE_MS,
        "look": POLL_LEASE_MS,
        "nobody": _NOBODY,
        "stuck": None,
        "limit": 1,
    }


def anything_due(c: Sql, *, taker: Taker) -> bool:
    """Whether a claim would take anything. Mostly it would not, and then nothing is locked for it."""
    values = _values(taker)
    queues = (0,) if taker.renders == 0 else (0, 1)
    return bool(c.execute(f"SELECT EXISTS ({_LOOKS})", values).get) or any(
        c.execute(f"SELECT EXISTS ({_BY_TURNS})", values | {"render": render}).get for render in queues
    )


def any_set_back(c: Sql, *, now: int) -> bool:
    """Whether rows have times that only a clock explains which was set back. Looks at all that is not over."""
    queued = "step INDEXED BY step_queued WHERE state = 'queued'"
    sql = f"""SELECT EXISTS (SELECT 1 FROM {_LOOKED_AT} AND {_SET_BACK})
              OR EXISTS (SELECT 1 FROM {_LOOKED_AT} AND {_TOO_FAR})
              OR EXISTS (SELECT 1 FROM {queued} AND ({_SET_BACK} OR {_TOO_FAR}))"""
    return bool(c.execute(sql, {"now": now}).get)


def claim(c: Sql, *, taker: Taker, limit: int, doubted: Set[str]) -> Claimed:
    """Take up to `limit` due steps: looks by their time, what is queued by turns.

    Args:
        doubted: Tasks that could not be read, so that their steps may be not worth a claim.
    """
    taking = _Taking(c, _values(taker), doubted)
    taking.up_to(limit if taker.renders is None else min(taker.renders, limit), _BY_TURNS, render=1)
    # However many looks are due, something new begins; and the other way round.
    taking.up_to(-(-limit // _SHARE_OF_SUBMITS), _BY_TURNS, render=0)
    taking.up_to(limit, _LOOKS)
    taking.up_to(limit, _BY_TURNS, render=0)
    return taking.found


class _Taking:
    def __init__(self, c: Sql, values: dict[str, Any], doubted: Set[str]) -> None:
        self._c, self._values, self._doubted = c, values, doubted
        self._stuck = list[int]()
        self.found = Claimed()

    def up_to(self, limit: int, which: str, **queue: int) -> None:
        """Go on until so many have been taken in all, or nothing is due of which `which` tells.

        Whoever has more going than another is not served before that has changed.
        """
        while len(self.found.steps) < limit:
            values = self._values | {"limit": limit - len(self.found.steps), "stuck": json.dumps(self._stuck)} | queue
            due = self._c.execute(which, values).fetchall()
            if not due:
                return
            fewest = due[0][-1]
            for rowid, task_id, lost, going in due:
                if going == fewest:
                    self._take(rowid, as_text(task_id), bool(lost))

    def _take(self, rowid: int, task_id: str, lost: bool) -> None:
        try:
            self.found.steps.append(_claimed(self._c, self._values | {"rowid": rowid}, task_id, self._doubted))
            self.found.taken_over += [task_id] if lost else []
        except Unreadable as error:
            self.found.unreadable.append(error)
            if not _set_aside(self._c, rowid, self._values["now"]):
                self._stuck.append(rowid)


def _claimed(c: Sql, values: dict[str, Any], task_id: str, doubted: Set[str]) -> Step:
    if task_id in doubted:
        get(c, task_id=task_id, principal=None)
    try:
        return understood(task_id, lambda: step_from(c.execute(_CLAIM, values).fetchall()[0]))
    except apsw.ConstraintError as error:  # the row breaks the rules of its table already
        raise Unreadable(task_id, "a step of it holds what cannot be written again") from error


def _set_aside(c: Sql, rowid: int, now: int) -> bool:
    """Out of the way of the others for a long time, with all that it holds; False where even that is impossible."""
    sql = f"UPDATE step SET due_at = :now + {LONGEST_WAIT_MS}, updated_at = :now, home = :home WHERE rowid = :rowid"
    return _changed(c, sql, {"rowid": rowid, "now": now, "home": _NOBODY})


def _changed(c: Sql, sql: str, values: dict[str, Any]) -> bool:
    try:
        c.execute(sql, values)
    except apsw.ConstraintError:
        return False
    return True


def try_again(c: Sql, *, now: int) -> list[Unreadable]:
    """What another version has set aside is due again; what no version can claim is told."""
    again = f"UPDATE step SET due_at = min(due_at, :now), home = NULL WHERE home = :home AND {_ACTIVE}"
    _changed(c, again, {"now": now, "home": _NOBODY})
    rows = c.execute(f"SELECT CAST(task_id AS BLOB) FROM step WHERE {_NOTHING_KNOWN}").fetchall()
    return [Unreadable(as_text(task_id), "a step of it: state is nothing this version knows") for (task_id,) in rows]


def put_forward(c: Sql, *, now: int, by: int) -> None:
    """The clock went `by` ahead of time itself: a request on its way keeps its lease, or its answer would come late."""
    sql = """SELECT rowid FROM step WHERE state = 'submitting' AND due_at > :now - :by AND updated_at <= :now - :by"""
    for (rowid,) in c.execute(sql, {"now": now, "by": by}).fetchall():
        longer = "UPDATE step SET due_at = due_at + :by, updated_at = :now WHERE rowid = :rowid"
        _changed(c, longer, {"rowid": rowid, "now": now, "by": by})


def count_anew(c: Sql, step_id: str, now: int) -> None:
    """Before a step's row is written by a clock that was set back: its wait is counted from now on."""
    rowid = c.execute(f"SELECT rowid FROM step WHERE id = :id AND {_SET_BACK}", {"id": step_id, "now": now}).get
    if rowid is not None:
        _wait_from_now_on(c, rowid, now)


def count_all_anew(c: Sql, *, now: int) -> None:
    """Where the clock was set back, all wait as long as they were meant to, and no lease that is alive is cut short."""
    for condition in (_SET_BACK, _TOO_FAR):
        for (rowid,) in c.execute(f"SELECT rowid FROM step WHERE {condition}", {"now": now}).fetchall():
            _wait_from_now_on(c, rowid, now)


def _wait_from_now_on(c: Sql, rowid: int, now: int) -> None:
    sql = f"UPDATE step SET due_at = :now + {_WAIT_MEANT}, updated_at = :now WHERE rowid = :rowid"
    _changed(c, sql, {"rowid": rowid, "now": now, "submit": SUBMIT_LEASE_MS})
