"""What fal.ai's queue can do: its models, as their pages and the vendor's own types describe them, and their prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fermata_mcp.domain.account import AccountSpec, Variable, host, upload_host
from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.hooks import HookForm
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, ProviderSpec, Refusal, Window

HOOK, NEUTRAL = "fal_webhook", "match the original style"
SIGNED_BY = ("request-id", "user-id", "timestamp", "signature")
DEFAULT_ADD, LONGEST_ADD, CONTEXT = 30.0, 240.0, 60.0


@dataclass(frozen=True)
class Model:
    """One address of the queue: our fields by its names, its own settings, and what it is always sent."""

    path: str
    fields: Mapping[str, str]
    options: frozenset[str]
    always: Mapping[str, Any]


MODELS = {
    "ace-step": Model(
        "fal-ai/ace-step/audio-outpaint",
        {"add_seconds": "extend_after_duration", "style": "tags", "prompt": "tags", "lyrics": "lyrics",
         "instrumental": "lyrics"},
        frozenset({"seed", "number_of_steps", "scheduler", "guidance_type", "granularity_scale", "guidance_interval",
                   "guidance_interval_decay", "guidance_scale", "minimum_guidance_scale", "tag_guidance_scale",
                   "lyric_guidance_scale", "extend_after_duration", "tags", "lyrics"}),
        {"extend_before_duration": 0, "extend_after_duration": DEFAULT_ADD, "tags": NEUTRAL},
    ),
    "sonauto": Model(
        "sonauto/v2/extend",
        {"add_seconds": "extend_duration", "style": "tags", "prompt": "prompt", "lyrics": "lyrics_prompt"},
        frozenset({"seed", "output_bit_rate", "prompt_strength", "balance_strength", "prompt", "lyrics_prompt"}),
        {"side": "right", "num_songs": 1, "output_format": "flac"},
    ),
    "stable-audio": Model(
        "fal-ai/stable-audio-3/medium/audio-outpainting", {"prompt": "prompt", "exclude_style": "negative_prompt"},
        frozenset({"seed", "num_inference_steps", "guidance_scale", "prompt", "negative_prompt"}), {},
    ),
}  # fmt: skip
# Whose work it is, where an answer does not say.
APP = "fal-ai/ace-step"
_PAGES = "fal.ai model pages as copied in 2026"
SPEC = ProviderSpec(
    name="fal",
    title="fal.ai",
    site="https://fal.ai/dashboard/billing",
    hook=HookForm(HOOK),
    summary="Composes new music behind a track, by one of several models; one take, paid in dollars.",
    sources=frozenset({"file", "url", "task"}),
    fields={
        "continue_at": FieldSpec("continue_at", note="default the end"),
        "add_seconds": FieldSpec("extend_after_duration", default=DEFAULT_ADD, note="ace-step, sonauto; at most 240"),
        "style": FieldSpec("tags", note="ace-step and sonauto; with commas between"),
        "prompt": FieldSpec("prompt", note="ace-step: one text with `style`"),
        "lyrics": FieldSpec("lyrics", note="ace-step and sonauto"),
        "instrumental": FieldSpec("instrumental", note="ace-step"),
        "exclude_style": FieldSpec("negative_prompt", note="stable-audio"),
        "model": FieldSpec("model", note=", ".join(MODELS)),
    },
    pace=Pace(first=10, interval=5, give_up=3600, slow_after=90, slow_interval=15),
    submit="at_most_once",
    verified="against documentation 2026-11-27, not live",
    account=AccountSpec(
        key=Variable("FAL_KEY", "key of `fal` (`id:secret`)"),
        base_url=host("FAL_BASE_URL", "https://queue.fal.run"),
        upload_url=upload_host("FAL_UPLOAD_URL", "https://rest.fal.ai"),
        key_form="Key {}",
    ),
    price=Price(0.0002, 0.0002, f"{_PAGES}; callers differ on which seconds count", "usd", per=1, counts="either"),
    model_prices={
        "sonauto": Price(0.075, 0.075, f"{_PAGES}: about $0.075 a song", "usd"),
        "stable-audio": Price(0.0446, 0.0446, _PAGES, "usd"),
    },
    refusals={
        400: Refusal("invalid_request"), 401: Refusal("authentication_failed"), 403: Refusal("authentication_failed"),
        404: Refusal("not_supported"), 422: Refusal("invalid_request"), 429: Refusal("rate_limited", later=True),
    },
    models=dict.fromkeys(MODELS, float("inf")),
    default_model="ace-step",
    lengths=Lengths(shortest_add=1, longest_add=LONGEST_ADD, usual_add=DEFAULT_ADD),
    rivals=(("lyrics", "instrumental"),),
    window=Window(context=CONTEXT, rate=44_100, form="flac"),
    notes=(
        "At most the 60 s before the point are uploaded, where whoever has the link can hear them.",
        "Has no balance call. Work that is cancelled before it begins is not billed; later it may be.",
        "sonauto needs prompt, or style and lyrics; stable-audio chooses the length itself; mureka is not offered: "
        "its fields are not documented.",
    ),
)  # fmt: skip
