"""The rigs of the two AceDataCloud products."""

from __future__ import annotations

from dataclasses import replace

from contract.rig import SAMPLES, work
from contract.wire_rig import Example, Said, WireRig
from emulators.acedata import AceData
from fermata_mcp.providers.acedata.producer import ProducerAdapter
from fermata_mcp.providers.acedata.suno import SunoAdapter

_SUNO, _PRODUCER = "/suno/audios", "/producer/audios"
_LINK = "https://audio.test/a.mp3"


def _error(word: str, said: str) -> dict[str, object]:
    return {"error": {"code": word, "message": said}, "trace_id": "r-1"}


ACEDATA = WireRig(
    name="acedata",
    kinds=frozenset({"url", "task", "clip"}),
    adapter=SunoAdapter,
    emulator=AceData,
    variables=("ACEDATA_API_KEY", "ACEDATA_BASE_URL"),
    sources={"clip": work(source_clip="clip-1", continue_at=18.0, fields={"instrumental": True})},
    full={"continue_at": 10.0, "lyrics": "la", "style": "ambient"},
    alone=frozenset({"prompt"}),
    switches=frozenset({"custom"}),
    wire={
        "continue_at": "continue_at", "prompt": "prompt", "lyrics": "lyric", "style": "style",
        "exclude_style": "style_negative", "title": "title", "model": "model", "instrumental": "instrumental",
        "vocal_gender": "vocal_gender", "style_weight": "style_influence", "weirdness": "weirdness",
        "audio_weight": "audio_weight", "persona_id": "persona_id",
    },
    examples=(
        Example(
            work(source_clip="a-1", continue_at=58,
                 fields={"lyrics": "[Verse]\nnew words", "style": "warm piano", "title": "Dawn II"}),
            _SUNO,
            {"action": "extend", "audio_id": "a-1", "continue_at": 58, "custom": True, "lyric": "[Verse]\nnew words",
             "style": "warm piano", "title": "Dawn II", "model": "chirp-v5-5", "async": True},
        ),
        Example(
            work(source_clip="a-1", continue_at=58, fields={"prompt": "softer", "model": "chirp-v5"}), _SUNO,
            {"action": "extend", "audio_id": "a-1", "continue_at": 58, "custom": False, "prompt": "softer",
             "model": "chirp-v5", "async": True},
        ),
        Example(
            work(action="concat", source_clip="c-2", fields={"lyrics": "la"}), _SUNO,
            {"action": "concat", "audio_id": "c-2", "async": True},
        ),
    ),
    refusals={
        400: ("invalid_request", False), 401: ("authentication_failed", False), 402: ("insufficient_credits", False),
        403: ("content_rejected", False), 429: ("rate_limited", True),
    },
    busy=429,
    accepted=lambda remote_id: {"task_id": remote_id, "trace_id": "r-1"},
    said=(
        Said("no such clip", 400, _error("bad_request", "the audio_id does not exist"), "unknown_track"),
        Said("protected", 400, _error("bad_request", "uploaded audio matches existing work of art"),
             "content_rejected"),
        Said("too long", 400, _error("bad_request", "title is too long"), "invalid_request"),
        Said("a key for something else", 400, _error("token_mismatched", "not matched with API"),
             "authentication_failed"),
        Said("not offered", 400, _error("api_not_implemented", "not implemented"), "not_supported"),
        Said("403 credits", 403, _error("forbidden", "credits are not enough"), "insufficient_credits"),
        Said("403 moderation", 403, _error("forbidden", "lyrics name an artist"), "content_rejected"),
        Said("an error beside 200", 200, {"success": False, **_error("forbidden", "flagged")}, "content_rejected"),
        Said("too fast beside 200", 200, {"success": False, **_error("too_many_requests", "?")}, "rate_limited"),
        Said("an error with an id", 200, {"task_id": "t-1", **_error("bad_request", "no")}, None),
        Said("its own failure", 500, _error("api_error", "no worker is free"), None),
        Said("too slow", 504, _error("timeout", "the request timed out"), None),
    ),
    samples=SAMPLES | {"model": ("chirp-v4-5", "chirp-v5")},
    written={kind: {"duration_as": kind} for kind in ("number", "string", "null")},
    endings={
        "failed": ("failed", "generation_failed"),
        "rejected": ("failed", "content_rejected"),
        "one_failed": ("succeeded", None),
    },
    uploads=False,
    balance=False,
)  # fmt: skip
ACEDATA_PRODUCER = replace(
    ACEDATA,
    name="acedata-producer",
    adapter=ProducerAdapter,
    sources={"clip": work(source_clip="clip-1", continue_at=18.0)},
    full={"continue_at": 10.0, "lyrics": "la", "style": "ambient"},
    alone=frozenset(),
    wire={"continue_at": "continue_at", "lyrics": "lyric", "style": "style", "model": "model"},
    examples=(
        Example(
            work(source_clip="p-1", continue_at=120.5), _PRODUCER,
            {"action": "extend", "audio_id": "p-1", "continue_at": 120.5, "model": "FUZZ-2.0", "async": True},
        ),
        Example(work(action="upload", source_url=_LINK), "/producer/upload", {"audio_url": _LINK}),
    ),
    samples=SAMPLES | {"model": ("FUZZ-1.0", "FUZZ-2.0 Pro")},
    endings={name: end for name, end in ACEDATA.endings.items() if name != "one_failed"},
    clips=1,
)  # fmt: skip
RIGS = (ACEDATA, ACEDATA_PRODUCER)
