"""The rigs of kie: its job door, and its older one, which speaks the dialect of sunoapi with other codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contract.rig import SAMPLES, work
from contract.rigs_suno import SUNOAPI
from contract.wire_rig import Example, Said
from emulators import market
from fermata_mcp.providers.suno import kie, kie_classic

_CREATE = "/api/v1/jobs/createTask"
_LINK = "https://audio.test/a.mp3"


def _input(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body["input"]


def _accepted(remote_id: str) -> Any:
    return {"code": 200, "msg": "success", "data": {"recordId": remote_id}}


_SAID = (
    Said("code as text", 200, {"code": "402", "msg": "no", "data": None}, "insufficient_credits"),
    Said("success without data", 200, {"code": 200, "msg": "success", "data": None}, None),
    Said("failed and refunded", 200, {"code": 531, "msg": "failed", "data": None}, "generation_failed"),
    Said("failed at once", 200, {"code": 501, "msg": "failed", "data": {"taskId": "t-1"}}, "generation_failed"),
    Said("429 and money", 200, {"code": 429, "msg": "credits insufficient"}, "insufficient_credits"),
    *(said for said in SUNOAPI.said if said.status == 403),
)
_DAWN = {
    "continue_at": 58, "lyrics": "[Verse]\nnew words", "style": "warm piano", "title": "Dawn II",
}  # fmt: skip

KIE_CLASSIC = replace(
    SUNOAPI,
    name="kie",
    label="kie-classic",
    adapter=kie_classic.KieClassicAdapter,
    emulator=market.kie,
    variables=("KIE_API_KEY", "KIE_BASE_URL", "KIE_UPLOAD_URL"),
    refusals={**SUNOAPI.refusals, 404: ("unknown_track", False), 405: ("invalid_request", False),
              413: ("content_rejected", False), 429: ("rate_limited", True), 430: ("invalid_request", False),
              433: ("insufficient_credits", False), 505: ("provider_unavailable", False)},
    in_http={},
    busy=429,
    said=_SAID,
)  # fmt: skip
KIE = replace(
    KIE_CLASSIC,
    label="",
    adapter=kie.KieAdapter,
    callback=None,
    wire={
        "prompt": "prompt", "lyrics": "lyrics", "style": "style", "title": "title", "continue_at": "continue_at",
        "model": "model", "exclude_style": "negative_tags", "vocal_gender": "vocal_gender",
        "style_weight": "style_weight", "weirdness": "weirdness_constraint", "audio_weight": "audio_weight",
        "persona_id": "persona_id", "instrumental": "instrumental",
    },
    only_for={},
    alone=frozenset({"instrumental"}),
    samples=SAMPLES | {"model": ("V6_MINI", "V6_WILD")},
    inner=_input,
    id_prefix=kie_classic.JOB,
    charges=True,
    accepted=_accepted,
    examples=(
        Example(
            work(source_clip="a-1", continue_at=58,
                 fields={name: value for name, value in _DAWN.items() if name != "continue_at"}),
            _CREATE,
            {"model": "ai-music-api/extend", "input": {"audio_id": "a-1", "model": "V6", **_DAWN}},
        ),
        Example(
            work(source_clip="a-1"), _CREATE,
            {"model": "ai-music-api/extend", "input": {"audio_id": "a-1", "model": "V6"}},
        ),
        Example(
            work(source_clip="a-1", fields={"model": "V5", "instrumental": True}), _CREATE,
            {"model": "ai-music-api/extend", "input": {"audio_id": "a-1", "model": "V5", "instrumental": True}},
        ),
        Example(
            work(source_url=_LINK, continue_at=12.5, fields={"style": "jazz", "title": "On", "prompt": "softer"}),
            _CREATE,
            {"model": "ai-music-api/upload-and-extend-audio",
             "input": {"upload_url": _LINK, "model": "V6", "continue_at": 12.5, "style": "jazz", "title": "On",
                       "prompt": "softer"}},
        ),
    ),
    endings={
        "GENERATE_AUDIO_FAILED": ("failed", "generation_failed"),
        "SENSITIVE_WORD_ERROR": ("failed", "content_rejected"),
        "KNOWN_WORK": ("failed", "content_rejected"),
        "ONE_FAILED": ("succeeded", None),
    },
)  # fmt: skip
RIGS = (
    KIE,
    KIE_CLASSIC,
)
