"""The store in one SQLite file that several processes may share.

One worker at a time runs whole `BEGIN IMMEDIATE … COMMIT` functions, so that a cancelled caller can never leave a
transaction open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import apsw

from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.change import Change, NewStep
from fermata_mcp.domain.credits import BalanceReading, Dispute
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Attempt, Step, Task, TaskStatus
from fermata_mcp.store import rows
from fermata_mcp.store.base import CLOCK_SLACK_MS, Created, Elsewhere, Page, Place, Unreadable
from fermata_mcp.store.sqlite import claiming, holding, news, operating, reading, removing, secret, tokens, writing
from fermata_mcp.store.sqlite.safety import copies
from fermata_mcp.store.sqlite.safety.damage import note, open_sound, standing, trouble_in

from .audio.objects import SqliteObjects
from .claiming import Taker
from .file import Sql, check_version, in_words

# A file tells nobody that another process has written to it.
FOREIGN_LOOK_SECONDS = 0.25
_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class SqliteStore:
    """See `Store`.

    Args:
        path: The database file; its folder is made when it is opened.
        steady: Seconds of a clock that nobody sets. With it, what is on its way keeps its lease when the other clock is
            put forward, and a time that is old by the time of its use is no proof that the clock was set back.
    """

    def __init__(self, path: Path, *, steady: Callable[[], float] | None = None) -> None:
        self._path = path
        self._steady = steady
        self._seen: tuple[int, float] | None = None
        self._connection: Sql | None = None
        self._turn = anyio.CapacityLimiter(1)
        self._data_version: int | None = None
        self._begun = False
        self._unreadable = set[str]()
        self.objects = SqliteObjects(self._run, self._write)

    async def open(self) -> None:
        await self._run(lambda _: None)

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await anyio.to_thread.run_sync(close, limiter=self._turn)

    def time(self, here: int) -> int:
        return here

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
        await self._check_clock(now)
        taker = Taker(home, now, tasks, renders)
        if not await self._run(partial(claiming.anything_due, taker=taker)):
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

    def _count_anew(self, c: Sql, *, now: int, asked: float) -> None:
        # A time that is old by now is no proof: others may have written since.
        if self._steady is None or self._steady() - asked < CLOCK_SLACK_MS / 1000:
            claiming.count_all_anew(c, now=now)

    async def _begin(self, now: int) -> None:
        """Once in a program, before it takes on its first step."""
        self._name(await self._write(partial(claiming.try_again, now=now), durable=False))
        self._begun = True
        await self._run(lambda _: rows.get_ready())

    def _name(self, unreadable: Sequence[Unreadable]) -> None:
        for error in unreadable:
            if error.task_id not in self._unreadable:
                self._unreadable.add(error.task_id)
                logger.error("%s", error)

    async def apply(self, change: Change, *, now: int) -> bool:
        return await self._write(partial(writing.apply, change=change, now=now), durable=change.must_last)

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
        return False

    async def elsewhere(self) -> Elsewhere:
        while not await self._changed_elsewhere():  # noqa: ASYNC110  (what is waited for is in a file)
            await anyio.sleep(FOREIGN_LOOK_SECONDS)
        return Elsewhere(tasks=None, work=False)

    async def _changed_elsewhere(self) -> bool:
        version = await self._run(lambda c: int(c.pragma("data_version")))
        before, self._data_version = self._data_version, version
        return before != version

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
        await self._run(check_version)

    async def count_open(self) -> Mapping[TaskStatus, int]:
        return await self._run(operating.count_open)

    async def count_finished(self) -> Mapping[TaskStatus, int]:
        return await self._run(operating.count_finished)

    async def queued_since(self, *, now: int) -> int | None:
        return await self._run(partial(operating.queued_since, now=now))

    async def hold_unsent(self, reason: str, *, free: Collection[str], now: int) -> list[str]:
        return await self._write(partial(holding.hold_unsent, reason=reason, free=free, now=now))

    async def damage(self) -> str | None:
        found = await anyio.to_thread.run_sync(standing, self._path)
        if found is None:
            return None
        where = f"it is kept as {found.aside}" if found.aside else f"it is still {self._path.name}"
        return f"the task database was found damaged on {found.at}, and {where}."

    async def look_through(self) -> None:
        """Look whether the file is sound, beside all that goes on; damage is noted."""
        found = await anyio.to_thread.run_sync(trouble_in, self._path, abandon_on_cancel=True)
        if found is not None:
            note(self._path, found)

    async def copy_daily(self) -> None:
        await anyio.to_thread.run_sync(copies.copy_daily, self._path, abandon_on_cancel=True)

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

    async def _write(self, work: Callable[[Sql], _T], *, durable: bool = True) -> _T:
        """One whole transaction. Without `durable` a power cut may take it back; a crash of the program does not."""

        def whole(connection: Sql) -> _T:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                # SQLITE_FULL and SQLITE_IOERR have rolled back already; a second rollback would raise.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self._run(whole)

    async def _run(self, work: Callable[[Sql], _T]) -> _T:
        def run() -> _T:
            try:
                if self._connection is None:
                    self._connection = open_sound(self._path)
                return work(self._connection)
            except (apsw.Error, OSError, UnicodeDecodeError) as error:
                raise in_words(error, self._path) from error
            except Unreadable as error:
                self._name([error])
                raise

        return await anyio.to_thread.run_sync(run, limiter=self._turn)
