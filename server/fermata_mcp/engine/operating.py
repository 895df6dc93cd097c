"""What those who run a server ask of it: whether it can serve, and how much there is of everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import anyio

from fermata_mcp.config import Settings
from fermata_mcp.domain.errors import FermataError
from fermata_mcp.domain.task import TASK_STATUSES, TaskStatus
from fermata_mcp.engine.watching.meter import Meter
from fermata_mcp.providers.registry import Registry
from fermata_mcp.store.base import Store

from .clock import Clock
from .hooks import Hooks
from .progress import Changes

CHECK_SECONDS = 2.0
# Whoever asks more often hears the same again.
CHECK_AGAIN_SECONDS = 1.0
COUNT_AGAIN_SECONDS = 10.0
# Counting the finished looks at an index of all of them: a tenth of a second for a million.
COUNT_FINISHED_AGAIN_SECONDS = 60.0

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Figures:
    """How much there is.

    Attributes:
        tasks: In the store, of all principals, by status; all zero where it could not be asked.
        queued_seconds: How long the step has waited that is due and has waited longest.
        renders: Local renders that this process carries out.
        waiters: Calls that wait in this process.
    """

    tasks: Mapping[TaskStatus, int]
    queued_seconds: float
    renders: int
    waiters: int


class Operating:
    """See the module. `meter` holds what this process has counted, `hooks` hears what providers post."""

    def __init__(
        self, store: Store, registry: Registry, changes: Changes, settings: Settings, clock: Clock, meter: Meter,
        hooks: Hooks,
    ) -> None:  # fmt: skip
        self.meter, self.hooks = meter, hooks
        self._store, self._registry, self._changes = store, registry, changes
        self._settings, self._clock = settings, clock
        self._checks: dict[str, Check] = {"store": store.check}
        self._turn = anyio.Lock()
        self._checked: tuple[float, tuple[str, ...]] | None = None
        self._counted = dict[str, float]()
        self._tasks: dict[TaskStatus, int] = dict.fromkeys(TASK_STATUSES, 0)
        self._queued_seconds = 0.0

    def also_check(self, name: str, check: Check) -> None:
        """Count this server as ready only where `check` raises no FermataError, too."""
        self._checks[name] = check

    async def troubles(self) -> tuple[str, ...]:
        """Why it cannot serve now, a line each, without anything that is secret; () where it can."""
        if self._changes.draining.is_set():
            return ("it is leaving",)
        async with self._turn:
            now = self._clock.monotonic()
            if self._checked is None or now >= self._checked[0] + CHECK_AGAIN_SECONDS:
                found = [await _trouble(name, check) for name, check in self._checks.items()]
                self._checked = self._clock.monotonic(), tuple(filter(None, found))
        return ("it is leaving",) if self._changes.draining.is_set() else self._checked[1]

    async def figures(self) -> Figures:
        """As they were a few seconds ago at most; of finished tasks a minute ago."""
        async with self._turn:
            await self._count("open", COUNT_AGAIN_SECONDS, self._count_open)
            await self._count("finished", COUNT_FINISHED_AGAIN_SECONDS, self._count_finished)
        return Figures(dict(self._tasks), self._queued_seconds, self._registry.renders(), self._changes.waiters)

    async def _count(self, what: str, again: float, count: Check) -> None:
        now = self._clock.monotonic()
        if now < self._counted.get(what, -again) + again:
            return
        with anyio.move_on_after(CHECK_SECONDS):
            try:
                await count()
                self._counted[what] = now
            except FermataError:
                return

    async def _count_open(self) -> None:
        now = self._clock.now()
        told = await self._store.count_open()
        since = await self._store.queued_since(now=now)
        self._tasks |= {status: told.get(status, 0) for status in ("queued", "running", "unknown")}
        self._queued_seconds = 0.0 if since is None else max(0.0, (now - since) / 1000)

    async def _count_finished(self) -> None:
        told = await self._store.count_finished()
        self._tasks |= {status: told.get(status, 0) for status in ("succeeded", "partial", "failed", "cancelled")}


async def _trouble(name: str, check: Check) -> str | None:
    with anyio.move_on_after(CHECK_SECONDS):
        try:
            await check()
        except FermataError as error:
            return f"{name}: {error.message}"
        else:
            return None
    return f"{name}: no answer within {CHECK_SECONDS:g} s"
