"""`musicapi-producer`: MusicAPI's producer model (seed: its "Extend an existing music track" page)."""

from __future__ import annotations

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, NotSupported
from fermata_mcp.domain.pages import BY_UUID
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, PointRule, ProviderSpec, Refusal
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.wire import Call, with_options, without_none

from .common import ACCOUNT, HOOK, REFUSALS, VERIFIED, MusicApiAdapter, plain

LEAD_SECONDS = 2
LONGEST_LENGTH = 240

SPEC = ProviderSpec(
    name="musicapi-producer",
    title="MusicAPI producer",
    site="https://musicapi.ai",
    hook=HOOK,
    summary="Appends up to 240 seconds to a clip or a link with MusicAPI's producer model, in about half a minute.",
    sources=frozenset({"url", "task", "clip"}),
    fields={
        "continue_at": FieldSpec("starts_at", note=f"default {LEAD_SECONDS} s before the end", aliases=("starts",)),
        "add_seconds": FieldSpec("length", note=f"1 to {LONGEST_LENGTH}; the provider's default is 60", default=60),
        "prompt": FieldSpec("instruction"),
        "lyrics": FieldSpec("lyrics", aliases=("lyrics_text",)),
        "style": FieldSpec("sound"),
        "title": FieldSpec("title", 80),
        "model": FieldSpec("mv", note="the provider's default is Lyria 3 Pro"),
    },
    pace=Pace(first=20, interval=8, give_up=1200, slow_after=90, slow_interval=15),
    submit="at_most_once",
    verified=VERIFIED,
    account=ACCOUNT,
    price=Price(12, 12, "docs.musicapi.ai, Extend an existing music track: 12-credit charge"),
    other_prices={"upload": Price(0, 2, "not documented for this host; 2 credits on a sister of it")},
    refunds=True,
    has_balance=True,
    models={"Lyria 3 Pro": float("inf")},
    default_model="Lyria 3 Pro",
    refusals={**REFUSALS, 410: Refusal("not_supported", hint="use provider musicapi-sonic, which still extends.")},
    point=PointRule(needed=True),
    lengths=Lengths(shortest_add=1, longest_add=LONGEST_LENGTH),
    clip_form=r"[^/]+",
    song_pages=dict.fromkeys(("musicapi.ai", "producer.ai", "riffusion.com"), BY_UUID),
    notes=(
        "a link is uploaded first, as a step of its own; takes no files: the provider fetches from public links only",
        "options may hold the older names starts and lyrics_text, sent instead of starts_at and lyrics",
        "instrumental is ignored by the provider: say it in the prompt, and give no lyrics",
    ),
)


class ProducerAdapter(MusicApiAdapter):
    """See `HttpAdapter`."""

    spec = SPEC
    product = "producer"
    gone = frozenset({410})

    def submit_call(self, work: Work) -> Call:
        match work.action:
            case "extend":
                return _extend(work, self.hook(work))
            case "upload" if work.source_url is not None:
                return Call("POST", "/api/v1/producer/upload", {"audio_url": work.source_url})
            case "upload":
                raise InvalidRequest(f"{SPEC.name} uploads from links only.", "give an https:// link.")
            case "concat":
                raise NotSupported(f"{SPEC.name} cannot join clips.", "use stitch auto: it is joined here.")


def _extend(work: Work, hook: dict[str, str]) -> Call:
    if work.source_clip is None:
        raise InvalidRequest(f"{SPEC.name} continues its own clips.", "give clip:<id>, or an https:// link.")
    chosen = {SPEC.fields[name].wire: value for name, value in work.fields.items()}
    body = {
        "task_type": "extend_music",
        "clip_id": work.source_clip,
        "starts_at": None if "continue_at" in SPEC.asked_in_options(work.options) else plain(_point(work)),
        "length": None if work.add_seconds is None else plain(work.add_seconds),
    }
    return Call("POST", "/api/v1/producer/create", with_options(without_none(body) | chosen | hook, work.options, SPEC))


def _point(work: Work) -> float:
    if work.continue_at is not None:
        return work.continue_at
    if work.source_seconds is None:
        raise InvalidRequest(
            f"{SPEC.name} has to know where new music starts, and the length of this clip is not known.",
            "give continue_at in seconds, best about 2 s before the end.",
        )
    return max(0.0, work.source_seconds - LEAD_SECONDS)


def make(context: ProviderContext) -> Provider:
    return http_provider(ProducerAdapter(context.callback_url), context)
