"""The fields that AceDataCloud's pages list, and what they say about fields that go together."""

from __future__ import annotations

from typing import Any

from .base import Field, Fields

CONCAT, EXTENDS = "concat", ("extend", "upload_extend")
OLD_MODELS = ("chirp-v3-5", "chirp-v4")
SUNO_MODELS = (*OLD_MODELS, "chirp-v4-5", "chirp-v4-5-plus", "chirp-v5", "chirp-v5-5")
FUZZ_MODELS = (
    "FUZZ-2.0 Pro", "FUZZ-2.0", "FUZZ-2.0 Raw", "FUZZ-1.1 Pro", "FUZZ-1.0 Pro", "FUZZ-1.0", "FUZZ-1.1", "FUZZ-0.8",
)  # fmt: skip
WEIGHT = Field("number", low=0, high=1)
_NEWS: Fields = {"async": Field("boolean"), "callback_url": Field()}
SUNO: Fields = {
    "action": Field(choices=("generate", *EXTENDS, CONCAT, "cover", "upload_cover", "replace_section", "stems")),
    "audio_id": Field(),
    "continue_at": Field("number"),
    "custom": Field("boolean"),
    "lyric": Field(longest=5000),
    "prompt": Field(longest=200),
    "lyric_prompt": Field(),
    "style": Field(longest=1000),
    "style_negative": Field(),
    "negative_tags": Field(),
    "title": Field(longest=80),
    "model": Field(choices=SUNO_MODELS),
    "instrumental": Field("boolean"),
    "vocal_gender": Field(choices=("f", "m")),
    "weirdness": WEIGHT,
    "style_influence": WEIGHT,
    "audio_weight": WEIGHT,
    "persona_id": Field(),
    "duration": Field("number"),
    **_NEWS,
}
PRODUCER: Fields = {
    "action": Field(required=True, choices=("generate", "cover", "extend", "variation", "replace_section", "stems")),
    "audio_id": Field(required=True),
    "continue_at": Field("number"),
    "lyric": Field(),
    "style": Field(),
    "model": Field(choices=FUZZ_MODELS),
    **_NEWS,
}
UPLOAD: Fields = {"audio_url": Field(required=True)}
TASKS: Fields = {
    "id": Field(), "ids": Field("array"), "action": Field(required=True, choices=("retrieve", "retrieve_batch")),
}  # fmt: skip


def suno_problems(body: dict[str, Any], source_seconds: float) -> list[str]:
    """What the pages say about an extension."""
    found = _point_problems(body, source_seconds)
    if body.get("custom"):
        sung = body.get("instrumental") or {"lyric", "lyric_prompt"} & body.keys()
        found += [] if sung else ["lyric is missing"]
        found += ["prompt needs custom false"] if "prompt" in body else []
    else:
        found += [f"{name} needs custom true" for name in ("lyric", "style", "title") if name in body]
        found += [] if body.get("prompt") else ["prompt is missing"]
    if body.get("model", "chirp-v4") in OLD_MODELS:
        found += ["lyric is too long"] if len(body.get("lyric", "")) > 3000 else []
        found += ["style is too long"] if len(body.get("style", "")) > 200 else []
    return found


def producer_problems(body: dict[str, Any], source_seconds: float) -> list[str]:
    return _point_problems(body, source_seconds)


def _point_problems(body: dict[str, Any], source_seconds: float) -> list[str]:
    inside = 0 < body.get("continue_at", 0) < source_seconds + 0.05
    return [] if inside else ["continue_at is missing, not above 0, or not inside the source"]
