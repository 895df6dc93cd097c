"""Scenarios in which this side is in trouble: disks, clocks, networks, bugs, people in a hurry."""

from __future__ import annotations

from typing import Any

import anyio

from emulators.audio import origin
from emulators.faults import Fault
from emulators.suno import SunoEmulator
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.spec import Rate
from fermata_mcp.domain.task import Clip
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.suno.common import SunoAdapter
from support.engines import MortalStore

from .scenarios import SKIPPED_SECONDS, SOURCE_SECONDS, faulty, knob, scenario
from .stage import Stage, set_spec

NOWHERE = "http://127.0.0.1:9"
BROKEN = frozenset({"succeeded", "failed"})


def readings(*odd: Snapshot) -> None:
    """What the next answers to looks are taken for in this process."""
    left, read = list(odd), SunoAdapter.read_poll

    def read_poll(adapter: SunoAdapter, answer: Any, remote_id: str) -> Snapshot | None:
        return left.pop(0) if left else read(adapter, answer, remote_id)

    patched: Any = SunoAdapter
    patched.read_poll = read_poll


def half(far: SunoEmulator) -> None:
    far.outcome = "NEVER"
    far.host_audio("half", origin("half", SOURCE_SECONDS))


class ForgetfulStore(MortalStore):
    """Attributes: `broken` further calls meet a bug, if `turns` says that looks (False) or submits (True) do."""

    broken = 0
    urgent = True

    async def take_turn(self, account_id: str, rate: Rate, *, urgent: bool, now: int) -> int:
        if self.broken and urgent == self.urgent:
            self.broken -= 1
            raise ZeroDivisionError
        return await super().take_turn(account_id, rate, urgent=urgent, now=now)


def forgetful(stage: Stage, *, urgent: bool) -> ForgetfulStore:
    store = ForgetfulStore(stage.folder / "data" / "fermata.db")
    store.broken, store.urgent = 1, urgent
    return store


@scenario(tasks=2)
async def crowded(stage: Stage) -> None:
    """The account's turns are used up, for submits and for looks."""
    set_spec(rate=Rate(1, 0.2))
    async with stage.engine() as service:
        first, second = await stage.start(service), await stage.start(service, source="clip:other")
        await stage.over(service, first)
        await stage.over(service, second)


@scenario()
async def disk_full_for_a_while(stage: Stage) -> None:
    store = stage.house.store()
    async with stage.engine(store) as service:
        store.full_for = 2
        await stage.run(service)


@scenario()
async def unreachable_at_first(stage: Stage) -> None:
    """Nothing listens there; once something does, the same task is sent."""
    async with stage.engine(sunoapi_base_url=NOWHERE) as service:
        task = await stage.start(service)
        while (await service.get(task.id)).steps[-1].attempt_id is None:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        await stage.until(service, task, "queued")
    async with stage.engine() as service:
        await stage.over(service, task)


@scenario(ends=BROKEN)
async def unreachable_too_long(stage: Stage) -> None:
    async with stage.engine(sunoapi_upload_url=NOWHERE) as service:
        task = await stage.start(service, source="file")
        while not (await service.get(task.id)).steps[-1].error_streak:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        stage.time.skip(SKIPPED_SECONDS)
        await stage.over(service, task)


@scenario()
async def overslept(stage: Stage) -> None:
    """The machine is suspended between the intent and the request, for less than the lease."""
    store = stage.house.store()

    async def suspended(change: Change) -> None:
        stage.time.skip(50 if change.new_attempt else 0)
        if change.new_attempt is None:
            store.before_apply = suspended

    async with stage.engine(store, time_scale=0.1) as service:
        store.before_apply = suspended
        await stage.run(service)


@scenario(ends=BROKEN)
async def a_bug_before_sending(stage: Stage) -> None:
    async with stage.engine(forgetful(stage, urgent=True)) as service:
        await stage.run(service)


@scenario()
async def a_bug_while_looking(stage: Stage) -> None:
    async with stage.engine(forgetful(stage, urgent=False)) as service:
        await stage.run(service)


@scenario(ends=BROKEN)
async def the_source_vanishes(stage: Stage) -> None:
    async with stage.engine(sunoapi_upload_url=NOWHERE) as service:
        task = await stage.start(service, source="file")
        stage.house.track.unlink()
        await stage.over(service, task)


@scenario(ends=BROKEN)
async def the_provider_is_gone(stage: Stage) -> None:
    """A package that brought a provider is removed while its task is queued."""
    async with stage.engine(sunoapi_base_url=NOWHERE, time_scale=0.1) as service:
        task = await stage.start(service)
        while (await service.get(task.id)).steps[-1].attempt_id is None:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        await stage.until(service, task, "queued")
    stage.edit("UPDATE task SET provider = 'gone'")
    async with stage.engine() as service:
        await stage.over(service, task)


def done_but_not_told(far: SunoEmulator) -> None:
    far.ready_after_polls = 0
    far.script("poll", Fault.answer(500, "no"))


@scenario(prepare=done_but_not_told)
async def asked_for_again(stage: Stage) -> None:
    await _wanted_after_all(stage)


@scenario(prepare=knob(ready_after_polls=0))
async def not_done_for_long(stage: Stage) -> None:
    readings(Snapshot("running"))
    await _wanted_after_all(stage)


async def _wanted_after_all(stage: Stage) -> None:
    """It takes longer than anything did; later somebody wants it after all."""
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "waiting")
        stage.time.skip(SKIPPED_SECONDS)
        await stage.until(service, task, "expired")
        await stage.over(service, task)


@scenario(ends=BROKEN | {"cancelled"}, prepare=faulty("poll", 500, 99))
async def cancelled_and_never_seen_again(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "waiting")
        await service.cancel(task.id)
        stage.time.skip(SKIPPED_SECONDS)
        await stage.over(service, task)


@scenario()
async def done_without_audio(stage: Stage) -> None:
    readings(Snapshot("succeeded"))
    async with stage.engine() as service:
        await stage.run(service)


@scenario(ends=BROKEN | {"running"}, prepare=half)
async def never_quite_done(stage: Stage) -> None:
    """One clip is there, the other never comes: after a while the one has to do."""
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "waiting")
        stage.time.skip(SKIPPED_SECONDS)
        readings(Snapshot("running", clips=(Clip(provider_clip_id="c", url=f"{stage.url}/audio/half.wav"),)))
        await stage.over(service, task)


@scenario(prepare=knob(busy=1))
async def due_while_it_is_handled(stage: Stage) -> None:
    """Somebody who listens is so slow that the step falls due again before its handling is over."""

    async def slow(_: str) -> None:
        await anyio.sleep(0.3)

    async with stage.engine() as service:
        service.changes.listen(slow)
        await stage.run(service)


@scenario(prepare=knob(load=0.3))
async def claimed_while_it_is_saved(stage: Stage) -> None:
    """Saving outlasts the claim; when it is over there is nothing left to do."""
    async with stage.engine() as service:
        task = await stage.start(service)
        while not (stage.folder / "data" / "audio").exists():  # noqa: ASYNC110  (another task makes it)
            await anyio.sleep(0.01)
        stage.time.skip(45)
        await stage.over(service, task)
