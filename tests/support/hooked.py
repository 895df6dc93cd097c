"""An engine on an emulated provider whose posts really reach it, over HTTP on the loopback."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette

from emulators.base import Emulator, Job
from emulators.posts import Post, Stage, post_of
from fermata_mcp.domain.task import Task
from fermata_mcp.store.sqlite.store import SqliteStore
from fermata_mcp.transports.sockets import listening_sockets
from fermata_mcp.transports.web.hooks import hook_routes

from .engines import House, eventually
from .paid import Paid
from .shop import Shop, quick, trading

# Nobody looks by himself while a test lasts.
NEVER = 500.0


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        return


@dataclass
class Hooked(Shop):
    """A shop whose provider posts.

    `before` are the looks before its newest task was taken on, such as one at the clip that it continues.
    """

    before: int = 0

    @property
    def job(self) -> Job:
        """The newest work."""
        return list(self.emulator.jobs.values())[-1]

    def looks(self) -> int:
        return sum(seen.kind == "poll" for seen in self.emulator.seen) - self.before

    def fates(self) -> dict[str, int]:
        """What became of posts, whoever they were about."""
        told: dict[str, int] = {}
        for (_, fate), count in self.service.operating.meter.hooks.items():
            told[fate] = told.get(fate, 0) + count
        return told

    async def post(self, stage: Stage = "complete") -> None:
        await self.send(post_of(self.emulator, self.job, stage))

    async def send(self, post: Post) -> None:
        """Post, and return once it was heard, whatever came of it."""
        before = sum(self.fates().values())
        assert await post.send() == 200

        async def was_heard() -> bool:
            return sum(self.fates().values()) > before

        await eventually(was_heard, 30)

    async def waiting(self) -> Task:
        """A task whose provider is at work."""
        task = await self.start()
        await self.until(task, "waiting")
        self.before += self.looks()
        return task

    async def until(self, task: Task, state: str) -> None:
        async def is_there() -> bool:
            return (await self.service.get(task.id)).steps[-1].state == state

        await eventually(is_there, 30)

    async def looked(self, times: int) -> None:
        """Return once there were so many looks."""

        async def enough() -> bool:
            return self.looks() >= times

        await eventually(enough, 30)


@asynccontextmanager
async def hooked(
    house: House, paid: Paid, *, emulator: Emulator | None = None, store: SqliteStore | None = None,
    time_scale: float = NEVER, uploads: bool = False, **settings: Any,
) -> AsyncGenerator[Hooked]:  # fmt: skip
    """A provider, an engine that never looks by itself, and a door for its posts."""
    emulator = emulator or quick(paid)
    (listening,) = listening_sockets("127.0.0.1", 0)
    public = f"http://127.0.0.1:{listening.getsockname()[1]}"
    given: dict[str, Any] = {"public_url": public, "time_scale": time_scale} | settings
    async with trading(house, paid.family, emulator, uploads=uploads, store=store, **given) as (service, _):
        app = Starlette(routes=hook_routes(service.operating.hooks.post))
        server = _Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listening])
            try:
                yield Hooked(paid, house, service, emulator)
            finally:
                server.should_exit = True  # uvicorn closes what it listens on
