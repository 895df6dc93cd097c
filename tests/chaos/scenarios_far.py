"""Scenarios of paid work on days when the far side does what it should, and on days when it does not."""

from __future__ import annotations

import anyio

from emulators.audio import origin
from emulators.base import Emulator
from emulators.faults import Fault

from .scenarios import ADDS_SECONDS, SKIPPED_SECONDS, SOURCE_SECONDS, faulty, knob, scenario, simple
from .stage import NAMED_HOST, Stage

FAILED = frozenset({"failed"})
TWO_LINKS = {"target_seconds": SOURCE_SECONDS + 2 * ADDS_SECONDS, "max_steps": 2}


def linked(far: Emulator) -> None:
    far.host_audio("linked", origin("linked", SOURCE_SECONDS))
    far.extend_returns = "segment"


def lost(far: Emulator) -> None:
    """The request is carried out and charged, its answer never comes."""
    far.script("submit", Fault.wire("reset"))


def known_id(far: Emulator) -> None:
    """Two submits are told the id of one task, which is never listed."""
    far.script("submit", Fault.answer(200, {"code": 200, "msg": "success", "data": {"taskId": "one"}}), 2)


simple("extend")
simple("upload", {"source": "file"})
simple("chain", {"stitch": "never"} | TWO_LINKS)
simple("joined here", {"source": "file"}, prepare=knob(extend_returns="segment"))
simple("joined to a link", {"source": "named link"}, prepare=linked, settings={"trusted_hosts": (NAMED_HOST,)})
simple("joined there", provider="musicapi-sonic", prepare=knob(extend_returns="segment"))
simple("uploaded as a step", {"source": "link"}, provider="musicapi-producer", prepare=linked)
simple("too fast once", prepare=knob(busy=1))
simple("looks fail", prepare=faulty("poll", 500, 2))
simple("audio comes late", prepare=faulty("audio", 503, 3))
simple("uploads fail twice", {"source": "file"}, prepare=faulty("upload", 500, 2))
simple("uploads fail", {"source": "file"}, repeated=False, ends=FAILED, prepare=faulty("upload", 500, 99))
simple("refused", repeated=False, ends=FAILED, prepare=faulty("submit", 400, 9))
simple("failed", repeated=False, ends=FAILED, prepare=knob(outcome="GENERATE_AUDIO_FAILED"))
simple(
    "failed and refunded", {"continue_at": 3}, provider="musicapi-producer", repeated=False, ends=FAILED,
    prepare=knob(outcome="failed"),
)  # fmt: skip
simple("no answer", prepare=lost, loses=True)
simple("one answer too few", TWO_LINKS, prepare=lost, loses=True)
simple("over the day's cap", repeated=False, ends=FAILED, settings={"max_credits_per_day": 5})


@scenario(ends=FAILED | {"running"}, prepare=known_id, loses=True, tasks=2)
async def one_id_for_two(stage: Stage) -> None:
    async with stage.engine() as service:
        first = await stage.start(service)
        await stage.until(service, first, "waiting")
        await stage.run(service, source="clip:other")
        stage.time.skip(SKIPPED_SECONDS)
        await stage.over(service, first)


@scenario(ends=frozenset({"succeeded", "failed"}), prepare=lost, loses=True)
async def given_up(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.run(service)
        await service.resolve(task.id, "check")
        await service.resolve(task.id, "give_up")


@scenario(prepare=lost, loses=True, words=1)
async def sent_again_on_a_word(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.run(service)
        await service.resolve(task.id, "resubmit")
        await stage.until(service, task, "succeeded")


@scenario(prepare=faulty("audio", 503, 12))
async def audio_fetched_later(stage: Stage) -> None:
    """All tries in vain: the links are kept, and a later question fetches what is there by then."""
    async with stage.engine() as service:
        task = await stage.run(service)
        for _ in range(4):
            await service.fetch_missing(task.id)


@scenario(ends=frozenset({"succeeded", "cancelled"}), settings={"time_scale": 0.1})
async def cancelled_while_it_is_made(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "waiting")
        await service.cancel(task.id)
        await stage.over(service, task)


@scenario(ends=frozenset({"succeeded", "cancelled"}), prepare=knob(busy=1), settings={"time_scale": 0.1})
async def cancelled_before_it_is_sent(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "queued")
        while (await service.get(task.id)).steps[-1].attempt_id is None:  # noqa: ASYNC110  (it is in a database)
            await anyio.sleep(0.01)
        await stage.until(service, task, "queued")
        await service.cancel(task.id)


@scenario(ends=frozenset({"succeeded", "cancelled"}), prepare=knob(busy=1, pause=0.2))
async def cancelled_while_it_is_refused(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "submitting")
        await service.cancel(task.id)
        await stage.over(service, task)


@scenario(prepare=knob(pause=0.15))
async def left_while_it_is_sent(stage: Stage) -> None:
    """The program ends properly, hears the answer first, and another takes the work over."""
    async with stage.engine() as service:
        task = await stage.start(service)
        await stage.until(service, task, "submitting")
    async with stage.engine() as service:
        await stage.over(service, task)


@scenario(tasks=2)
async def two_at_once(stage: Stage) -> None:
    """Two copies on one folder; each hears of what the other does."""
    async with stage.engine() as one, stage.engine() as other:
        first, second = await stage.start(one), await stage.start(other, source="clip:other")
        await stage.over(other, first)
        await stage.over(one, second)
