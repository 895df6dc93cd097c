"""What both stores share: which statement each method carries out, and how, whatever database it is for."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio.to_thread

from fermata_mcp.domain.access.token import Token
from fermata_mcp.domain.change import NewStep
from fermata_mcp.domain.credits import BalanceReading, Dispute, Unit
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Attempt, Step, Task, TaskStatus

from . import rows
from .base import CLOCK_SLACK_MS, Created, Page, Place, Unreadable
from .taking import Claimed, Taker
from .together import Together, Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statements:
    """The modules of one database: in each, functions of the same names that take a connection first."""

    claiming: Any
    holding: Any
    news: Any
    operating: Any
    reading: Any
    removing: Any
    secret: Any
    tokens: Any
    writing: Any


class StatementStore(ABC):
    """See `Store`; a database says how its statements are run.

    Args:
        steady: Seconds of a clock that nobody sets. With it, what is on its way keeps its lease when the other clock is
            put forward, and a time that is old by the time of its use is no proof that the clock was set back.
    """

    def __init__(self, sql: Statements, steady: Callable[[], float] | None) -> None:
        self._sql = sql
        self._steady = steady
        self._seen: tuple[int, float] | None = None
        self._begun = False
        self._unreadable = set[str]()
        self._together = Together[Work, Any](self._write_all)

    @abstractmethod
    async def _write_all(self, works: Sequence[Work]) -> Sequence[Any]:
        """One after the other in one transaction, which need not be durable; what each finds."""

    @abstractmethod
    async def _run(self, work: Callable[[Any], Any]) -> Any:
        """What `work` finds, on a connection."""

    @abstractmethod
    async def _write(self, work: Callable[[Any], Any], *, durable: bool = True) -> Any:
        """One whole transaction; without `durable` the end of the machine may take it back, that of ours does not."""

    @abstractmethod
    def _count_anew(self, c: Any, *, now: int, asked: float) -> Any:
        """Let all that waits wait from now on, unless the look that led to this is old."""

    async def shared_secret(self) -> bytes:
        return await self._write(self._sql.secret.shared)

    async def create(
        self, task: Task, step: NewStep, *, home: str, now: int, replay_finished: bool = True, claimed: bool = False
    ) -> Created:
        first = {"task": task, "step": step, "home": home, "now": now, "claimed": claimed}
        return await self._write(partial(self._sql.writing.create, **first, finished=replay_finished))

    async def get(self, task_id: str, *, principal: str | None = None) -> Task | None:
        return await self._run(partial(self._sql.reading.get, task_id=task_id, principal=principal))

    async def get_all(self, task_ids: Collection[str]) -> Mapping[str, Task]:
        found: list[Task] = await self._run(partial(self._sql.reading.get_all, task_ids=list(task_ids)))
        return {task.id: task for task in found}

    async def owner(self, task_id: str) -> str | None:
        return await self._run(partial(self._sql.reading.owner, task_id=task_id))

    async def page(
        self, *, principal: str, status: TaskStatus | None, provider: str | None, limit: int, cursor: str | None
    ) -> Page:
        asked = partial(
            self._sql.reading.page, principal=principal, status=status, provider=provider, limit=limit, cursor=cursor
        )
        return await self._run(asked)

    async def ids_like(self, prefix: str, *, principal: str, limit: int) -> list[str]:
        return await self._run(partial(self._sql.reading.ids_like, prefix=prefix, principal=principal, limit=limit))

    async def claim(
        self, *, home: str, now: int, limit: int, renders: int | None = None, tasks: Collection[str] | None = None
    ) -> list[Step]:
        if not self._begun:
            await self._begin(now)
        if not await self._may_claim():
            return []
        await self._check_clock(now)
        taker = Taker(home, now, tasks, renders)
        if limit <= 0 or not await self._run(partial(self._sql.claiming.anything_due, taker=taker)):
            return []
        taken = partial(self._sql.claiming.claim, taker=taker, limit=limit, doubted=self._unreadable)
        claimed: Claimed = await self._write(taken, durable=False)
        self._name(claimed.unreadable)
        for task_id in claimed.taken_over:
            logger.info("task %s: a step is taken over from a process that let its time run out", task_id)
        return claimed.steps

    async def _may_claim(self) -> bool:
        """Whether it is sure enough what time it is."""
        return True

    async def _check_clock(self, now: int) -> None:
        """Every second, and whenever the clock has jumped: before anything is taken that a jump alone has made due."""
        steady = self._steady() if self._steady else 0.0
        if self._seen is not None:
            before, then = self._seen
            ahead = now - before - round(1000 * (steady - then))
            if self._steady is not None and ahead > CLOCK_SLACK_MS:
                await self._write(partial(self._sql.claiming.put_forward, now=now, by=ahead), durable=False)
            elif 0 <= now - before < CLOCK_SLACK_MS:
                return
        if await self._run(partial(self._sql.claiming.any_set_back, now=now)):
            await self._write(partial(self._count_anew, now=now, asked=steady), durable=False)
        self._seen = now, steady

    def _is_fresh(self, asked: float) -> bool:
        """Whether a look at the clock still proves something: others may have written since."""
        return self._steady is None or self._steady() - asked < CLOCK_SLACK_MS / 1000

    async def _begin(self, now: int) -> None:
        """Once in a program, before it takes on its first step."""
        self._name(await self._write(partial(self._sql.claiming.try_again, now=now), durable=False))
        self._begun = True
        await anyio.to_thread.run_sync(rows.get_ready)

    def _name(self, unreadable: Sequence[Unreadable]) -> None:
        for error in unreadable:
            if error.task_id not in self._unreadable:
                self._unreadable.add(error.task_id)
                logger.error("%s", error)

    async def place(self, step_id: str, *, now: int) -> Place | None:
        return await self._run(partial(self._sql.reading.place, step_id=step_id, now=now))

    async def attempts(self, step_id: str) -> list[Attempt]:
        return await self._run(partial(self._sql.reading.attempts, step_id=step_id))

    async def release(self, home: str, *, now: int, interrupted: Sequence[str] = ()) -> None:
        await self._write(partial(self._sql.writing.release, home=home, now=now, interrupted=interrupted))

    async def make_due(self, step_id: str, *, now: int) -> None:
        await self._write(partial(self._sql.writing.make_due, step_id=step_id, now=now))

    async def find_clip(self, provider: str, provider_clip_id: str, *, principal: str) -> tuple[str, int] | None:
        wanted = {"provider": provider, "provider_clip_id": provider_clip_id, "principal": principal}
        return await self._run(partial(self._sql.reading.find_clip, **wanted))

    async def whose(
        self, ids: Collection[str], *, providers: Collection[str], accounts: Collection[str]
    ) -> set[tuple[str, str]]:
        asked = {"ids": ids, "providers": providers, "accounts": accounts}
        return await self._run(partial(self._sql.reading.whose, **asked))

    async def durations(self, provider: str, model: str | None) -> list[float]:
        return await self._run(partial(self._sql.reading.durations, provider=provider, model=model))

    async def take_turn(self, account_id: str, rate: Rate, *, urgent: bool, now: int) -> int:
        turn = partial(self._sql.writing.take_turn, account_id=account_id, rate=rate, urgent=urgent, now=now)
        return await self._write(turn, durable=False)

    async def spent(self, *, principal: str | None, since: int, unit: Unit) -> dict[str, int]:
        return await self._run(partial(self._sql.reading.spent, principal=principal, since=since, unit=unit))

    async def see_balance(self, account_id: str, balance: int, unit: Unit, *, now: int) -> BalanceReading | None:
        seen = partial(self._sql.writing.see_balance, account_id=account_id, balance=balance, unit=unit, now=now)
        return await self._write(seen, durable=False)

    async def disputes(self, account_id: str, unit: Unit) -> list[Dispute]:
        return await self._run(partial(self._sql.reading.disputes, account_id=account_id, unit=unit))

    async def book_refunds(self, disputes: Sequence[Dispute], note: str, *, now: int) -> None:
        await self._write(partial(self._sql.writing.book_refunds, disputes=disputes, note=note, now=now))

    async def removable(self, *, principal: str, before: int, counted_since: int) -> tuple[list[str], int]:
        asked = partial(self._sql.removing.removable, principal=principal, before=before, counted_since=counted_since)
        return await self._run(asked)

    async def remove(self, task_ids: Sequence[str], *, principal: str, before: int, counted_since: int) -> list[str]:
        which = partial(self._sql.removing.remove, principal=principal, before=before, counted_since=counted_since)
        return await self._write(partial(which, task_ids=task_ids))

    async def lengths_added(self, provider: str, model: str | None) -> list[float]:
        return await self._run(partial(self._sql.reading.lengths_added, provider=provider, model=model))

    async def step_of(self, attempt_id: str) -> Step | None:
        return await self._run(partial(self._sql.news.step_of, attempt_id=attempt_id))

    async def hear(self, attempt_id: str, event: str, remote_id: str | None, *, now: int) -> bool:
        heard = partial(self._sql.news.hear, attempt_id=attempt_id, event=event, remote_id=remote_id, now=now)
        return await self._write(heard)

    async def ids_told(self, attempt_id: str) -> list[str]:
        return await self._run(partial(self._sql.news.ids_told, attempt_id=attempt_id))

    async def news_came(self, provider: str, *, since: int) -> bool:
        return await self._run(partial(self._sql.news.news_came, provider=provider, since=since))

    async def news_missed(self, provider: str, attempt_id: str, *, now: int) -> None:
        missed = partial(self._sql.news.news_missed, provider=provider, attempt_id=attempt_id, now=now)
        await self._write(missed, durable=False)

    async def count_open(self) -> Mapping[TaskStatus, int]:
        return await self._run(self._sql.operating.count_open)

    async def count_finished(self) -> Mapping[TaskStatus, int]:
        return await self._run(self._sql.operating.count_finished)

    async def queued_since(self, *, now: int) -> int | None:
        return await self._run(partial(self._sql.operating.queued_since, now=now))

    async def hold_unsent(self, reason: str, *, free: Collection[str], now: int) -> list[str]:
        return await self._write(partial(self._sql.holding.hold_unsent, reason=reason, free=free, now=now))

    async def principals(self) -> list[str]:
        return await self._run(self._sql.operating.principals)

    async def keep_trace(self, task_id: str, parent: str) -> None:
        await self._write(partial(self._sql.operating.keep_trace, task_id=task_id, parent=parent), durable=False)

    async def trace_of(self, task_id: str) -> str | None:
        return await self._run(partial(self._sql.operating.trace_of, task_id=task_id))

    async def add_token(self, token: Token) -> bool:
        return await self._write(partial(self._sql.tokens.add, token=token))

    async def token_of_hash(self, hash_: str) -> Token | None:
        return await self._run(partial(self._sql.tokens.of_hash, hash_=hash_))

    async def tokens(self) -> list[Token]:
        return await self._run(self._sql.tokens.all_of_them)

    async def revoke_token(self, name: str) -> bool:
        return await self._write(partial(self._sql.tokens.revoke, name=name))

    async def caps_of(self, principal: str, unit: Unit) -> tuple[int | None, int | None]:
        return await self._run(partial(self._sql.tokens.caps_of, principal=principal, unit=unit))
