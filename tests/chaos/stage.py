"""What a scenario of `kills.py` has at hand in its process: engines on one folder that reach one emulator."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import anyio
import apsw

from fermata_mcp.config import Settings
from fermata_mcp.domain.spec import ProviderSpec, Rate
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.store.opening import DATABASE
from fermata_mcp.store.sqlite.file import Sql
from fermata_mcp.store.sqlite.store import SqliteStore
from support.asked import begin, chain, extend
from support.engines import House, settings_in

TOLD = "told"
OBJECTS = "objects"
PATIENCE = 180.0
# Nobody sleeps longer than this for others; what is promised does not depend on it.
SLEEPS = {
    "LONGEST_SLEEP_SECONDS": 0.03, "FOREIGN_LOOK_SECONDS": 0.03, "FEWEST_POLLS": 0,
    "LONGEST_LATE_BACKOFF_SECONDS": 10.0,
}  # fmt: skip
HEAD_START = {"HEAD_START_SECONDS": 0.01}
TIME_SCALE = 0.01
A_WHILE = 0.3
# A name with two addresses; the far side is at the first.
NAMED_HOST = "tracks.test"


@dataclass
class Stage:
    """One process's view. `settings` are added to those of every engine; audio may lie in a folder that all share."""

    folder: Path
    url: str
    provider: str
    family: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    shares_audio: bool = False

    def __post_init__(self) -> None:
        self.house = House(self.folder, self.folder / "song.wav")
        self.time = self.house.time

    def chosen(self, **more: Any) -> dict[str, Any]:
        key = "fal_key" if self.family == "fal" else f"{self.family}_api_key"
        base = {key: "emulator-key", f"{self.family}_base_url": self.url}
        base |= {f"{self.family}_upload_url": self.url}
        shared = {"output_url": (self.folder / OBJECTS).as_uri()} if self.shares_audio else {}
        return {"time_scale": TIME_SCALE, **base, **shared, **self.settings, **more}

    @asynccontextmanager
    async def engine(self, store: SqliteStore | None = None, **more: Any) -> AsyncGenerator[Service]:
        async with self.house.engine(store, **self.chosen(**more)) as service:
            yield service

    def all_settings(self) -> Settings:
        return settings_in(self.folder, **self.chosen())

    async def start(self, service: Service, **fields: Any) -> Task:
        """Ask for an extension, or for a chain where there is a `target_seconds`; the id is noted once it was told.

        The sources "file", "link" and "named link" stand for the track of this folder, and for one at the far side.
        """
        asked = {"source": "clip:seed", "provider": self.provider} | fields
        asked["source"] = self._places().get(asked["source"], asked["source"])
        request = chain(**asked) if "target_seconds" in asked else extend(**asked)
        task = (await begin(service, request)).task
        note(self.folder / TOLD, task.id)
        return task

    def _places(self) -> dict[str, str]:
        link = f"{self.url}/audio/linked.wav"
        named = link.replace("127.0.0.1", NAMED_HOST)
        return {"file": str(self.house.track), "link": link, "named link": named}

    async def run(self, service: Service, **fields: Any) -> Task:
        """Start, and wait until nothing more happens by itself."""
        return await self.over(service, await self.start(service, **fields))

    async def over(self, service: Service, task: Task) -> Task:
        with anyio.fail_after(PATIENCE):
            await service.wait(task.id, A_WHILE, _quiet)
            await self.until(service, task, None)
        return await service.get(task.id)

    def edit(self, sql: str) -> None:
        """Change the rows behind the program's back."""
        edit(self.folder, sql)

    async def until(self, service: Service, task: Task, state: str | None) -> Task:
        """Return once the last step is in `state`, or, without one, when no step is to be looked at again."""
        with anyio.fail_after(PATIENCE):
            while True:
                task = await service.get(task.id)
                step = task.steps[-1]
                if step.state == state or (state is None and all(one.due_at is None for one in task.steps)):
                    return task
                await anyio.sleep(0.01)


async def _quiet(_: Task) -> None:
    return


async def settled(stage: Stage, service: Service) -> None:
    """Return when every task is over or waits for a person."""
    for task in (await service.tasks(None, None, 100, None)).tasks:
        await stage.over(service, task)


def edit(folder: Path, sql: str) -> None:
    connection = cast(Sql, apsw.Connection(str(folder / "data" / DATABASE)))
    connection.set_busy_timeout(10_000)
    connection.execute(sql)
    connection.close()


def note(file: Path, line: str) -> None:
    """One line that is kept when this process dies right after."""
    out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, f"{line}\n".encode())
    os.close(out)


def hurry(*, at_once: bool) -> None:
    """Short naps, and providers whose work is done soon. Leases, deadlines and graces stay as they are."""
    for name, seconds in (SLEEPS | (HEAD_START if at_once else {})).items():
        everywhere(name, seconds)
    set_spec(rate=Rate(2000, 1))
    _know_the_named_host()


def everywhere(name: str, value: float) -> None:
    """Give a constant of the product another value in this process."""
    holders = [one for key, one in sys.modules.items() if key.startswith("fermata_mcp.") and hasattr(one, name)]
    assert holders, f"nothing is called {name} any more"
    for holder in holders:
        setattr(holder, name, value)


def _know_the_named_host() -> None:
    resolve: Any = anyio.getaddrinfo

    async def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        if host != NAMED_HOST:
            return await resolve(host, port, **more)
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.1", "127.0.0.2")]

    anyio.getaddrinfo = getaddrinfo


def set_spec(**more: Any) -> None:
    """Providers made from now on have other facts than documented."""
    made = HttpProvider.__init__

    def make(self: HttpProvider, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        spec: ProviderSpec = self.spec
        self.spec = replace(spec, pace=replace(spec.pace, first=5, interval=3), **more)

    HttpProvider.__init__ = make
