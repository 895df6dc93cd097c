"""The store in a PostgreSQL database that any number of machines may share.

Every method is one transaction on a connection of its own. A caller who leaves is held back until the transaction has
ended, which is bounded in time.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import anyio
from asyncpg import exceptions as pg

from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.change import Change, NewStep
from fermata_mcp.domain.credits import BalanceReading, Dispute
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Attempt, Step, Task, TaskStatus
from fermata_mcp.store import rows
from fermata_mcp.store.base import CLOCK_SLACK_MS, Created, Elsewhere, Page, Place, Unreadable
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
from fermata_mcp.store.postgres.link.connecting import TROUBLES, Greet, Pool, Sql, in_words, transaction
from fermata_mcp.store.postgres.link.listening import Listener

from .audio.objects import PostgresObjects
from .claiming import Taker
from .filling import Rows
from .incarnation import Memory

# Transactions that the server ends because they waited for one another are begun again.
MOST_TRIES = 5
_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class PostgresStore:
    """See `Store`.

    Args:
        url: Where the database is: `postgresql://user:password@host/name`.
        steady: See `SqliteStore`.
    """

    def __init__(self, url: str, *, steady: Callable[[], float] | None = None) -> None:
        self._sender = secrets.token_hex(8)
        self._pool = Pool(url, self._sender, self._greet)
        self._listener = Listener(self._pool.apart, self._sender)
        self._clock, self._memory = DatabaseClock(steady), Memory()
        self._steady = steady
        self._seen: tuple[int, float] | None = None
        self._begun = False
        self._ready = False
        self._opening = anyio.Lock()
        self._unreadable = set[str]()
        self.objects = PostgresObjects(self._run, self._write)

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

    async def shared_secret(self) -> bytes:
        return await self._write(secret.shared)

    async def create(
        self, task: Task, step: NewStep, *, home: str, now: int, replay_finished: bool = True, claimed: bool = False
    ) -> Created:
        first = {"task": task, "step": step, "home": home, "now": now, "claimed": claimed}
        return await self._write(partial(writing.create, **first, finished=replay_finished))

    async def get(self, task_id: str, *, principal: str | None = None) -> Task | None:
        return await self._run(partial(reading.get, task_id=task_id, principal=principal))

    async def owner(self, task_id: str) -> str | None:
        return await self._run(partial(reading.owner, task_id=task_id))

    async def page(
        self, *, principal: str, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None
    ) -> Page:
        asked = partial(reading.page, principal=principal, status=status, provider=provider, limit=limit, cursor=cursor)
        return await self._run(asked)

    async def ids_like(self, prefix: str, *, principal: str, limit: int) -> list[str]:
        return await self._run(partial(reading.ids_like, prefix=prefix, principal=principal, limit=limit))

    async def claim(
        self, *, home: str, now: int, limit: int, renders: int | None = None, tasks: Collection[str] | None = None
    ) -> list[Step]:
        if not self._begun:
            await self._begin(now)
        if self._clock.in_doubt:  # what is due is said by a clock that may be wrong
            await self._run(self._clock.measure)
            return []
        await self._check_clock(now)
        taker = Taker(home, now, tasks, renders)
        if limit <= 0 or not await self._run(partial(claiming.anything_due, taker=taker)):
            return []
        taken = partial(claiming.claim, taker=taker, limit=limit, doubted=self._unreadable)
        claimed = await self._write(taken, durable=False)
        self._name(claimed.unreadable)
        for task_id in claimed.taken_over:
            logger.info("task %s: a step is taken over from a process that let its time run out", task_id)
        return claimed.steps

    async def _check_clock(self, now: int) -> None:
        """Every second, and whenever the clock has jumped: before anything is taken that a jump alone has made due."""
        steady = self._steady() if self._steady else 0.0
        if self._seen is not None:
            before, then = self._seen
            ahead = now - before - round(1000 * (steady - then))
            if self._steady is not None and ahead > CLOCK_SLACK_MS:
                await self._write(partial(claiming.put_forward, now=now, by=ahead), durable=False)
            elif 0 <= now - before < CLOCK_SLACK_MS:
                return
        if await self._run(partial(claiming.any_set_back, now=now)):
            await self._write(partial(self._count_anew, now=now, asked=steady), durable=False)
        self._seen = now, steady

    async def _count_anew(self, c: Sql, *, now: int, asked: float) -> None:
        # A time that is old by now is no proof: others may have written since.
        if self._steady is None or self._steady() - asked < CLOCK_SLACK_MS / 1000:
            await claiming.count_all_anew(c, now=now)

    async def _begin(self, now: int) -> None:
        """Once in a program, before it takes on its first step."""
        self._name(await self._write(partial(claiming.try_again, now=now), durable=False))
        self._begun = True
        await anyio.to_thread.run_sync(rows.get_ready)

    def _name(self, unreadable: Sequence[Unreadable]) -> None:
        for error in unreadable:
            if error.task_id not in self._unreadable:
                self._unreadable.add(error.task_id)
                logger.error("%s", error)

    async def apply(self, change: Change, *, now: int) -> bool:
        work = partial(writing.apply, change=change, now=now)
        after = self._memory.note if change.new_attempt else None
        return await self._write(work, durable=change.must_last, after=after)

    async def place(self, step_id: str, *, now: int) -> Place | None:
        return await self._run(partial(reading.place, step_id=step_id, now=now))

    async def attempts(self, step_id: str) -> list[Attempt]:
        return await self._run(partial(reading.attempts, step_id=step_id))

    async def release(self, home: str, *, now: int, interrupted: Sequence[str] = ()) -> None:
        await self._write(partial(writing.release, home=home, now=now, interrupted=interrupted))

    async def make_due(self, step_id: str, *, now: int) -> None:
        await self._write(partial(writing.make_due, step_id=step_id, now=now))

    @property
    def tells_unasked(self) -> bool:
        return True

    async def elsewhere(self) -> Elsewhere:
        try:
            return await self._listener.elsewhere()
        except TROUBLES as error:
            raise in_words(error) from error

    async def find_clip(self, provider: str, provider_clip_id: str, *, principal: str) -> tuple[str, int] | None:
        wanted = {"provider": provider, "provider_clip_id": provider_clip_id, "principal": principal}
        return await self._run(partial(reading.find_clip, **wanted))

    async def durations(self, provider: str, model: str | None) -> list[float]:
        return await self._run(partial(reading.durations, provider=provider, model=model))

    async def take_turn(self, account_id: str, rate: Rate, *, urgent: bool, now: int) -> int:
        turn = partial(writing.take_turn, account_id=account_id, rate=rate, urgent=urgent, now=now)
        return await self._write(turn, durable=False)

    async def spent(self, *, principal: str | None, since: int) -> dict[str, int]:
        return await self._run(partial(reading.spent, principal=principal, since=since))

    async def see_balance(self, account_id: str, balance: int, *, now: int) -> BalanceReading | None:
        seen = partial(writing.see_balance, account_id=account_id, balance=balance, now=now)
        return await self._write(seen, durable=False)

    async def disputes(self, account_id: str) -> list[Dispute]:
        return await self._run(partial(reading.disputes, account_id=account_id))

    async def book_refunds(self, disputes: Sequence[Dispute], note: str, *, now: int) -> None:
        await self._write(partial(writing.book_refunds, disputes=disputes, note=note, now=now))

    async def removable(self, *, principal: str, before: int, counted_since: int) -> tuple[list[str], int]:
        asked = partial(removing.removable, principal=principal, before=before, counted_since=counted_since)
        return await self._run(asked)

    async def remove(self, task_ids: Sequence[str], *, principal: str, before: int, counted_since: int) -> list[str]:
        which = partial(removing.remove, principal=principal, before=before, counted_since=counted_since)
        return await self._write(partial(which, task_ids=task_ids))

    async def lengths_added(self, provider: str, model: str | None) -> list[float]:
        return await self._run(partial(reading.lengths_added, provider=provider, model=model))

    # --- what providers post ----------------------------------------------------------------------------------------

    async def step_of(self, attempt_id: str) -> Step | None:
        return await self._run(partial(news.step_of, attempt_id=attempt_id))

    async def hear(self, attempt_id: str, event: str, remote_id: str | None, *, now: int) -> bool:
        heard = partial(news.hear, attempt_id=attempt_id, event=event, remote_id=remote_id, now=now)
        return await self._write(heard)

    async def ids_told(self, attempt_id: str) -> list[str]:
        return await self._run(partial(news.ids_told, attempt_id=attempt_id))

    async def news_came(self, provider: str, *, since: int) -> bool:
        return await self._run(partial(news.news_came, provider=provider, since=since))

    async def news_missed(self, provider: str, attempt_id: str, *, now: int) -> None:
        missed = partial(news.news_missed, provider=provider, attempt_id=attempt_id, now=now)
        await self._write(missed, durable=False)

    # --- operating --------------------------------------------------------------------------------------------------

    async def check(self) -> None:
        await self._run(migrating.check_version)

    async def count_open(self) -> Mapping[TaskStatus, int]:
        return await self._run(operating.count_open)

    async def count_finished(self) -> Mapping[TaskStatus, int]:
        return await self._run(operating.count_finished)

    async def queued_since(self, *, now: int) -> int | None:
        return await self._run(partial(operating.queued_since, now=now))

    async def hold_unsent(self, reason: str, *, free: Collection[str], now: int) -> list[str]:
        return await self._write(partial(holding.hold_unsent, reason=reason, free=free, now=now))

    async def damage(self) -> str | None:
        return None  # a server looks after its own files

    async def principals(self) -> list[str]:
        return await self._run(operating.principals)

    async def keep_trace(self, task_id: str, parent: str) -> None:
        await self._write(partial(operating.keep_trace, task_id=task_id, parent=parent), durable=False)

    async def trace_of(self, task_id: str) -> str | None:
        return await self._run(partial(operating.trace_of, task_id=task_id))

    # --- tokens -----------------------------------------------------------------------------------------------------

    async def add_token(self, token: Token) -> bool:
        return await self._write(partial(tokens.add, token=token))

    async def token_of_hash(self, hash_: str) -> Token | None:
        return await self._run(partial(tokens.of_hash, hash_=hash_))

    async def tokens(self) -> list[Token]:
        return await self._run(tokens.all_of_them)

    async def revoke_token(self, name: str) -> bool:
        return await self._write(partial(tokens.revoke, name=name))

    async def caps_of(self, principal: str) -> tuple[int | None, int | None]:
        return await self._run(partial(tokens.caps_of, principal=principal))

    async def fill(self, tables: Iterable[Rows]) -> dict[str, int]:
        """Copy all rows of another store into this one, which must be empty. Raises InvalidRequest."""
        return await self._write(partial(filling.fill, tables=tables))

    async def _write(
        self, work: Callable[[Sql], Awaitable[_T]], *, durable: bool = True, after: Greet | None = None
    ) -> _T:
        """One whole transaction. Without `durable` the death of the server may take it back; that of ours does not."""

        async def whole(c: Sql) -> _T:
            async with transaction(c, durable=durable):
                result = await work(c)
            if after is not None:
                with suppress(*TROUBLES):  # it has happened all the same
                    await after(c)
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
