"""The rig of fal, by its default model: what the others are sent is in its unit tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from contract.rig import SAMPLES, work
from contract.wire_rig import ORIGIN, Example, Said, WireBench, WireRig, bench
from emulators.fal import Fal
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import ProviderContext
from fermata_mcp.providers.fal.fal import FalAdapter
from fermata_mcp.providers.fal.spec import MODELS

_LINK = "https://host.example/a.mp3"
_PATH = "/fal-ai/ace-step/audio-outpaint"
_ALWAYS = {"extend_before_duration": 0, "seed": 7001}


@dataclass(frozen=True, kw_only=True)
class FalRig(WireRig):
    """Each field is sent to a model that takes it; two that are one text there are told apart."""

    def context(self, url: str = ORIGIN, **more: Any) -> ProviderContext:
        return super().context(url, trusted_hosts=("localhost", "localhost:80"), **more)

    def given(self, work: Work, fields: Mapping[str, Any]) -> Work:
        if not {"exclude_style", "model"} & fields.keys():
            return super().given(work, fields)
        bare = work.model_copy(update={"add_seconds": None, "fields": {}})
        return super().given(bare, {"model": "stable-audio", **fields})

    def bench(self) -> AbstractAsyncContextManager[WireBench]:
        return told_apart(self)


class FalBench(WireBench):
    """See `FalRig`. Where new music starts is the end of what is sent, and in no field."""

    async def arrived(self, work: Work) -> Mapping[str, Any]:
        told: dict[str, Any] = {**await super().arrived(work), "continue_at": work.continue_at}
        if "model" in work.fields and "exclude_style" not in work.fields:
            return {
                "model": next(name for name, one in MODELS.items() if self.emulator.seen[-1].path == f"/{one.path}")
            }
        if "prompt" in work.fields:
            told["tags"], _, told["prompt"] = told["tags"].partition(", ")
        if "instrumental" in work.fields:
            told["instrumental"] = told.pop("lyrics", None) == "[inst]"
        return told


@asynccontextmanager
async def told_apart(rig: FalRig) -> AsyncGenerator[WireBench]:
    async with bench(rig) as made:
        yield FalBench(made.provider, rig, made.emulator, made.client)


FAL = FalRig(
    name="fal",
    kinds=frozenset({"file", "url", "task"}),
    adapter=FalAdapter,
    emulator=Fal,
    variables=("FAL_KEY", "FAL_BASE_URL", "FAL_UPLOAD_URL"),
    sources={"url": work(source_url=_LINK)},
    full={"add_seconds": 10.0, "style": "ambient"},
    wire={
        "add_seconds": "extend_after_duration", "style": "tags", "prompt": "prompt", "lyrics": "lyrics",
        "instrumental": "instrumental", "continue_at": "continue_at", "exclude_style": "negative_prompt",
        "model": "model",
    },
    examples=(
        Example(
            work(source_url=_LINK, add_seconds=45, fields={"style": "warm piano"}), _PATH,
            {"audio_url": _LINK, "tags": "warm piano", "extend_after_duration": 45, **_ALWAYS},
        ),
    ),
    refusals={
        400: ("invalid_request", False), 401: ("authentication_failed", False), 403: ("authentication_failed", False),
        404: ("not_supported", False), 422: ("invalid_request", False), 429: ("rate_limited", True),
    },
    busy=429,
    in_body=False,
    accepted=lambda remote_id: {"request_id": remote_id},
    id_prefix="fal-ai/ace-step|",
    said=(
        Said("no money", 403, {"detail": "User is locked. Reason: Exhausted balance."}, "insufficient_credits"),
        Said("a list of reasons", 422, {"detail": [{"loc": ["body", "tags"], "msg": "too long"}]}, "invalid_request"),
        Said("its own failure", 500, {"detail": "oops"}, None),
        Said("a gateway", 502, {"detail": "bad gateway"}, None),
    ),
    samples=SAMPLES | {"model": ("ace-step", "stable-audio")},
    native={"number_of_steps": 7},
    bare=True,
    besides={"exclude_style": {"model": "stable-audio"}},
    written={"null": {}},
    stages=3,
    endings={
        "failed": ("failed", "generation_failed"),
        "rejected": ("failed", "content_rejected"),
        "no audio": ("failed", "generation_failed"),
    },
    unknown_id="fal-ai/ace-step|" + "0" * 32,
    stops=True,
    clips=1,
    balance=False,
)  # fmt: skip
RIGS = (FAL,)
