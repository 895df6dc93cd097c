"""Scenarios in which paid work is finished and its audio is not there, not in place, or not to be compared yet."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import Request, urlopen

import anyio
import anyio.to_thread

from emulators.base import Emulator
from emulators.faults import Fault
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Task, Work
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.local.provider import LocalProvider
from fermata_mcp.store.opening import DATABASE
from fermata_mcp.store.sqlite.store import SqliteStore

from .scenarios import SKIPPED_SECONDS, knob, scenario, simple
from .scenarios_bad import BROKEN, readings
from .scenarios_far import FAILED, TWO_LINKS, linked
from .scenarios_local import SHORT, SLOW
from .stage import NAMED_HOST, Stage, everywhere

TRUSTED = {"trusted_hosts": (NAMED_HOST,)}
CHOSEN = {"continue_at": 3.5, "prompt": "go on", "style": "calm", "title": "Song"}
OFTEN = 99


def elsewhere_first(far: Emulator) -> None:
    """The first extension comes back as a part, the next as the whole of what it went on from."""
    linked(far)
    far.extend_returns = "other way round"


def away_at_first(far: Emulator) -> None:
    """The link cannot be read while the task begins, and can when its result is there."""
    linked(far)
    far.script("audio", Fault.answer(503, "later"), 2)


def never_listed(far: Emulator) -> None:
    far.script("submit", Fault.answer(200, {"code": 200, "msg": "success", "data": {"taskId": "one"}}))


simple("nobody named the provider", {"provider": None})
simple("asked as older hosts want it", {"source": "clip:genseed/0"}, provider="apiin",
       prepare=knob(feed_query="workId"))  # fmt: skip
simple("asked as newer hosts want it", {"source": "clip:genseed/0"}, provider="apiin")
simple("compared twice", {"source": "named link"} | TWO_LINKS, prepare=elsewhere_first, settings=TRUSTED)
simple("the source comes later", {"source": "named link"}, prepare=away_at_first, settings=TRUSTED)


async def made(service: Service, task: Task) -> None:
    """Return once the provider is known to be done."""
    while (await service.get(task.id)).steps[-1].made_at is None:  # noqa: ASYNC110  (it is in a database)
        await anyio.sleep(0.01)


@scenario(prepare=knob(late_links=8))
async def audio_comes_behind_the_end(stage: Stage) -> None:
    """The task is over without its audio, which the engine goes on asking for by itself."""
    async with stage.engine() as service:
        task = await stage.start(service)
        await made(service, task)
        stage.time.skip(SKIPPED_SECONDS)
        await stage.over(service, task)


@scenario(prepare=knob(late_links=6))
async def audio_comes_when_it_is_asked_for(stage: Stage) -> None:
    """The task is over without its audio, which a person asks for before the engine does."""
    async with stage.engine() as service:
        task = await stage.start(service)
        await made(service, task)
        stage.time.skip(SKIPPED_SECONDS)
        while not (await service.get(task.id)).finished:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        while any(clip.missing for clip in (await service.get(task.id)).clips):
            await service.with_missing_audio(await service.get(task.id))
        await stage.over(service, task)


@scenario(ends=BROKEN)
async def audio_never_comes(stage: Stage) -> None:
    """Done, it is said, but nobody ever names a clip."""
    readings(*[Snapshot("succeeded")] * OFTEN)
    async with stage.engine() as service:
        task = await stage.start(service)
        await made(service, task)
        stage.time.skip(SKIPPED_SECONDS)
        await stage.over(service, task)


@scenario(ends=FAILED, prepare=never_listed, loses=True)
async def taken_on_and_never_listed(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        while not (await service.get(task.id)).steps[-1].polls:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        stage.time.skip(2)
        await stage.over(service, task)


@scenario(prepare=knob(extend_returns="segment", adds_seconds=3.0))
async def the_source_breaks_before_it_is_joined(stage: Stage) -> None:
    """What was to be put before the new part is no audio any more: the part is kept as it came."""
    async with stage.engine() as service:
        task = await stage.start(service, source="file", **CHOSEN)
        await stage.until(service, task, "waiting")
        stage.house.track.write_bytes(b"RIFF and nothing else")
        await stage.over(service, task)


@scenario(prepare=linked, settings=TRUSTED)
async def asked_again_when_the_link_is_dead(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.run(service, source="named link")
        fault = {"kind": "audio", "status": 404, "body": "gone", "times": OFTEN}
        await anyio.to_thread.run_sync(script, stage.url, {"faults": [fault]})
        assert (await stage.start(service, source="named link")).id == task.id


def script(url: str, wanted: dict[str, Any]) -> None:
    urlopen(Request(f"{url}/_emulator/script", json.dumps(wanted).encode(), method="POST")).close()


@scenario(tasks=0)
async def a_link_that_leads_home(stage: Stage) -> None:
    """It is refused before there is anything to pay."""
    async with stage.engine() as service:
        try:
            await stage.start(service, source=f"https://{NAMED_HOST}/song.wav")
        except InvalidRequest:
            return
        raise AssertionError("a link to this machine was taken")


@scenario(provider="local", ends=frozenset({"succeeded", "cancelled"}))
async def local_cancelled_when_it_is_done(stage: Stage) -> None:
    """Free work is finished, and before it is delivered somebody does not want it any more."""
    begun, find = list[Task](), LocalProvider.poll

    async with stage.engine() as service, anyio.create_task_group() as group:

        async def poll(provider: LocalProvider, remote_id: str, work: Work) -> Snapshot:
            found = await find(provider, remote_id, work)
            if found.state == "succeeded" and begun:
                group.start_soon(service.cancel, begun[0].id)
                while (await service.get(begun[0].id)).cancel_at is None:  # noqa: ASYNC110  (it is in a database)
                    await anyio.sleep(0.01)
            return found

        patched: Any = LocalProvider
        patched.poll = poll
        begun.append(await stage.start(service, **SHORT))
        await stage.over(service, begun[0])


@scenario(provider="local", ends=frozenset({"succeeded", "cancelled"}))
async def local_does_not_hear(stage: Stage) -> None:
    """A worker that does not leave in time is killed."""
    everywhere("LEAVE_SECONDS", 0.0)
    async with stage.engine() as service:
        task = await stage.start(service, **SLOW)
        await stage.until(service, task, "waiting")
        await anyio.sleep(0.05)
        await service.cancel(task.id)
        await stage.over(service, task)


@scenario()
async def the_clock_is_set_back(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "waiting")
        stage.time.skip(-SKIPPED_SECONDS)
        await stage.over(service, task)


@scenario(prepare=knob(pause=0.15))
async def the_clock_is_put_forward(stage: Stage) -> None:
    """While a request is on its way, which keeps its lease."""
    store = SqliteStore(stage.folder / "data" / DATABASE, steady=time.monotonic)
    async with stage.engine(store) as service:
        task = await stage.start(service)
        await stage.until(service, task, "submitting")
        stage.time.skip(2)
        await stage.over(service, task)
