"""Whole engines and whole servers in a temporary folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent

from fermata_mcp.app import running_app
from fermata_mcp.config import Settings
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.domain.requests.request import ExtendRequest
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.lifespan import running_engine
from fermata_mcp.engine.service import Service
from fermata_mcp.store.opening import DATABASE
from fermata_mcp.store.sqlite.store import SqliteStore

from .accounts import settings_with
from .asked import extend
from .clocks import ShiftedClock

PATIENCE = 180.0  # seconds until an engine counts as hung


def settings_in(folder: Path, **fields: Any) -> Settings:
    """Settings with every folder under `folder`, and provider waits a hundred times shorter than real ones."""
    base: dict[str, Any] = {"data_dir": folder / "data", "output_dir": folder / "out", "time_scale": 0.001}
    return settings_with(**(base | fields))


class MortalStore(SqliteStore):
    """A store whose disk may be full, whose process may die, and whose writes others may overtake.

    Attributes:
        dead: From now on nothing is written any more, whatever the engine still tries.
        full_for: So many further changes find no room; intents to submit always do.
        before_apply: Happens once, just before the next change is carried out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.dead = False
        self.full_for = 0
        self.before_apply: Callable[[Change], Awaitable[None]] | None = None

    async def release(self, home: str, *, now: int, interrupted: Sequence[str] = ()) -> None:
        if not self.dead:
            await super().release(home, now=now, interrupted=interrupted)

    async def apply(self, change: Change, *, now: int) -> bool:
        if self.dead:
            return False
        if self.full_for and change.new_attempt is None:
            self.full_for -= 1
            raise StoreUnavailable("the disk is full; nothing was recorded.")
        if self.before_apply is not None:
            first, self.before_apply = self.before_apply, None
            await first(change)
        return await super().apply(change, now=now)


@dataclass
class House:
    """A folder with music in it, and the engines that work there."""

    folder: Path
    track: Path
    time: ShiftedClock = field(default_factory=ShiftedClock)

    def store(self) -> MortalStore:
        return MortalStore(self.folder / "data" / DATABASE)

    @asynccontextmanager
    async def engine(self, store: SqliteStore | None = None, **settings: Any) -> AsyncGenerator[Service]:
        chosen = settings_in(self.folder, **settings)
        store = store or self.store()
        async with running_engine(chosen, store, input_roots=None, clock=self.time.clock()) as service:
            yield service

    @asynccontextmanager
    async def server(self, mode: str = "auto", **settings: Any) -> AsyncGenerator[Client]:
        chosen = settings_in(self.folder, **settings)
        async with running_app(chosen, callers_are_local=True) as app, Client(app.server, mode=mode) as client:
            yield client

    def request(self, **fields: Any) -> ExtendRequest:
        return extend(**({"source": str(self.track), "provider": "paid"} | fields))


async def finished(service: Service, task: Task, seconds: float = PATIENCE) -> Task:
    """The task as it is once nothing more happens by itself; in real seconds, whatever a test skips."""
    with anyio.move_on_after(seconds):
        return await service.wait(task.id, 10**9, no_report)
    task = await service.get(task.id)
    raise AssertionError(f"still {task.status}: {task.message}")


async def no_report(_: Task) -> None:
    """What a waiter says who does not care for progress."""


async def is_step(service: Service, task: Task, state: str) -> bool:
    """Whether the last step of the task is in `state` now."""
    return (await service.get(task.id)).steps[-1].state == state


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Return as soon as `holds`; fail when it does not in time."""
    with anyio.fail_after(seconds):
        while not await holds():  # noqa: ASYNC110  (what is waited for is in a database)
            await anyio.sleep(0.01)


def text_of(result: CallToolResult) -> str:
    return cast(TextContent, result.content[0]).text
