"""What happens in the lives that `kills.py` cuts short: between them they pass every point of the product.

Each scenario has a far side, an emulator that the harness serves, and an act, which runs in a process that may die.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response

from emulators.acestep import AceStepCpp
from emulators.apiin import Apiin
from emulators.base import Asked, Emulator, Op, Seen
from emulators.elevenlabs import ElevenLabs
from emulators.fal import Fal
from emulators.faults import Fault, Kind
from emulators.musicapi import MusicApi
from emulators.suno import SUNOAPI, SunoEmulator, envelope

from .stage import Stage

Act = Callable[[Stage], Awaitable[None]]
OK = frozenset({"succeeded"})
# More than any time limit of the work of these scenarios, and the most that any of them lets pass at once.
SKIPPED_SECONDS = 60
SOURCE_SECONDS, ADDS_SECONDS = 4.0, 6.0


class SlowSuno(SunoEmulator):
    """Takes its time.

    Attributes:
        pause: Seconds before and after a submit is carried out.
        load: Seconds before audio is sent.
        busy: So many first submits are too many.
    """

    pause = 0.0
    load = 0.0
    busy = 0

    async def _answer(self, op: Op, request: Request, seen: Seen) -> Response:
        pause = {"submit": self.pause, "audio": self.load}.get(op.kind, 0.0)
        await anyio.sleep(pause)
        answer = await super()._answer(op, request, seen)
        await anyio.sleep(pause)
        return answer

    def _extend(self, asked: Asked) -> Response:
        if self.busy:
            self.busy -= 1
            return envelope(self.codes.too_fast, "Your call frequency is too high. Please try again later.")
        return super()._extend(asked)


FAR_SIDES: dict[str, Callable[[], Emulator]] = {
    "sunoapi": lambda: SlowSuno(SUNOAPI),
    "musicapi": MusicApi,
    "apiin": lambda: Apiin(key="emulator-key"),
    "elevenlabs": ElevenLabs,
    "fal": Fal,
    "acestep": AceStepCpp,
}


@dataclass(frozen=True)
class Scenario:
    """
    Attributes:
        ends: How its tasks may end, whatever dies; `unknown` is judged apart.
        far: Makes the far side.
        prepare: What the far side will do wrong.
        settings: For every engine, also the one that finishes the work.
        again: The one request of the scenario, which whoever finishes the work repeats, as clients do.
        loses: An answer is lost without any kill.
        words: How often the same may rightly be paid again: on a person's word, or by another request.
        tasks: How many tasks there may be.
        removed: How often audio is removed by a person.
        shares_audio: Finished audio goes to a folder that several machines share.
    """

    act: Act
    ends: frozenset[str] = OK
    provider: str = "sunoapi"
    prepare: Callable[[Any], object] = lambda _: None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    again: dict[str, Any] | None = None
    loses: bool = False
    words: int = 0
    tasks: int = 1
    removed: int = 0
    shares_audio: bool = False

    @property
    def family(self) -> str:
        return self.provider.partition("-")[0] if self.provider != "local" else "sunoapi"

    def far(self) -> Emulator:
        emulator = FAR_SIDES[self.family]()
        emulator.ready_after_polls = 1
        emulator.source_seconds, emulator.adds_seconds, emulator.audio_format = SOURCE_SECONDS, ADDS_SECONDS, "wav"
        self.prepare(emulator)
        return emulator


SCENARIOS: dict[str, Scenario] = {}


def load_scenarios() -> None:
    """Import every file of scenarios that there is."""
    for file in sorted(Path(__file__).parent.glob("scenarios_*.py")):
        import_module(f"{__package__}.{file.stem}")


def scenario(**facts: Any) -> Callable[[Act], Act]:
    """Add a scenario by the name of its act."""

    def add(act: Act) -> Act:
        SCENARIOS[getattr(act, "__name__").replace("_", " ")] = Scenario(act, **facts)  # noqa: B009
        return act

    return add


def one_task(**request: Any) -> Act:
    """The act of a scenario that starts one task and waits for it."""

    async def act(stage: Stage) -> None:
        async with stage.engine() as service:
            await stage.run(service, **request)

    return act


def simple(name: str, request: dict[str, Any] | None = None, *, repeated: bool = True, **facts: Any) -> None:
    """A scenario of one task. What ended without success is not repeated: it may rightly be paid anew."""
    asked = request or {}
    SCENARIOS[name] = Scenario(one_task(**asked), again=asked if repeated else None, **facts)


def faulty(kind: Kind, status: int, times: int = 1, body: Any = "no") -> Callable[[Emulator], None]:
    """The far side's next answers of a kind."""
    return lambda far: far.script(kind, Fault.answer(status, body), times)


def knob(**values: Any) -> Callable[[Emulator], None]:
    def turn(far: Emulator) -> None:
        for name, value in values.items():
            setattr(far, name, value)

    return turn
