"""The rig of elevenlabs: one request, whose answer is the audio."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import httpx2 as httpx

from contract.rig import CANARY, SAMPLES, Bench, Rig, seconds_arrived, work
from emulators.elevenlabs import ElevenLabs
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Made
from fermata_mcp.providers.elevenlabs.elevenlabs import ElevenLabsAdapter
from fermata_mcp.providers.elevenlabs.spec import SPEC
from fermata_mcp.providers.http.client import HttpProvider
from support.accounts import context_of

# What is told together in one text.
TEXTS = ("prompt", "lyrics", "instrumental")


@dataclass
class AtOnceBench(Bench):
    """A real provider in front of its emulator."""

    rig: AtOnceRig
    emulator: ElevenLabs

    @property
    def work(self) -> Work:
        return next(iter(self.rig.sources.values()))

    def end_as(self, outcome: str) -> None:
        self.emulator.outcome = outcome

    def begin_slowly(self) -> None:
        raise AssertionError("it begins and ends with its answer")

    async def length_of(self, clip: Clip) -> float:
        return await seconds_arrived(clip)

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        """By the names of the fields, wherever in the plan they are."""
        assert isinstance(await self.submit(work), Made)
        body: dict[str, Any] = self.emulator.seen[-1].json()
        kept, new = body["composition_plan"]["chunks"]
        told = {name: new.get(name) for name in ("duration_ms", "positive_styles", "negative_styles", "text")}
        return told | {"end_ms": kept["range"]["end_ms"], "model_id": body["model_id"]}


@dataclass(frozen=True, kw_only=True)
class AtOnceRig(Rig):
    """Its account has a header of its own."""

    variables: ClassVar[tuple[str, ...]] = ("ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL")

    @property
    def spec(self) -> ProviderSpec:
        return SPEC

    @property
    def key_variable(self) -> str:
        return self.variables[0]

    def as_sent(self, name: str, value: Any) -> Any:
        match name:
            case "continue_at" | "add_seconds":
                return round(value * 1000)
            case "style" | "exclude_style":
                return [value]
            case "prompt":
                return f"{{{value}}}"
            case "instrumental":
                return "[Instrumental]" if value else ""
            case _:
                return value

    def bench(self) -> AbstractAsyncContextManager[AtOnceBench]:
        return at_once_bench(self)


@asynccontextmanager
async def at_once_bench(rig: AtOnceRig) -> AsyncGenerator[AtOnceBench]:
    emulator = ElevenLabs(CANARY)
    with tempfile.TemporaryDirectory() as folder:
        account: dict[str, Any] = {"elevenlabs_api_key": CANARY, "elevenlabs_base_url": "http://emulator.test"}
        context = replace(context_of(SPEC, **account), data_dir=Path(folder))
        provider = HttpProvider(ElevenLabsAdapter(), context, httpx.ASGITransport(app=emulator.app))
        try:
            yield AtOnceBench(provider, rig, emulator)
        finally:
            await provider.aclose()
    assert emulator.violations == []


ELEVENLABS = AtOnceRig(
    name="elevenlabs",
    kinds=frozenset({"task", "clip"}),
    sources={"clip": work(source_clip="sng-1", continue_at=18.0, add_seconds=4.0, fields={"style": "warm piano"})},
    full={"continue_at": 10.0, "style": "ambient"},
    wire={
        "continue_at": "end_ms", "add_seconds": "duration_ms", "style": "positive_styles",
        "exclude_style": "negative_styles", "model": "model_id", **dict.fromkeys(TEXTS, "text"),
    },
    samples=SAMPLES | {"model": ("music_v2", "music_v2_5")},
    endings={},
    clips=1,
    balance=False,
    at_once=True,
)  # fmt: skip
RIGS = (ELEVENLABS,)
