"""The rigs of sa3: one for each build of its server."""

from __future__ import annotations

import io
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import soundfile

from contract.rig import Bench, Rig, seconds_arrived, work
from emulators.sa3 import RATE, Sa3
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.sa3.sa3 import Sa3Adapter
from fermata_mcp.providers.sa3.spec import SPEC
from support.accounts import context_of

SENT_SECONDS, PATH = 8.0, "/srv/audio-in/sent.wav"
BUILDS = {"lenient": "K", "checking": "N"}


def sound() -> bytes:
    out = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(round(SENT_SECONDS * RATE)) / 20)
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    write(out, np.stack([wave, wave], axis=1), RATE, format="WAV", subtype="PCM_16")
    return out.getvalue()


@dataclass
class Sa3Bench(Bench):
    """A real provider in front of an emulator of its server, which has the file already."""

    rig: Sa3Rig
    emulator: Sa3

    @property
    def work(self) -> Work:
        return work(source_url=PATH, sent_seconds=SENT_SECONDS, add_seconds=4.0, dialect=self.rig.dialect)

    def end_as(self, outcome: str) -> None:
        self.emulator.outcome = outcome

    def begin_slowly(self) -> None:
        self.emulator.ready_after_polls = 2

    async def length_of(self, clip: Clip) -> float:
        return await seconds_arrived(clip)

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        """A window that ends elsewhere is another file; samples are told without those that were sent."""
        sent = SENT_SECONDS if work.continue_at is None else work.continue_at
        added = self.work.add_seconds if work.add_seconds is None else work.add_seconds
        given = {"fields": work.fields, "sent_seconds": sent, "add_seconds": added}
        await self.submitted(self.work.model_copy(update=given))
        body = list(self.emulator.jobs.values())[-1].body
        return body | {"target_samples": body["target_samples"] - round(sent * RATE)}


@dataclass(frozen=True, kw_only=True)
class Sa3Rig(Rig):
    """A server that people run themselves: neither key nor money."""

    dialect: str

    @property
    def spec(self) -> ProviderSpec:
        return SPEC

    @property
    def key_variable(self) -> None:
        return None

    def as_sent(self, name: str, value: Any) -> Any:
        """By the words of its documentation: the frame before the last three, rounded up to."""
        if name == "continue_at":
            return round(float(np.float32((4096 * (int(value * RATE / 4096) - 3) - 2) / RATE)), 6)
        return round(value * RATE) if name == "add_seconds" else value

    def bench(self) -> AbstractAsyncContextManager[Sa3Bench]:
        return sa3_bench(self)


@asynccontextmanager
async def sa3_bench(rig: Sa3Rig) -> AsyncGenerator[Sa3Bench]:
    emulator = Sa3()
    emulator.apply_script({"set": {"build": BUILDS[rig.dialect]}})
    emulator.pool[PATH] = sound()
    with tempfile.TemporaryDirectory() as folder:
        context = replace(context_of(SPEC, sa3_base_url="http://emulator.test"), data_dir=Path(folder))
        provider = HttpProvider(Sa3Adapter(), context, httpx.ASGITransport(app=emulator.app))
        try:
            yield Sa3Bench(provider, rig, emulator)
        finally:
            await provider.aclose()
    assert emulator.violations == []


FAILS = ("failed", "generation_failed")
OLDER = Sa3Rig(
    name="sa3",
    kinds=frozenset({"file", "url", "task"}),
    dialect="lenient",
    sources={"file": work()},
    full={},
    wire={"continue_at": "inpaint_start", "add_seconds": "target_samples", "prompt": "prompt", "style": "prompt"},
    switches=frozenset({"inpaint_end", "duration"}),
    endings={"failed": FAILS, "short read": FAILS, "no file": FAILS},
    unlisted="lost",
    clips=1,
    balance=False,
)
RIGS = (OLDER, replace(OLDER, label="sa3 that checks", dialect="checking"))
