"""The rig of sunoapi."""

from __future__ import annotations

from contract.rig import CALLBACK, KINDS, SAMPLES, work
from contract.wire_rig import Example, Said, WireRig
from emulators import suno
from fermata_mcp.providers.suno import sunoapi

_EXTEND, _UPLOAD = "/api/v1/generate/extend", "/api/v1/generate/upload-extend"
_SUNO_EXAMPLES = (
    Example(
        work(
            source_clip="5c79****be8e", continue_at=60,
            fields={
                "prompt": "Extend the music with more relaxing notes", "style": "Classical",
                "title": "Peaceful Piano Extended", "model": "V3_5", "exclude_style": "Relaxing Piano",
                "vocal_gender": "m", "style_weight": 0.65, "weirdness": 0.65, "audio_weight": 0.65,
            },
        ),
        _EXTEND,
        {
            "defaultParamFlag": True, "audioId": "5c79****be8e", "prompt": "Extend the music with more relaxing notes",
            "style": "Classical", "title": "Peaceful Piano Extended", "continueAt": 60, "model": "V3_5",
            "negativeTags": "Relaxing Piano", "vocalGender": "m", "styleWeight": 0.65, "weirdnessConstraint": 0.65,
            "audioWeight": 0.65, "callBackUrl": CALLBACK,
        },
    ),
    Example(
        work(source_clip="e231****8cadc7dc", fields={"model": "V4_5ALL"}), _EXTEND,
        {"defaultParamFlag": False, "audioId": "e231****8cadc7dc", "model": "V4_5ALL", "callBackUrl": CALLBACK},
    ),
    Example(
        work(source_clip="e231****8cadc7dc"), _EXTEND,
        {"defaultParamFlag": False, "audioId": "e231****8cadc7dc", "model": "V5", "callBackUrl": CALLBACK},
    ),
    Example(
        work(source_url="https://audio.test/a.mp3", fields={"model": "V5"}), _UPLOAD,
        {"defaultParamFlag": False, "uploadUrl": "https://audio.test/a.mp3", "model": "V5", "callBackUrl": CALLBACK},
    ),
)  # fmt: skip


SUNOAPI = WireRig(
    name="sunoapi",
    kinds=frozenset(KINDS),
    adapter=sunoapi.SunoapiAdapter,
    callback=CALLBACK,
    emulator=suno.sunoapi,
    variables=("SUNOAPI_API_KEY", "SUNOAPI_BASE_URL", "SUNOAPI_UPLOAD_URL"),
    sources={"clip": work(source_clip="clip-1"), "url": work(source_url="https://audio.test/a.mp3")},
    full={"continue_at": 10.0, "prompt": "go on", "style": "ambient", "title": "On"},
    wire={
        "prompt": "prompt", "lyrics": "prompt", "style": "style", "title": "title", "continue_at": "continueAt",
        "model": "model", "exclude_style": "negativeTags", "vocal_gender": "vocalGender",
        "style_weight": "styleWeight", "weirdness": "weirdnessConstraint", "audio_weight": "audioWeight",
        "persona_id": "personaId", "instrumental": "instrumental",
    },
    only_for={"instrumental": frozenset({"url"})},
    examples=_SUNO_EXAMPLES,
    refusals={
        400: ("invalid_request", False), 401: ("authentication_failed", False),
        402: ("insufficient_credits", False), 403: ("authentication_failed", False), 404: ("invalid_request", False),
        405: ("rate_limited", True), 409: ("invalid_request", False), 413: ("invalid_request", False),
        422: ("invalid_request", False), 429: ("insufficient_credits", False), 430: ("rate_limited", True),
        451: ("invalid_request", False), 455: ("provider_unavailable", True),
    },
    in_http={429: ("rate_limited", True)},
    busy=430,
    accepted=lambda remote_id: {"code": 200, "msg": "success", "data": {"taskId": remote_id}},
    said=(
        Said("code as text", 200, {"code": "429", "msg": "no", "data": None}, "insufficient_credits"),
        Said("success without data", 200, {"code": 200, "msg": "success", "data": None}, None),
        Said("failure of the generation", 200, {"code": 531, "msg": "failed", "data": None}, None),
        Said("403 credits", 403, {"code": 403, "msg": "credits are not enough"}, "authentication_failed"),
        Said("403 moderation", 403, {"code": 403, "msg": "lyrics name an artist"}, "authentication_failed"),
    ),
    samples=SAMPLES | {"model": ("V4", "V6")},
    written={kind: {"written": kind} for kind in ("number", "string", "null")},
    endings={
        "CREATE_TASK_FAILED": ("failed", "generation_failed"),
        "GENERATE_AUDIO_FAILED": ("failed", "generation_failed"),
        "SENSITIVE_WORD_ERROR": ("failed", "content_rejected"),
        "GENERATION_TIMEOUT": ("failed", "generation_failed"),
        "CALLBACK_EXCEPTION": ("succeeded", None),
        "ONE_FAILED": ("succeeded", None),
    },
)  # fmt: skip
RIGS = (SUNOAPI,)
