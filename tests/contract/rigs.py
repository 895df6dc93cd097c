"""One rig per adapter: how to make it, what its documentation says, and its emulator. A new adapter adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulators import apiin as apiin_emulator
from emulators import musicapi, suno
from emulators.base import Emulator
from fermata_mcp.config import Settings
from fermata_mcp.domain.task import Work
from fermata_mcp.providers import apiin, musicapi_producer, musicapi_sonic, sunoapi
from fermata_mcp.providers.wire import Adapter

CALLBACK = "https://callback.invalid/x"
SAMPLES: dict[str, tuple[Any, Any]] = {
    "prompt": ("slower and softer", "louder"), "lyrics": ("[Verse]\nover the hills", "[Verse]\nby the sea"),
    "style": ("jazz", "folk"), "title": ("Longer", "Longer still"), "continue_at": (12.5, 13.0),
    "add_seconds": (20.0, 30.0), "exclude_style": ("metal", "polka"), "instrumental": (True, False),
    "vocal_gender": ("m", "f"), "style_weight": (0.65, 0.3), "weirdness": (0.25, 0.5), "audio_weight": (0.4, 0.8),
    "persona_id": ("persona_1", "persona_2"),
}  # fmt: skip
"""Two values of each field."""


@dataclass(frozen=True)
class Example:
    """A request of the provider's own documentation, and the work that must become exactly it."""

    work: Work
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer to a submit, and the code of the refusal it is; None where it leaves the outcome open."""

    name: str
    status: int
    body: Any
    code: str | None


@dataclass(frozen=True)
class Rig:
    """What the contract suite has to know of one adapter.

    Attributes:
        key_names: The settings of its key and of its addresses.
        sources: A smallest work for each kind of source that can be submitted (`clip`, `url`).
        full: The fields (our names) that a work of custom mode has, so that one more can be added to it.
        wire: Our name to the documented name of every field that it takes.
        switches: Wire names that may change together with a field.
        only_for: Fields that just these kinds of source take.
        refusals: Documented codes: our error code, and whether the same request may be sent later. Any other 4xx but
            408 is `invalid_request`.
        busy: A code that asks to come again.
        in_body: Whether errors also come with HTTP 200 and the code in the body.
        accepted: An answer that takes the work on under an id.
        said: More answers to a submit.
        endings: The emulator's `outcome` to the state and error code it must be read as.
        unknown_state: An `outcome` that nobody documented.
        samples: Two values of each field that some provider takes.
        stages: Looks that it takes to see every state.
        clips: How many one extension makes.
        final_looks: Documented errors on a look that are the end of the work.
    """

    name: str
    adapter: Callable[[Settings], Adapter]
    emulator: Callable[[], Emulator]
    key_names: tuple[str, tuple[str, ...]]
    sources: Mapping[str, Work]
    full: Mapping[str, Any]
    wire: Mapping[str, str]
    examples: tuple[Example, ...]
    refusals: Mapping[int, tuple[str, bool]]
    busy: int
    accepted: Callable[[str], Any]
    endings: Mapping[str, tuple[str, str | None]]
    unknown_state: str = "FROBBING"
    in_body: bool = True
    switches: frozenset[str] = frozenset()
    only_for: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    said: tuple[Said, ...] = ()
    samples: Mapping[str, tuple[Any, Any]] = field(default_factory=lambda: SAMPLES)
    stages: int = 4
    clips: int = 2
    final_looks: frozenset[int] = frozenset()
    uploads: bool = True
    balance: bool = True


def work(**given: Any) -> Work:
    return Work(save_as="/nowhere/out.mp3", **given)


# --- sunoapi and kie -------------------------------------------------------------------------------------------------

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


def _sunoapi(settings: Settings) -> Adapter:
    return sunoapi.SunoAdapter(sunoapi.SPEC, settings.callback_url)


def _kie(settings: Settings) -> Adapter:
    return sunoapi.SunoAdapter(sunoapi.KIE, settings.callback_url)


SUNOAPI = Rig(
    name="sunoapi",
    adapter=_sunoapi,
    emulator=suno.sunoapi,
    key_names=("sunoapi_api_key", ("sunoapi_base_url", "sunoapi_upload_url")),
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
    busy=430,
    accepted=lambda remote_id: {"code": 200, "msg": "success", "data": {"taskId": remote_id}},
    said=(
        Said("code as text", 200, {"code": "429", "msg": "no", "data": None}, "insufficient_credits"),
        Said("success without data", 200, {"code": 200, "msg": "success", "data": None}, None),
        Said("id without success", 200, {"code": 300, "msg": "?", "data": {"taskId": "t"}}, None),
        Said("failure of the generation", 200, {"code": 531, "msg": "failed", "data": None}, None),
    ),
    samples=SAMPLES | {"model": ("V4", "V6")},
    endings={
        "CREATE_TASK_FAILED": ("failed", "generation_failed"),
        "GENERATE_AUDIO_FAILED": ("failed", "generation_failed"),
        "SENSITIVE_WORD_ERROR": ("failed", "content_rejected"),
        "GENERATION_TIMEOUT": ("failed", "generation_failed"),
        "CALLBACK_EXCEPTION": ("succeeded", None),
        "ONE_FAILED": ("succeeded", None),
    },
)  # fmt: skip
KIE = replace(
    SUNOAPI,
    name="kie",
    adapter=_kie,
    emulator=suno.kie,
    key_names=("kie_api_key", ("kie_base_url", "kie_upload_url")),
    refusals={**SUNOAPI.refusals, 404: ("unknown_track", False), 405: ("invalid_request", False),
              413: ("content_rejected", False), 429: ("rate_limited", True), 430: ("invalid_request", False),
              433: ("insufficient_credits", False), 505: ("provider_unavailable", False)},
    busy=429,
    said=(Said("code as text", 200, {"code": "402", "msg": "no", "data": None}, "insufficient_credits"),
          *SUNOAPI.said[1:]),
)  # fmt: skip

# --- apiin -----------------------------------------------------------------------------------------------------------

_APIIN_TASK = "gen20e094aeaadfe494ea33a5c80ee596083bksv"
_APIIN_INHERIT = {"origin_task_id": _APIIN_TASK, "extend_audio_index": 0, "custom_mode": False}
_APIIN_PROMPT = "Change the music style to be calm and lyrical."

APIIN = Rig(
    name="apiin",
    adapter=lambda _: apiin.ApiinAdapter(),
    emulator=apiin_emulator.Apiin,
    key_names=("apiin_api_key", ("apiin_base_url",)),
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
        Said("an error with an id", 200, {"error": {"type": "?", "message": "no"}, "id": "req_1"}, None),
        Said("envelope", 402, {"error": {"code": 402, "message": "no", "type": "x"}}, "insufficient_credits"),
    ),
    endings={"failed": ("failed", "generation_failed"), "one_failed": ("succeeded", None)},
    uploads=False,
    balance=False,
)  # fmt: skip

# --- musicapi ---------------------------------------------------------------------------------------------------------

_SONIC, _PRODUCER = "/api/v1/sonic/create", "/api/v1/producer/create"
_LINK = "https://audio.test/a.mp3"


def _producer(_: Settings) -> Adapter:
    return musicapi_producer.Adapter()


MUSICAPI_SONIC = Rig(
    name="musicapi-sonic",
    adapter=lambda _: musicapi_sonic.Adapter(),
    emulator=musicapi.musicapi,
    key_names=("musicapi_api_key", ("musicapi_base_url",)),
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
        Said("credits", 403, {"message": "credits are not enough"}, "insufficient_credits"),
        Said("lyrics", 403, {"error": "lyrics name an artist"}, "content_rejected"),
        Said("validation", 400, {"code": 400, "error": "mv missing", "type": "validation_error"}, "invalid_request"),
        Said("not ready", 202, {"code": 202, "type": "not_ready", "error": "still processing"}, None),
    ),
    samples=SAMPLES | {"model": ("sonic-v4-5", "sonic-v6")},
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
    adapter=_producer,
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
    clips=1,
)  # fmt: skip

RIGS = (SUNOAPI, KIE, APIIN, MUSICAPI_SONIC, MUSICAPI_PRODUCER)
