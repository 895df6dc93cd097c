"""Who may carry out a step next: claims and leases, whatever the clock does and whatever the rows hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Set
from dataclasses import dataclass, field
from typing import Any

import apsw

from fermata_mcp.domain.task import Step
from fermata_mcp.store.base import CLOCK_SLACK_MS, GRACE_MS, LONGEST_WAIT_MS, POLL_LEASE_MS, SUBMIT_LEASE_MS, Unreadable
from fermata_mcp.store.rows import step_from

from .file import Sql
from .reading import STEP, as_text, get, understood

# The home of a step that could not be read.
_NOBODY = "set aside"
# A step that has succeeded is due as long as some of its audio has still to be fetched.
_STATES = "('queued', 'submitting', 'waiting', 'unknown', 'succeeded')"
_ACTIVE = f"due_at IS NOT NULL AND state IN {_STATES}"
_NOTHING_KNOWN = f"due_at IS NOT NULL AND state NOT IN {_STATES}"
# A step is due for its own process at `due_at`, for any other after the grace time.
_DUE = f"""due_at <= :now AND (home = :home OR home IS NULL OR due_at <= :now - :grace) AND {_ACTIVE}
           AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))"""
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


@dataclass(frozen=True)
class Taker:
    """Who asks for steps, at what time, and of which tasks alone; None for any."""

    home: str
    now: int
    tasks: Collection[str] | None = None

    def values(self) -> dict[str, Any]:
        """What the statements here are filled in with."""
        return {
            "home": self.home,
            "now": self.now,
            "tasks": None if self.tasks is None else json.dumps(list(self.tasks)),
            "grace": GRACE_MS,
            "submit": SUBMIT_LEASE_MS,
            "look": POLL_LEASE_MS,
        }


@dataclass
class Claimed:
    """What a claim has taken, what it has put out of the way, and the tasks of which another process lost a step."""

    steps: list[Step] = field(default_factory=list[Step])
    taken_over: list[str] = field(default_factory=list[str])
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])


def anything_due(c: Sql, *, taker: Taker) -> bool:
    """Whether a claim would take anything. Mostly it would not, and then nothing is locked for it."""
    return bool(c.execute(f"SELECT EXISTS (SELECT 1 FROM step WHERE {_DUE})", taker.values()).get)


def any_set_back(c: Sql, *, now: int) -> bool:
    """Whether rows have times that only a clock explains which was set back. Looks at all that is not over."""
    sql = f"""SELECT EXISTS (SELECT 1 FROM step INDEXED BY step_by_due WHERE {_SET_BACK})
              OR EXISTS (SELECT 1 FROM step WHERE {_TOO_FAR})"""
    return bool(c.execute(sql, {"now": now}).get)


def claim(c: Sql, *, taker: Taker, limit: int, doubted: Set[str]) -> Claimed:
    """Take up to `limit` due steps, the longest overdue first.

    Args:
        doubted: Tasks that could not be read, so that their steps may be not worth a claim.
    """
    found, stuck, values = Claimed(), set[int](), taker.values()
    while len(found.steps) < limit:
        due = _due(c, values, limit - len(found.steps), stuck)
        if not due:
            break
        for rowid, task_id, lost in due:
            try:
                found.steps.append(_claimed(c, values | {"rowid": rowid}, task_id, doubted))
                found.taken_over += [task_id] if lost else []
            except Unreadable as error:
                found.unreadable.append(error)
                if not _set_aside(c, rowid, taker.now):
                    stuck.add(rowid)
    return found


def _due(c: Sql, values: dict[str, Any], limit: int, stuck: Set[int]) -> list[tuple[int, str, bool]]:
    """Row and task of what is due, and whether another process holds it whose time is out."""
    sql = f"""SELECT rowid, CAST(task_id AS BLOB), ifnull(home NOT IN (:home, :nobody), 0) FROM step
              WHERE {_DUE} ORDER BY due_at LIMIT :limit"""
    rows = c.execute(sql, values | {"limit": limit + len(stuck), "nobody": _NOBODY}).fetchall()
    return [(rowid, as_text(task_id), bool(lost)) for rowid, task_id, lost in rows if rowid not in stuck][:limit]


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
