"""The rig of apiin."""

from __future__ import annotations

from contract.rig import work
from contract.wire_rig import Example, Said, WireRig
from emulators import apiin as apiin_emulator
from fermata_mcp.providers import apiin

_APIIN_TASK = "gen20e094aeaadfe494ea33a5c80ee596083bksv"
_APIIN_INHERIT = {"origin_task_id": _APIIN_TASK, "extend_audio_index": 0, "custom_mode": False}
_APIIN_PROMPT = "Change the music style to be calm and lyrical."

APIIN = WireRig(
    name="apiin",
    kinds=frozenset({"task", "clip"}),
    adapter=apiin.ApiinAdapter,
    emulator=apiin_emulator.Apiin,
    variables=("APIIN_API_KEY", "APIIN_BASE_URL"),
    sources={"clip": work(source_clip="genearlier/1")},
    full={"continue_at": 10.0, "prompt": "go on", "style": "ambient", "title": "On"},
    wire={
        "prompt": "prompt", "lyrics": "prompt", "style": "style", "title": "title", "continue_at": "extensionStartTime",
    },
    examples=(
        Example(work(source_clip=f"{_APIIN_TASK}/0"), "/api/v1/audio/music/extend", _APIIN_INHERIT),
        Example(
            work(
                source_clip=f"{_APIIN_TASK}/0", continue_at=150,
                fields={"prompt": _APIIN_PROMPT, "style": "lyrical", "title": "lyrical song"},
            ),
            "/api/v1/audio/music/extend",
            _APIIN_INHERIT | {
                "custom_mode": True, "prompt": _APIIN_PROMPT, "style": "lyrical", "title": "lyrical song",
                "extensionStartTime": 150,
            },
        ),
    ),
    refusals={
        **dict.fromkeys((400, 403, 405, 409, 410, 413, 422, 430, 433, 451, 455), ("invalid_request", False)),
        401: ("authentication_failed", False), 402: ("insufficient_credits", False), 404: ("unknown_track", False),
        429: ("rate_limited", True),
    },
    busy=429,
    accepted=lambda remote_id: {"task_id": remote_id, "status": "pending"},
    said=(
        Said("an error beside 200", 200, {"error": {"message": "no such origin"}}, "invalid_request"),
        Said("an error in words", 200, {"error": "no such origin"}, "invalid_request"),
        Said("a code of its own", 200, {"error": {"code": 402, "message": "no"}}, "insufficient_credits"),
        Said("a type of its own", 200, {"error": {"type": "authentication_error", "message": "?"}},
             "authentication_failed"),
        Said("its own failure", 200, {"error": {"code": 500, "message": "oops"}}, None),
        Said("an error with an id", 200, {"error": {"type": "?", "message": "no"}, "id": "req_1"}, None),
        Said("envelope", 402, {"error": {"code": 402, "message": "no", "type": "x"}}, "insufficient_credits"),
        Said("403 credits", 403, {"error": {"code": 403, "message": "credits are not enough"}}, "invalid_request"),
        Said("403 moderation", 403, {"error": {"code": 403, "message": "lyrics name an artist"}}, "invalid_request"),
    ),
    written={kind: {"written": kind} for kind in ("number", "string", "null")},
    endings={"failed": ("failed", "generation_failed"), "one_failed": ("succeeded", None)},
    uploads=False,
    balance=False,
)  # fmt: skip
RIGS = (APIIN,)
