"""`acedata-producer`: Producer's FUZZ models at AceDataCloud."""

from __future__ import annotations

import math

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import NotSupported
from fermata_mcp.domain.spec import FieldSpec, Pace, PointRule, ProviderSpec
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.wire import Call, without_none

from .common import ACCOUNT, HOOK, NO_PRICE, REFUSALS, VERIFIED, AceDataAdapter

DEFAULT_MODEL = "FUZZ-2.0"
MODELS = (
    "FUZZ-0.8", "FUZZ-1.0", "FUZZ-1.0 Pro", "FUZZ-1.1", "FUZZ-1.1 Pro", DEFAULT_MODEL, "FUZZ-2.0 Pro", "FUZZ-2.0 Raw",
)  # fmt: skip

SPEC = ProviderSpec(
    name="acedata-producer",
    title="AceDataCloud Producer",
    site="https://platform.acedata.cloud",
    hook=HOOK,
    summary="Continues a clip or a link with Producer's FUZZ models, also in the manner of the clip.",
    sources=frozenset({"url", "task", "clip"}),
    fields={
        "continue_at": FieldSpec("continue_at", note="default 2 s before the end"),
        "lyrics": FieldSpec("lyric"),
        "style": FieldSpec("style"),
        "model": FieldSpec("model", note=f"default {DEFAULT_MODEL}"),
    },
    pace=Pace(first=30, interval=10, give_up=1800, slow_after=120),
    submit="at_most_once",
    verified=VERIFIED,
    account=ACCOUNT,
    price=Price(0.06, 2, NO_PRICE.format(2)),
    other_prices={"upload": Price(0.06, 1, NO_PRICE.format(1))},
    refusals=REFUSALS,
    models=dict.fromkeys(MODELS, math.inf),
    default_model=DEFAULT_MODEL,
    point=PointRule(needed=True, within="after_start"),
    clip_form=r"[^/]+",
    notes=(
        "a link is uploaded first, as a step of its own; takes no files: the provider fetches from public links only",
        "whether it returns the whole track or the new part is not documented: both are understood",
        "takes lyrics, style and a point, and no prompt, title or instrumental: its page on extending lists none",
    ),
)


class ProducerAdapter(AceDataAdapter):
    """See `HttpAdapter`."""

    spec = SPEC
    product = "producer"

    def submit_call(self, work: Work) -> Call:
        match work.action:
            case "extend":
                chosen = {SPEC.fields[name].wire: value for name, value in work.fields.items()}
                body = {"action": "extend", "audio_id": self.clip_of(work), "continue_at": self.point_of(work)}
                sent = without_none(body) | {"model": SPEC.default_model} | chosen
                return Call("POST", "/producer/audios", self.asynchronous(sent, work))
            case "upload":
                return self.upload(work)
            case "concat":
                raise NotSupported(f"{SPEC.name} cannot join clips.", "use stitch auto: it is joined here.")


def make(context: ProviderContext) -> Provider:
    return http_provider(ProducerAdapter(context.callback_url), context)
