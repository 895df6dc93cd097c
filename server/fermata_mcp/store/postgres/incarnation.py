"""Notices that the database is an earlier state of itself, and holds back what may have been sent since.

A standby that takes over, a backup that is restored and a copy all lack the last transactions, or many. A paid request
whose intent was among them looks as if it had never been sent. The rows themselves say in which database they were
last written: its cluster, the cluster's timeline (which every promotion and every recovery to a point in time begins
anew) and the database's own number. A disk that is put back has the same three; then a process that has lived through
it has seen more of the log than there is. What only queues is taken for lost: nobody sends it until a person says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fermata_mcp.store.postgres.link.connecting import Sql, transaction

from .holding import hold_unsent

_MARK = "(pg_current_wal_insert_lsn() - '0/0')::bigint"
# A server that dies takes back what was not flushed, which is no earlier state: nothing rests on it.
_LASTS = "pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()"
_HERE = f"""SELECT (SELECT system_identifier::text FROM pg_control_system()),
            ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint,
            (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), {_MARK}, {_LASTS}"""
_REASON = "the task database was put back to an earlier state"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Incarnation:
    """Cluster, timeline and number of a database."""

    system: str
    timeline: int
    database: int


class Memory:
    """What this process has seen of the database."""

    def __init__(self) -> None:
        self._seen: tuple[Incarnation, int] | None = None

    async def noting(self, c: Sql) -> Callable[[], None]:
        """In a transaction that writes an intent: how long the log is for certain, once that has lasted."""
        mark = await c.fetchval(f"SELECT {_MARK}")

        def lasted() -> None:
            if self._seen is not None:
                self._seen = self._seen[0], max(self._seen[1], mark)

        return lasted

    async def compare(self, c: Sql) -> None:
        """Before a new connection is used: hold back what may have been sent, if the database went back."""
        here, length, lasts = await _where(c)
        seen, mark = self._seen or (here, 0)
        went_back = seen == here and length < mark
        if went_back or await _written_in(c) != here:
            async with transaction(c, durable=True):
                await _settle(c, here, mark if went_back else 0)
        known = 0 if went_back or seen != here else mark
        self._seen = here, max(known, length) if lasts else known


async def _where(c: Sql) -> tuple[Incarnation, int, bool]:
    system, timeline, database, length, lasts = await c.fetchrow(_HERE)
    return Incarnation(system, timeline, database), length, lasts


async def _written_in(c: Sql) -> Incarnation | None:
    row = await c.fetchrow("SELECT system, timeline, database FROM incarnation")
    return None if row is None else Incarnation(*row)


async def _settle(c: Sql, here: Incarnation, mark: int) -> None:
    """Once for all processes: who comes later finds it written."""
    await c.execute("LOCK TABLE incarnation IN EXCLUSIVE MODE")
    known = await c.fetchval("SELECT mark FROM incarnation WHERE mark >= $1", mark) is not None
    if known and await _written_in(c) == here:
        return
    await _hold_back(c)
    sql = """INSERT INTO incarnation (system, timeline, database, mark) VALUES ($1, $2, $3, $4) ON CONFLICT (one_row)
             DO UPDATE SET system = $1, timeline = $2, database = $3, mark = greatest(incarnation.mark, $4)"""
    await c.execute(sql, here.system, here.timeline, here.database, mark)


async def _hold_back(c: Sql) -> None:
    now = await c.fetchval("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    held = await hold_unsent(c, reason=_REASON, free=(), now=now)
    if held:
        logger.warning(
            "the task database was put back to an earlier state: %d requests that may have been sent before are held "
            "until somebody decides about them (list_tasks with status unknown shows them)", len(held),
        )  # fmt: skip
