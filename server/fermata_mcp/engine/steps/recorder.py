"""Writes down what becomes of steps, and tells everybody who waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.change import Change, TaskPatch
from fermata_mcp.domain.credits import Entry, Unit, parts_of
from fermata_mcp.domain.errors import FermataError, StoreUnavailable
from fermata_mcp.domain.task import Step, Task
from fermata_mcp.engine.audio.library import Library
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.progress import Changes
from fermata_mcp.engine.watching.decisions import log_decision
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import AlreadyKnown, Store

from . import moves
from .chain import ended_by
from .money import money_of_failure
from .publish import publish, tidy

logger = logging.getLogger(__name__)


class Recorder:
    """The one way in which steps change in the store.

    Args:
        due: Hears when a step that was written falls due, in Unix milliseconds.
        meter: Counts what is booked.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        changes: Changes,
        settings: Settings,
        clock: Clock,
        library: Library,
        due: Callable[[int], None],
        meter: Meter | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._changes = changes
        self._settings = settings
        self._clock = clock
        self._library = library
        self._due = due
        self._meter = meter or Meter()

    async def apply(self, step: Step, change: Change, *, by_person: bool = False) -> bool:
        """Write it once; False if its guard did not hold.

        Args:
            by_person: Whether a person decided it: then all who follow the task hear of it, and not of its status only.
        """
        done = await self._store.apply(change, now=self._clock.now())
        due = change.step.get("due_at") if change.next_step is None else self._clock.now()
        if done:
            unit = self._unit(step.provider)
            log_decision(step.task_id, change, unit)
            self._meter.booked(step.provider, unit, change.entries)
        if done and due is not None:
            self._due(due)
        if done and (by_person or (change.task is not None and "status" in change.task)):
            await self._changes.status_changed(step.task_id)
        elif done and change.task is not None:
            self._changes.changed(step.task_id)
        return done

    async def keep(self, step: Step, change: Change) -> None:
        """Write it however long that takes: what was learned about money must not be lost to a full disk or a lock."""
        wait, as_of_now = 0.1, self._as_of_now(change)
        while True:
            try:
                await self.apply(step, as_of_now())
            except AlreadyKnown:
                raise
            except StoreUnavailable as error:
                logger.error("cannot record the outcome of step %s yet (%s); trying again", step.id, error.message)
                await anyio.sleep(wait)
                wait = min(5.0, wait * 2)
            else:
                return

    def _as_of_now(self, change: Change) -> Callable[[], Change]:
        """The change, due after as much of its wait as is left, whatever the clock is set to meanwhile."""
        due = change.step.get("due_at")
        if due is None:
            return lambda: change
        begun, wait = self._clock.monotonic(), due - self._clock.now()

        def as_of_now() -> Change:
            passed = round(1000 * (self._clock.monotonic() - begun))
            return replace(change, step=change.step | {"due_at": self._clock.now() + wait - passed})

        return as_of_now

    def money_of_end(self, step: Step, task: Task, cost: float | None = None) -> tuple[Entry, ...]:
        """What becomes of the money held for a step that ends without having delivered.

        Args:
            cost: Credits or dollars that the provider says it took, where it says so.
        """
        taken = None if cost is None else parts_of(cost, task.unit)
        return money_of_failure(task.held, taken_on=step.state != "queued", refunds=self._refunds(task), cost=taken)

    async def fail(self, step: Step, task: Task, error: FermataError, cost: float | None = None) -> None:
        money = self.money_of_end(step, task, cost)
        end = await self.conclude(task, error)
        await self.keep(step, moves.failed(step, error, self._clock.now(), money, end))

    def _refunds(self, task: Task) -> bool:
        try:
            return self._registry.spec(task.provider).refunds
        except FermataError:
            return False

    def _unit(self, provider: str) -> Unit:
        """For the log and the metrics; what is booked has the unit of its task."""
        try:
            return self._registry.spec(provider).unit
        except FermataError:
            return "credits"

    async def conclude(self, task: Task, error: FermataError) -> TaskPatch:
        """How a task ends that cannot go on: with what it has delivered so far."""
        patch, _ = await publish(ended_by(task, error, self._clock.now()), (), task, self._library)
        await tidy(task, task.clips, patch.get("audio"), self._library)
        return patch
