"""sunoapi.org."""

from __future__ import annotations

from fermata_mcp.domain.account import AccountSpec, Variable, host, upload_host
from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.hooks import HookForm
from fermata_mcp.domain.pages import BY_UUID
from fermata_mcp.domain.spec import CustomMode, Lengths, Pace, PointRule, ProviderSpec, Rate
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider

from .common import BUSY, COMMON, FIELDS, INVALID, LONG_MODELS, NO_CREDITS, SHORT_MODELS, SWITCHES, SunoAdapter

SPEC = ProviderSpec(
    name="sunoapi",
    title="sunoapi.org",
    site="https://sunoapi.org",
    hook=HookForm("callBackUrl"),
    summary="Extends its own clips, files and links; two clips per extension.",
    sources=frozenset({"file", "url", "task", "clip"}),
    fields=FIELDS,
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=240),
    submit="at_most_once",
    verified="against documentation 2026-11-20, not live",
    account=AccountSpec(
        key=Variable("SUNOAPI_API_KEY", "key of `sunoapi`"),
        base_url=host("SUNOAPI_BASE_URL", "https://api.sunoapi.org"),
        upload_url=upload_host("SUNOAPI_UPLOAD_URL", "https://sunoapiorg.redpandaai.co"),
    ),
    price=Price(12, 12, "tables of callers 2025-26 (one books 10); not on the vendor's page"),
    has_balance=True,
    rate=Rate(20, 10),
    refusals=COMMON | {405: BUSY, 413: INVALID, 429: NO_CREDITS, 430: BUSY},
    models=dict.fromkeys(SHORT_MODELS, 240.0) | dict.fromkeys(LONG_MODELS, 480.0),
    default_model="V5",
    custom=CustomMode(
        fields=SWITCHES, needs=("continue_at", "prompt", "style", "title"), flag="defaultParamFlag", wordless=True
    ),
    point=PointRule(needed=True, within="inside"),
    lengths=Lengths(longest_source=480, upload_by_model={"V4_5ALL": 60}),
    upload_fields=frozenset({"instrumental"}),
    clip_form=r"[^/]+",
    song_pages=dict.fromkeys(("suno.com", "suno.ai", "sunoapi.org"), BY_UUID),
    notes=(
        "429 means no credits.",
        "Results are kept 15 days.",
        "V3_5 and V4 take shorter texts than the limits here.",
        "With V4_5ALL a file or link may be at most one minute long.",
    ),
)


class SunoapiAdapter(SunoAdapter):
    """See `HttpAdapter`."""

    spec = SPEC
    balance_path = "/api/v1/generate/credit"


def make(context: ProviderContext) -> Provider:
    return http_provider(SunoapiAdapter(context.callback_url), context)
