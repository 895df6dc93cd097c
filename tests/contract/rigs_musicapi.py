"""The rigs of the two MusicAPI products."""

from __future__ import annotations

from dataclasses import replace

from contract.rig import SAMPLES, work
from contract.wire_rig import Example, Said, WireRig
from emulators import musicapi
from fermata_mcp.providers.musicapi import producer as musicapi_producer
from fermata_mcp.providers.musicapi import sonic as musicapi_sonic

_SONIC, _PRODUCER = "/api/v1/sonic/create", "/api/v1/producer/create"
_LINK = "https://audio.test/a.mp3"


MUSICAPI_SONIC = WireRig(
    name="musicapi-sonic",
    kinds=frozenset({"url", "task", "clip"}),
    adapter=musicapi_sonic.SonicAdapter,
    emulator=musicapi.musicapi,
    variables=("MUSICAPI_API_KEY", "MUSICAPI_BASE_URL"),
    sources={"clip": work(source_clip="clip-1"), "url": work(source_url=_LINK)},
    full={"continue_at": 10.0, "style": "ambient"},
    wire={
        "continue_at": "continue_at", "prompt": "gpt_description_prompt", "lyrics": "prompt", "style": "tags",
        "exclude_style": "negative_tags", "title": "title", "model": "mv", "instrumental": "make_instrumental",
        "vocal_gender": "vocal_gender", "style_weight": "style_weight", "weirdness": "weirdness_constraint",
        "audio_weight": "audio_weight",
    },
    examples=(
        Example(
            work(source_clip="YOUR_CLIP_ID"), _SONIC,
            {"task_type": "extend_music", "continue_clip_id": "YOUR_CLIP_ID", "mv": "sonic-v5"},
        ),
        Example(
            work(action="concat", source_clip="c-2"), _SONIC,
            {"task_type": "concat_music", "continue_clip_id": "c-2"},
        ),
        Example(
            work(source_clip="c-src-1", continue_at=58.5,
                 fields={"lyrics": "[Bridge]\nnew words", "style": "warm piano, slow", "title": "Dawn II",
                         "style_weight": 0.7, "instrumental": False}),
            _SONIC,
            {"task_type": "extend_music", "continue_clip_id": "c-src-1", "continue_at": 58.5, "custom_mode": True,
             "mv": "sonic-v5", "prompt": "[Bridge]\nnew words", "tags": "warm piano, slow", "title": "Dawn II",
             "style_weight": 0.7, "make_instrumental": False, "use_suno_cdn": False},
        ),
        Example(
            work(source_url=_LINK, source_seconds=60.0), "/api/v1/sonic/upload-extend",
            {"url": _LINK, "auto_concat": True, "mv": "sonic-v5", "custom_mode": False, "continue_at": 60},
        ),
    ),
    refusals={
        400: ("invalid_request", False), 401: ("authentication_failed", False),
        402: ("insufficient_credits", False), 403: ("content_rejected", False), 404: ("unknown_track", False),
        410: ("not_supported", False), 413: ("too_large", False), 429: ("rate_limited", True),
    },
    busy=429,
    accepted=lambda remote_id: {"message": "success", "task_id": remote_id},
    said=(
        Said("403 credits", 403, {"message": "credits are not enough"}, "insufficient_credits"),
        Said("403 moderation", 403, {"error": "lyrics name an artist"}, "content_rejected"),
        Said("validation", 400, {"code": 400, "error": "mv missing", "type": "validation_error"}, "invalid_request"),
        Said("not ready", 202, {"code": 202, "type": "not_ready", "error": "still processing"}, None),
    ),
    samples=SAMPLES | {"model": ("sonic-v4-5", "sonic-v6")},
    written={
        kind: {"duration_as": kind} for kind in ("number", "string", "null", "integer", "milliseconds")
    },
    endings={
        "failed": ("failed", "generation_failed"),
        "rejected": ("failed", "content_rejected"),
        "504": ("failed", "generation_failed"),
        "one_failed": ("succeeded", None),
    },
    final_looks=frozenset({504}),
    uploads=False,
)  # fmt: skip
MUSICAPI_PRODUCER = replace(
    MUSICAPI_SONIC,
    name="musicapi-producer",
    adapter=musicapi_producer.ProducerAdapter,
    sources={"clip": work(source_clip="clip-1", continue_at=18.0)},
    full={"continue_at": 10.0, "style": "ambient"},
    wire={
        "continue_at": "starts_at", "add_seconds": "length", "prompt": "instruction", "lyrics": "lyrics",
        "style": "sound", "title": "title", "model": "mv",
    },
    examples=(
        Example(
            work(source_clip="abc123xyz789", continue_at=45.0, add_seconds=30.0,
                 fields={"prompt": "Add soaring violin strings and an uplifting orchestral build with increasing "
                                   "intensity. Conclude with a triumphant final chord."}),
            _PRODUCER,
            {"task_type": "extend_music", "clip_id": "abc123xyz789", "starts_at": 45,
             "instruction": "Add soaring violin strings and an uplifting orchestral build with increasing intensity. "
                            "Conclude with a triumphant final chord.",
             "length": 30},
        ),
        Example(
            work(source_clip="p-1", source_seconds=60.0), _PRODUCER,
            {"task_type": "extend_music", "clip_id": "p-1", "starts_at": 58},
        ),
        Example(work(action="upload", source_url=_LINK), "/api/v1/producer/upload", {"audio_url": _LINK}),
    ),
    samples=SAMPLES | {"model": ("Lyria 3 Pro", "FUZZ-2.0")},
    endings={name: end for name, end in MUSICAPI_SONIC.endings.items() if name != "one_failed"},
    final_looks=frozenset({504, 410}),
    clips=1,
)  # fmt: skip
RIGS = (
    MUSICAPI_SONIC,
    MUSICAPI_PRODUCER,
)
