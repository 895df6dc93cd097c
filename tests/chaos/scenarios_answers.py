"""Scenarios whose answers hold more than an id: the audio itself, or addresses at which to ask further."""

from __future__ import annotations

from emulators.base import Emulator
from emulators.faults import Fault

from .scenarios import ADDS_SECONDS, SOURCE_SECONDS, knob, scenario, simple
from .stage import Stage

PLAN = {"continue_at": SOURCE_SECONDS, "add_seconds": ADDS_SECONDS, "style": "piano"}
MORE = {"source": "file", "add_seconds": ADDS_SECONDS, "style": "piano"}


def half(far: Emulator) -> None:
    """The song is made and charged; its audio breaks off on the way."""
    far.script("submit", Fault.wire("half_body"))


simple("the answer is the audio", PLAN, provider="elevenlabs")
simple("half an answer that is the audio", PLAN, provider="elevenlabs", prepare=half, loses=True)
simple("the file goes along", MORE, provider="acestep")
simple("a look calls for another", MORE, provider="fal", settings={"trusted_hosts": ("localhost",)})


@scenario(provider="acestep", ends=frozenset({"succeeded", "cancelled"}), prepare=knob(ready_after_polls=99))
async def stopped_at_the_far_side(stage: Stage) -> None:
    async with stage.engine() as service:
        task = await stage.start(service, **MORE)
        await stage.until(service, task, "waiting")
        await service.cancel(task.id)
        await stage.over(service, task)
