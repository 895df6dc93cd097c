"""The rigs of acestep: one for each build of its servers."""

from __future__ import annotations

import io
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import soundfile

from contract.rig import Bench, Rig, seconds_arrived, work
from emulators.acestep import AceStep, AceStepCpp, AceStepPython
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.acestep.acestep import SPEC, AceStepAdapter
from fermata_mcp.providers.acestep.common import PAIR_SECONDS
from fermata_mcp.providers.http.client import HttpProvider
from support.accounts import context_of

SENT_SECONDS = 8.0
WIRE = {
    "continue_at": "repainting_start", "add_seconds": "repainting_end", "prompt": "prompt", "style": "caption",
    "lyrics": "lyrics", "model": "model",
}  # fmt: skip
# Both are one text on the wire; each build calls some things by names of its own.
CALLED = {"caption": "prompt", "synth_model": "model"}


def sound() -> bytes:
    out = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(round(SENT_SECONDS * 48_000)) / 20)
    soundfile.write(out, np.stack([wave, wave], axis=1), 48_000, format="WAV", subtype="FLOAT")
    return out.getvalue()


@dataclass
class FreeBench(Bench):
    """A real provider in front of an emulator of its server, with a file to send."""

    rig: FreeRig
    emulator: AceStep
    sent: Path

    @property
    def work(self) -> Work:
        return work(
            sent_file=str(self.sent), sent_seconds=SENT_SECONDS, add_seconds=4.0, dialect=self.rig.dialect,
            source_file=str(self.sent),
        )  # fmt: skip

    def end_as(self, outcome: str) -> None:
        self.emulator.outcome = outcome

    def begin_slowly(self) -> None:
        self.emulator.ready_after_polls = 2

    async def length_of(self, clip: Clip) -> float:
        return await seconds_arrived(clip)

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        """By the names of the rig; a window that ends elsewhere is another file."""
        given = self.work.model_copy(update={"fields": work.fields, "add_seconds": work.add_seconds})
        if work.continue_at is not None:
            given = given.model_copy(update={"sent_seconds": work.continue_at})
        await self.submitted(given)
        body = list(self.emulator.jobs.values())[-1].body
        named = {CALLED.get(name, name): value for name, value in body.items()}
        named["caption"] = named["prompt"] if "style" in work.fields else ""
        named["prompt"] = named["prompt"] if "prompt" in work.fields else ""
        named["repainting_end"] = round(float(named["repainting_end"]) - (given.sent_seconds or 0), 3)
        if work.continue_at is not None:  # the end follows from it, rounded up to the grid
            named["repainting_end"] = 0.0
        return named | {"repainting_start": float(named["repainting_start"])}


@dataclass(frozen=True, kw_only=True)
class FreeRig(Rig):
    """A server that people run themselves: no key is needed, and no money."""

    dialect: str
    emulator: Callable[[], AceStep]

    @property
    def spec(self) -> ProviderSpec:
        return SPEC

    @property
    def key_variable(self) -> None:
        return None

    def as_sent(self, name: str, value: Any) -> Any:
        if name == "continue_at":
            return round(max(0.0, value - 4.0) + 0.001, 3)
        return (
            round(np.ceil(round(value / PAIR_SECONDS, 6)) * PAIR_SECONDS + 0.001, 3) if name == "add_seconds" else value
        )

    def bench(self) -> AbstractAsyncContextManager[FreeBench]:
        return free_bench(self)


@asynccontextmanager
async def free_bench(rig: FreeRig) -> AsyncGenerator[FreeBench]:
    emulator = rig.emulator()
    with tempfile.TemporaryDirectory() as folder:
        (sent := Path(folder) / "sent.wav").write_bytes(sound())
        context = replace(context_of(SPEC, acestep_base_url="http://emulator.test"), data_dir=Path(folder))
        provider = HttpProvider(AceStepAdapter(), context, httpx.ASGITransport(app=emulator.app))
        try:
            yield FreeBench(provider, rig, emulator, sent)
        finally:
            await provider.aclose()
    assert emulator.violations == []


def old() -> AceStepPython:
    server = AceStepPython()
    server.build = "K"
    return server


COMMON: dict[str, Any] = {
    "name": "acestep", "kinds": frozenset({"file", "url", "task"}), "wire": WIRE, "sources": {"file": work()},
    "full": {}, "clips": 1, "balance": False,
}  # fmt: skip
FAILS = ("failed", "generation_failed")
PYTHON = FreeRig(
    **COMMON,
    dialect="python",
    emulator=AceStepPython,
    endings={"failed": FAILS, "failed without a reason": FAILS, "no file": FAILS},
)
OLD = replace(PYTHON, label="acestep of February 2026", emulator=old)
CPP = FreeRig(
    **COMMON,
    label="acestep.cpp",
    dialect="cpp",
    emulator=AceStepCpp,
    endings={"failed": FAILS, "no file": FAILS},
    unlisted="lost",
    unknown_id=f"cpp|{'0' * 16}",
    stops=True,
)
RIGS = (PYTHON, OLD, CPP)
