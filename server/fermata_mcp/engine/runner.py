"""Carries steps out: claim what is due, submit once, look at the provider's pace, finish.

There is no recovery code: work that a dead process left behind falls due like any other.
"""

from __future__ import annotations

import logging

import anyio
import anyio.abc

from fermata_mcp.config import Settings
from fermata_mcp.domain.credits import MILLI
from fermata_mcp.domain.errors import (
    Cancelled,
    FermataError,
    GenerationFailed,
    InternalError,
    OverBudget,
    ProviderError,
    StoreUnavailable,
)
from fermata_mcp.domain.task import Change, Step, Task, new_id
from fermata_mcp.providers.base import Accepted, NotSent, Provider, Refused, Submitted
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import SUBMIT_LEASE_MS, Store

from . import moves
from .chain import settle
from .clock import Clock
from .progress import Changes
from .resolve import settle_unknown

AT_ONCE = 64
LONGEST_SLEEP_SECONDS = 1.0
NOT_SENT_RETRY_MS = 5_000
logger = logging.getLogger(__name__)


class Runner:
    """The pump of one process. `home` names the process in the rows that it takes."""

    def __init__(
        self, store: Store, registry: Registry, changes: Changes, settings: Settings, clock: Clock, home: str
    ) -> None:
        self._store = store
        self._registry = registry
        self._changes = changes
        self._settings = settings
        self._clock = clock
        self._home = home
        self._wake = anyio.Event()
        self._steps_of: dict[str, str] = {}
        self._hurried: list[str] = []
        self._busy = 0

    def wake(self) -> None:
        """Look for due work now."""
        self._wake.set()

    def remote_changed(self, remote_id: str) -> None:
        """A provider says that its work is worth a look."""
        step_id = self._steps_of.pop(remote_id, None)
        if step_id is not None:
            self._hurried.append(step_id)
            self.wake()

    async def run(self) -> None:
        async with anyio.create_task_group() as group:
            while True:
                self._wake = anyio.Event()
                await self._take(group)
                await self._sleep()

    async def _take(self, group: anyio.abc.TaskGroup) -> None:
        try:
            while self._hurried:
                await self._store.hasten(self._hurried.pop(), now=self._clock.now())
            steps = await self._store.claim(home=self._home, now=self._clock.now(), limit=AT_ONCE - self._busy)
        except FermataError as error:
            logger.warning("the store cannot be used: %s", error.message)
            return
        for step in steps:
            self._busy += 1
            group.start_soon(self._handle, step)

    async def _sleep(self) -> None:
        with anyio.move_on_after(await self._until_due()):
            await self._wake.wait()

    async def _until_due(self) -> float:
        if self._busy >= AT_ONCE:
            return LONGEST_SLEEP_SECONDS
        try:
            due = await self._store.next_due(home=self._home, now=self._clock.now())
        except FermataError:
            return LONGEST_SLEEP_SECONDS
        if due is None:
            return LONGEST_SLEEP_SECONDS
        return min(LONGEST_SLEEP_SECONDS, max(0.01, (due - self._clock.now()) / 1000))

    async def _handle(self, step: Step) -> None:
        try:
            task = await self._store.get(step.task_id)
            if task is not None:
                await self._advance(step, task)
        except StoreUnavailable as error:
            logger.warning("step %s waits for the store: %s", step.id, error.message)
        except Exception:  # one step's bug must not stop the others
            logger.exception("step %s failed unexpectedly", step.id)
            await self._end_broken(step)
        finally:
            self._busy -= 1
            self.wake()

    async def _end_broken(self, step: Step) -> None:
        if step.state in ("queued", "waiting"):
            await self._apply(step, moves.failed(step, InternalError("the step failed."), self._clock.now(), 0))

    async def _advance(self, step: Step, task: Task) -> None:
        provider = await self._provider(step, task)
        if provider is None:
            return
        match step.state:
            case "queued" if task.cancel_at is not None:
                await self._apply(step, moves.cancelled(step, self._clock.now()))
            case "queued":
                await self._submit(step, task, provider)
            case "unknown":
                await self._apply(step, settle_unknown(step, task, provider.spec, self._clock.now()))
                self.wake()
            case _:
                await self._look(step, task, provider)

    async def _provider(self, step: Step, task: Task) -> Provider | None:
        try:
            return self._registry.get(task.provider)
        except FermataError as error:
            if step.state in ("queued", "waiting"):
                await self._apply(step, moves.failed(step, error, self._clock.now(), task.held))
            return None

    async def _submit(self, step: Step, task: Task, provider: Provider) -> None:
        attempt = new_id("att")
        begun, started = self._clock.now(), self._clock.monotonic()
        price = task.quote.high if task.kind == "extend" else round(provider.spec.price.high * MILLI)
        try:
            if not await self._apply(step, moves.begin(step, attempt, provider.spec, price, self._day_cap(), begun)):
                return
        except OverBudget as error:
            await self._apply(step, moves.failed(step, error, self._clock.now(), 0))
            return
        if self._overslept(begun, started):
            await self._record(step, moves.put_back(step, self._clock.now(), self._clock.now(), price))
            return
        self._steps_of[attempt] = step.id
        outcome = await provider.submit(attempt, step.work)
        await self._record(step, self._outcome(step, outcome, provider, price))

    def _day_cap(self) -> int | None:
        cap = self._settings.max_credits_per_day
        return None if cap is None else round(cap * MILLI)

    def _overslept(self, begun: int, started: float) -> bool:
        """A suspended machine must not send late: others may take the step over once its lease is out."""
        limit = SUBMIT_LEASE_MS / 3 / 1000
        return self._clock.monotonic() - started > limit or (self._clock.now() - begun) / 1000 > limit

    def _outcome(self, step: Step, outcome: Submitted, provider: Provider, hold: int) -> Change:
        now = self._clock.now()
        match outcome:
            case Accepted(remote_id):
                self._steps_of[remote_id] = step.id
                return moves.accepted(step, remote_id, now + self._ms(provider.spec.pace.first), now)
            case Refused(_, retry_after) if retry_after is not None:
                return moves.put_back(step, now + self._ms(retry_after), now, hold)
            case NotSent():
                return moves.put_back(step, now + self._ms(NOT_SENT_RETRY_MS / 1000), now, hold)
            case Refused(error, _):
                return moves.refused(step, error, now, hold)
            case _:
                return moves.unclear(step, outcome.evidence, now)

    async def _record(self, step: Step, change: Change) -> None:
        """Keep trying: what was learned about money must not be lost to a full disk or a lock."""
        wait = 0.1
        while True:
            try:
                await self._apply(step, change)
            except StoreUnavailable as error:
                logger.error("cannot record the outcome of step %s yet (%s); trying again", step.id, error.message)
                await anyio.sleep(wait)
                wait = min(5.0, wait * 2)
            else:
                return

    async def _look(self, step: Step, task: Task, provider: Provider) -> None:
        assert step.remote_id is not None
        self._steps_of[step.remote_id] = step.id
        now = self._clock.now()
        if task.cancel_at is not None and await provider.stop(step.remote_id):
            await self._apply(step, moves.cancelled(step, now))
            return
        try:
            snapshot = await provider.look(step.remote_id, step.work)
        except ProviderError:
            await self._apply(step, moves.look_failed(step, now))
            return
        now = self._clock.now()
        match snapshot.state:
            case "running":
                due = now + self._ms(provider.spec.pace.interval)
                await self._apply(step, moves.still_running(step, snapshot, due))
            case "succeeded":
                await self._record(step, moves.finished(step, snapshot, settle(task, snapshot, now), task.held))
            case "lost" if provider.spec.submit == "repeatable":
                await self._apply(step, moves.put_back(step, now, now, task.held))
            case _:
                error = snapshot.error or GenerationFailed("the provider lost the work.")
                move = moves.cancelled(step, now) if isinstance(error, Cancelled) else None
                await self._apply(step, move or moves.failed(step, error, now, task.held))

    def _ms(self, seconds: float) -> int:
        return round(seconds * 1000 * self._settings.time_scale)

    async def _apply(self, step: Step, change: Change) -> bool:
        done = await self._store.apply(change, now=self._clock.now())
        if done and change.task is not None:
            if "status" in change.task:
                await self._changes.status_changed(step.task_id)
            else:
                self._changes.changed(step.task_id)
        return done
