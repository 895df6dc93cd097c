"""Tells everybody who waits that a task has changed, in this process or in another."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.store.base import Elsewhere, Store

# While nothing can be heard, waiters look for themselves this often.
DEAF_SECONDS = 2.0

Listener = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Looker:
    """Who looks by himself what is different, where a store cannot say what another process has written."""

    wanted: Callable[[], bool]
    look: Callable[[], Awaitable[None]]


logger = logging.getLogger(__name__)


class Changes:
    """Fan-out of task changes. `draining` is set when the program is about to end: every wait then ends too."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, set[anyio.Event]] = defaultdict(set)
        self._anyone = anyio.Event()
        self._listeners: list[Listener] = []
        self._leaving: list[Callable[[], None]] = []
        self._workers: list[Callable[[], None]] = []
        self._lookers: list[Looker] = []
        self.draining = anyio.Event()

    @property
    def waiters(self) -> int:
        """How many calls wait here for a change."""
        return sum(map(len, self._waiting.values()))

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the id of every task whose status changes here, or that is told to look otherwise."""
        self._listeners.append(listener)

    def look_by(self, looker: Looker) -> None:
        """Have it look whenever any task may look otherwise, for as long as it wants to; see `looks_are_wanted`."""
        self._lookers.append(looker)

    def looks_are_wanted(self) -> None:
        """Somebody follows tasks from now on, without waiting for them here."""
        self._anyone.set()

    def when_work_comes(self, call: Callable[[], None]) -> None:
        """Call this when another process has left something to do to whoever is there."""
        self._workers.append(call)

    def before_leaving(self, call: Callable[[], None]) -> None:
        """Call this when the program is about to end."""
        self._leaving.append(call)

    async def status_changed(self, task_id: str) -> None:
        self.changed(task_id)
        await self._tell_listeners(task_id)

    async def _tell_listeners(self, task_id: str) -> None:
        for listener in self._listeners:
            try:
                await listener(task_id)
            except Exception:  # a listener's trouble is not the task's
                logger.exception("a listener to task changes failed")

    def changed(self, task_id: str) -> None:
        for event in self._waiting.get(task_id, ()):
            event.set()

    def drain(self) -> None:
        self.draining.set()
        for call in self._leaving:
            call()
        for task_id in list(self._waiting):
            self.changed(task_id)

    @contextmanager
    def next_change(self, task_id: str) -> Generator[anyio.Event]:
        """An event that is set by the first change after this is entered."""
        event = anyio.Event()
        self._waiting[task_id].add(event)
        self._anyone.set()
        try:
            yield event
        finally:
            self._waiting[task_id].discard(event)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    async def watch_other_processes(self) -> None:
        """Wake the waiters when another process has written, and whoever carries out work when there may be some."""
        while True:
            if not (self._waiting or self._store.tells_unasked or any(one.wanted() for one in self._lookers)):
                self._anyone = anyio.Event()
                await self._anyone.wait()
            try:
                await self._pass_on(await self._store.elsewhere())
            except FermataError:
                await anyio.sleep(DEAF_SECONDS)
                await self._pass_on(Elsewhere(tasks=None, work=False))

    async def _pass_on(self, written: Elsewhere) -> None:
        told = list(self._waiting) if written.tasks is None else written.tasks.intersection(self._waiting)
        for task_id in told:
            self.changed(task_id)
        for call in self._workers if written.work else ():
            call()
        for task_id in written.tasks or ():
            await self._tell_listeners(task_id)
        for looker in self._lookers if written.tasks is None else ():
            try:
                await looker.look()
            except FermataError as error:
                logger.warning("what another process has written cannot be told now: %s", error.message)
