"""The store in a PostgreSQL database that any number of machines may share.

Every method is one transaction on a connection of its own. A caller who leaves is held back until the transaction has
ended, which is bounded in time.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio
from asyncpg import exceptions as pg

from fermata_mcp.domain.change import Change
from fermata_mcp.store.base import Elsewhere, Unreadable
from fermata_mcp.store.objects import ObjectRows
from fermata_mcp.store.postgres import (
    claiming,
    filling,
    holding,
    news,
    operating,
    reading,
    removing,
    secret,
    tokens,
    writing,
)
from fermata_mcp.store.postgres.link import migrating
from fermata_mcp.store.postgres.link.clock import DatabaseClock
from fermata_mcp.store.postgres.link.connecting import TROUBLES, Pool, Sql, in_words, transaction
from fermata_mcp.store.postgres.link.listening import Listener
from fermata_mcp.store.statement_store import Statements, StatementStore

from .audio import statements
from .filling import Rows
from .incarnation import Memory

# Transactions that the server ends because they waited for one another are begun again.
MOST_TRIES = 5
_T = TypeVar("_T")
_STATEMENTS = Statements(
    claiming=claiming, holding=holding, news=news, operating=operating, reading=reading, removing=removing,
    secret=secret, tokens=tokens, writing=writing,
)  # fmt: skip
logger = logging.getLogger(__name__)


class PostgresStore(StatementStore):
    """See `Store`.

    Args:
        url: Where the database is: `postgresql://user:password@host/name`.
        steady: See `StatementStore`.
    """

    def __init__(self, url: str, *, steady: Callable[[], float] | None = None) -> None:
        super().__init__(_STATEMENTS, steady)
        self._sender = secrets.token_hex(8)
        self._pool = Pool(url, self._sender, self._greet)
        self._listener = Listener(self._pool.apart, self._sender)
        self._clock, self._memory = DatabaseClock(steady), Memory()
        self._ready = False
        self._opening = anyio.Lock()
        self.objects = ObjectRows(statements, self._run, self._write)

    async def _greet(self, c: Sql) -> None:
        """A promise that money rests on is on the server's disk before it is kept, whatever the server's default."""
        await c.execute("SELECT set_config('synchronous_commit', 'on', false) "
                        "WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')")  # fmt: skip
        await self._clock.measure(c)
        if self._ready:
            await self._memory.compare(c)

    def time(self, here: int) -> int:
        return self._clock.time(here)

    async def open(self) -> None:
        await self._run(reading.nothing)

    async def close(self) -> None:
        await self._listener.close()
        await self._pool.close()

    async def _may_claim(self) -> bool:
        if self._clock.in_doubt:  # what is due is said by a clock that may be wrong
            await self._run(self._clock.measure)
            return False
        return True

    async def _count_anew(self, c: Sql, *, now: int, asked: float) -> None:
        if self._is_fresh(asked):
            await claiming.count_all_anew(c, now=now)

    async def apply(self, change: Change, *, now: int) -> bool:
        work = partial(writing.apply, change=change, now=now)
        if not change.must_last:
            return await self._together.add(work)
        return await self._write(work, noting=change.new_attempt is not None)

    async def _write_all(self, works: Sequence[Callable[[Sql], Awaitable[Any]]]) -> Sequence[Any]:
        async def all_of_them(c: Sql) -> Sequence[Any]:
            return [await work(c) for work in works]

        return await self._write(all_of_them, durable=False)

    @property
    def tells_unasked(self) -> bool:
        return True

    async def elsewhere(self) -> Elsewhere:
        try:
            return await self._listener.elsewhere()
        except TROUBLES as error:
            raise in_words(error) from error

    async def check(self) -> None:
        await self._run(migrating.check_version)

    async def damage(self) -> str | None:
        return None  # a server looks after its own files

    async def fill(self, tables: Iterable[Rows]) -> dict[str, int]:
        """Copy all rows of another store into this one, which must be empty. Raises InvalidRequest."""
        return await self._write(partial(filling.fill, tables=tables))

    async def _write(self, work: Callable[[Sql], Awaitable[_T]], *, durable: bool = True, noting: bool = False) -> _T:
        """One whole transaction. Without `durable` the death of the server may take it back; that of ours does not."""

        async def whole(c: Sql) -> _T:
            async with transaction(c, durable=durable):
                result = await work(c)
                lasted = await self._memory.noting(c) if noting else None
            if lasted is not None:
                lasted()
            return result

        return await self._run(whole)

    async def _run(self, work: Callable[[Sql], Awaitable[_T]]) -> _T:
        """`work` on a connection; anew where the server ended it for the sake of another."""
        try:
            for _ in range(MOST_TRIES):
                try:
                    return await self._once(work)
                except pg.TransactionRollbackError:
                    logger.debug("a transaction is begun again", exc_info=True)
            return await self._once(work)
        except TROUBLES as error:
            raise in_words(error) from error
        except Unreadable as error:
            self._name([error])
            raise

    async def _once(self, work: Callable[[Sql], Awaitable[_T]]) -> _T:
        async def ready(connection: Sql) -> _T:
            if not self._ready:
                async with self._opening:
                    await self._make_ready(connection)
            return await work(connection)

        return await self._pool.run(ready)

    async def _make_ready(self, c: Sql) -> None:
        if not self._ready:
            async with transaction(c, durable=True):
                await migrating.bring_up_to_date(c)
            await self._memory.compare(c)
            self._ready = True
