"""Tells everybody who waits that a task has changed, in this process or in another."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio

from fermata_mcp.domain.errors import FermataError
from fermata_mcp.store.base import Store

FOREIGN_LOOK_SECONDS = 0.25

Listener = Callable[[str], Awaitable[None]]
logger = logging.getLogger(__name__)


class Changes:
    """Fan-out of task changes. `draining` is set when the program is about to end: every wait then ends too."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, set[anyio.Event]] = defaultdict(set)
        self._anyone = anyio.Event()
        self._listeners: list[Listener] = []
        self._leaving: list[Callable[[], None]] = []
        self.draining = anyio.Event()

    @property
    def waiters(self) -> int:
        """How many calls wait here for a change."""
        return sum(map(len, self._waiting.values()))

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the id of every task whose status changes here."""
        self._listeners.append(listener)

    def before_leaving(self, call: Callable[[], None]) -> None:
        """Call this when the program is about to end."""
        self._leaving.append(call)

    async def status_changed(self, task_id: str) -> None:
        self.changed(task_id)
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
        """Wake the waiters when another process has written; looks only while somebody waits."""
        while True:
            if not self._waiting:
                self._anyone = anyio.Event()
                await self._anyone.wait()
            await self._look()
            await anyio.sleep(FOREIGN_LOOK_SECONDS)

    async def _look(self) -> None:
        try:
            changed = await self._store.changed_elsewhere()
        except FermataError:
            return
        if changed:
            for task_id in list(self._waiting):
                self.changed(task_id)
