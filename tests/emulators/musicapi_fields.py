"""The fields that MusicAPI's pages list, and what they say about fields that go together."""

from __future__ import annotations

from typing import Any

from .base import Field, Fields

OLD_MODELS = ("sonic-v3-5", "sonic-v4")
WEIGHT = Field("number", low=0, high=1)
EXTENDS = ("extend_music", "extend_upload_music")
CONCAT = "concat_music"
PRODUCER_TASKS = ("create_music", "extend_music", "replace_music", "cover_music")
RETIRED = ("music_variation", "swap_music_vocals", "swap_music_sound")
_WORDS: Fields = {
    "continue_at": Field("number", low=0),
    "mv": Field(),
    "custom_mode": Field("boolean"),
    "prompt": Field(longest=5000),
    "gpt_description_prompt": Field(longest=400),
    "tags": Field(longest=1000),
    "negative_tags": Field(),
    "title": Field(longest=80),
    "make_instrumental": Field("boolean"),
    "auto_lyrics": Field("boolean"),
    "vocal_gender": Field(choices=("f", "m")),
    "style_weight": WEIGHT,
    "weirdness_constraint": WEIGHT,
    "audio_weight": WEIGHT,
    "webhook_url": Field(longest=1024),
    "webhook_secret": Field(),
}
SONIC: Fields = {
    **_WORDS,
    "task_type": Field(
        choices=("create_music", *EXTENDS, CONCAT, "cover_music", "cover_upload_music", "persona_music", "remaster")
    ),
    "continue_clip_id": Field(),
    "duration": Field("integer", low=10, high=360),
    "use_suno_cdn": Field("boolean"),
    "persona_id": Field(),
    "variation_category": Field(choices=("subtle", "normal", "high")),
}
UPLOAD_EXTEND: Fields = {**_WORDS, "url": Field(required=True), "auto_concat": Field("boolean")}
PRODUCER_UPLOAD: Fields = {"audio_url": Field(required=True)}
PRODUCER: Fields = {
    "task_type": Field(required=True, choices=(*PRODUCER_TASKS, *RETIRED)),
    "clip_id": Field(),
    "starts_at": Field("number", low=0),
    "starts": Field("number", low=0),
    "ends_at": Field("number", low=0),
    "length": Field("number", low=1, high=240),
    **dict.fromkeys(("instruction", "lyrics", "lyrics_text", "sound", "mv", "seed", "cover_url"), Field()),
    "title": Field(longest=80),
    "strength": WEIGHT,
    "webhook_url": Field(longest=1024),
    "webhook_secret": Field(),
    # accepted and ignored
    "make_instrumental": Field("boolean"),
    **dict.fromkeys(("lyrics_strength", "sound_strength", "weirdness"), WEIGHT),
}  # fmt: skip


def sonic_problems(body: dict[str, Any], source_seconds: float | None) -> list[str]:
    """What the pages say about fields that go together."""
    found: list[str] = []
    point = body.get("continue_at")
    if point is not None and source_seconds is not None and not 0 < point <= source_seconds + 0.05:
        found.append("continue_at is outside the source")
    if "custom_mode" not in body and body.keys() & {"prompt", "gpt_description_prompt"}:
        found.append("custom_mode missing")
    if "prompt" in body and not body.get("custom_mode"):
        found.append("prompt needs custom_mode true")
    if "gpt_description_prompt" in body and body.get("custom_mode"):
        found.append("gpt_description_prompt needs custom_mode false")
    if body.get("auto_lyrics") and not body.get("custom_mode"):
        found.append("auto_lyrics needs custom_mode true")
    if body.get("mv") in OLD_MODELS:
        found += ["prompt is longer than 3000"] if len(body.get("prompt", "")) > 3000 else []
        found += ["tags is longer than 200"] if len(body.get("tags", "")) > 200 else []
    return found
