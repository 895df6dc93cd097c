"""Scenarios of free work, of repeated requests, and of everything that only reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from fermata_mcp.domain.errors import Cancelled
from fermata_mcp.domain.task import Task, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.local.provider import LocalProvider

from .scenarios import scenario
from .stage import Stage

SHORT = {"provider": "local", "source": "file", "add_seconds": 4}
WORKER_ENDS_SECONDS = 0.5
SLOW = SHORT | {"add_seconds": 1200}


@scenario(provider="local")
async def local(stage: Stage) -> None:
    async with stage.engine() as service:
        await stage.run(service, **SHORT)
        await anyio.sleep(WORKER_ENDS_SECONDS)


@scenario(provider="local", ends=frozenset({"succeeded", "cancelled"}))
async def local_stopped_by_others(stage: Stage) -> None:
    """The provider says that its work was stopped, though nobody here has asked for it."""

    async def poll(provider: LocalProvider, remote_id: str, work: Work) -> Snapshot:
        return Snapshot("failed", error=Cancelled("the work was stopped."))

    patched: Any = LocalProvider
    patched.poll = poll
    async with stage.engine() as service:
        await stage.run(service, **SHORT)


@scenario(provider="local", ends=frozenset({"succeeded", "cancelled"}))
async def local_stopped(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service, **SLOW)
        await stage.until(service, task, "waiting")
        await anyio.sleep(0.05)
        await service.cancel(task.id)


@scenario(provider="local")
async def local_taken_over(stage: Stage) -> None:
    """The program leaves in the middle; the next one finds nothing of the work, and does it again."""
    async with stage.engine() as service:
        task = await stage.start(service, **SHORT)
        await stage.until(service, task, "waiting")
    async with stage.engine() as service:
        await stage.over(service, task)


@scenario(provider="local", tasks=3)
async def not_that_join(stage: Stage) -> None:
    """A join that is not wanted again, said of the source and of the result."""
    async with stage.engine() as service:
        task = await stage.run(service, **SHORT)
        avoid = {"avoid": [task.clips[0].seams[0].at]}
        await stage.run(service, **SHORT | {"options": avoid})
        await stage.run(service, provider="local", source=task.id, options=avoid)


@scenario(provider="local", ends=frozenset({"failed"}))
async def local_crashes(stage: Stage) -> None:
    """The file is no longer audio by the time that the worker reads it."""
    async with stage.engine() as service:
        task = await stage.start(service, **SHORT)
        stage.house.track.write_bytes(b"RIFF and nothing else")
        await stage.over(service, task)
        await anyio.sleep(WORKER_ENDS_SECONDS)


@scenario(tasks=2, words=1, removed=1)
async def asked_again(stage: Stage) -> None:
    """The same request twice, the second time when its audio is gone: that is made, and paid, anew."""
    async with stage.engine() as service:
        task = await stage.run(service)
        assert (await stage.start(service)).id == task.id
        remove(task)
        await stage.run(service)


@scenario(tasks=4, words=1)
async def sources_of_all_kinds(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.run(service)
        clip = task.clips[0].provider_clip_id
        await stage.run(service, source=f"clip:{clip}", take=2)
        await stage.run(service, source=task.id, take=3)
        await stage.run(service, **SHORT | {"source": f"{task.id}/1"})


@scenario()
async def only_reading(stage: Stage) -> None:
    store = stage.house.store()
    await store.open()
    async with stage.engine(store) as service:
        task = await stage.run(service)
        await service.credits(None)
        await service.clip_of(task.id, 0)
        await service.tasks(None, None, 10, None)
        await service.ids_like("tsk_")


def remove(task: Task) -> None:
    assert task.audio is not None
    Path(task.audio.file or "").unlink()
