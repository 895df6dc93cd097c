"""`musicapi-sonic`: MusicAPI's sonic models (seed: its Music Extender page)."""

from __future__ import annotations

import math
from typing import Any

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, NotSupported, UnsupportedField
from fermata_mcp.domain.pages import BY_UUID
from fermata_mcp.domain.spec import CustomMode, FieldSpec, Lengths, Pace, PointRule, ProviderSpec
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.wire import Call, without_none

from .common import ACCOUNT, HOOK, REFUSALS, VERIFIED, MusicApiAdapter, plain

EXTEND, CONCAT = "extend_music", "concat_music"
DEFAULT_MODEL = "sonic-v5"
MODELS = (
    "sonic-v3-5", "sonic-v4", "sonic-v4-5", "sonic-v4-5-plus", DEFAULT_MODEL, "sonic-v5-5",
    "sonic-v6", "sonic-v6-wild", "sonic-v6-mini",
)  # fmt: skip
OLD_MODELS = ("sonic-v3-5", "sonic-v4")
WORDS = "not together with `{}`: one of the two says what is sung"
CHOICES = frozenset({
    "lyrics", "style", "exclude_style", "title", "instrumental", "vocal_gender", "style_weight", "weirdness",
    "audio_weight",
})  # fmt: skip

SPEC = ProviderSpec(
    name="musicapi-sonic",
    title="MusicAPI sonic",
    site="https://musicapi.ai",
    hook=HOOK,
    summary="Continues a clip or a link with MusicAPI's sonic models; two takes per call, 1 to 3 minutes.",
    sources=frozenset({"url", "task", "clip"}),
    fields={
        "continue_at": FieldSpec("continue_at", note="default the end"),
        "prompt": FieldSpec("gpt_description_prompt", 400, WORDS.format("lyrics")),
        "lyrics": FieldSpec("prompt", 5000, WORDS.format("prompt"), by_model=dict.fromkeys(OLD_MODELS, 3000)),
        "style": FieldSpec("tags", 1000, by_model=dict.fromkeys(OLD_MODELS, 200)),
        "exclude_style": FieldSpec("negative_tags"),
        "title": FieldSpec("title", 80),
        "model": FieldSpec("mv", note=f"default {DEFAULT_MODEL}"),
        "instrumental": FieldSpec("make_instrumental", note="a wish, not a guarantee"),
        "vocal_gender": FieldSpec("vocal_gender", note="sonic-v4-5 and later"),
        "style_weight": FieldSpec("style_weight"),
        "weirdness": FieldSpec("weirdness_constraint"),
        "audio_weight": FieldSpec("audio_weight"),
    },
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=180, slow_interval=25),
    submit="at_most_once",
    verified=VERIFIED,
    account=ACCOUNT,
    price=Price(15, 15, "musicapi.ai, Music Extender API: each extend is 15 credits"),
    other_prices={"concat": Price(2, 2, "docs.musicapi.ai, Credits Usage Guide")},
    refunds=True,
    has_balance=True,
    models=dict.fromkeys(MODELS, math.inf),
    default_model=DEFAULT_MODEL,
    custom=CustomMode(
        fields=CHOICES,
        option_needs=dict.fromkeys(("prompt", "gpt_description_prompt", "auto_lyrics"), ("custom_mode",)),
    ),
    point=PointRule(within="after_start"),
    lengths=Lengths(longest_upload=480),
    rivals=(("prompt", "lyrics"),),
    clip_form=r"[^/]+",
    song_pages=dict.fromkeys(("suno.com", "suno.ai", "musicapi.ai"), BY_UUID),
    refusals=REFUSALS,
    notes=(
        "with nothing but a clip it goes on in the clip's own manner",
        "lyrics are sung as written (custom mode); a prompt describes the music (description mode); never both",
        "a link is uploaded, continued and joined in one call; what its upload costs is not documented",
        "takes no files: the provider fetches from public links only, of at most 8 minutes",
        "persona_id is documented for new songs (persona_music) only, not for extending",
        "a clip of the provider's own upload page needs options {'task_type': 'extend_upload_music'}",
    ),
)


class SonicAdapter(MusicApiAdapter):
    """See `HttpAdapter`."""

    spec = SPEC
    product = "sonic"

    def submit_call(self, work: Work) -> Call:
        if work.action == "upload":
            raise NotSupported(f"{SPEC.name} continues a link at once, without an upload before.")
        if work.source_clip is None and work.source_url is None:
            raise InvalidRequest(f"{SPEC.name} needs a clip or a link.", "give clip:<id> or an https:// link.")
        if work.action == "concat":
            return _create({"task_type": CONCAT, "continue_clip_id": work.source_clip} | self.hook(work))
        if work.source_clip is not None:
            return _create(_continue_clip(work.source_clip, work) | self.hook(work) | work.options)
        link = {"url": work.source_url, "auto_concat": True} | _custom(work)
        return Call("POST", "/api/v1/sonic/upload-extend", link | self.hook(work) | work.options)

    def model(self, said: str | None) -> str | None:
        """Answers say `chirp-…` for what is asked for as `sonic-…`; only the latter can be sent again."""
        if said is None or not said.startswith("chirp-"):
            return said
        asked = said.replace("chirp-", "sonic-", 1)
        return asked if asked in SPEC.models else None


def _create(body: dict[str, Any]) -> Call:
    return Call("POST", "/api/v1/sonic/create", body)


def _continue_clip(clip: str, work: Work) -> dict[str, Any]:
    """The seed's three fields, and more only where more was asked for."""
    body = {"task_type": EXTEND, "continue_clip_id": clip, "mv": work.fields.get("model", DEFAULT_MODEL)}
    asked = work.continue_at is not None or work.fields.keys() - {"model"}
    return body | _custom(work) | {"use_suno_cdn": False} if asked else body


def _custom(work: Work) -> dict[str, Any]:
    """Everything chosen. A prompt means description mode, any other word custom mode."""
    if {"prompt", "lyrics"} <= work.fields.keys():
        raise UnsupportedField(
            f"{SPEC.name} sings lyrics or follows a prompt, not both.", "leave prompt out and use style beside lyrics."
        )
    point = work.source_seconds if work.continue_at is None else work.continue_at
    chosen = {SPEC.fields[name].wire: value for name, value in work.fields.items()}
    return without_none({
        "mv": DEFAULT_MODEL,
        "custom_mode": bool(work.fields.keys() - {"model"}) and "prompt" not in work.fields,
        "continue_at": None if point is None else plain(point),
    }) | chosen  # fmt: skip


def make(context: ProviderContext) -> Provider:
    return http_provider(SonicAdapter(context.callback_url), context)
