"""`acedata`: Suno's models at AceDataCloud."""

from __future__ import annotations

from typing import Any

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, UnsupportedField
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, PointRule, ProviderSpec
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.wire import Call, without_none

from .common import ACCOUNT, HOOK, NO_PRICE, REFUSALS, UPLOADED, VERIFIED, AceDataAdapter

PATH = "/suno/audios"
OLD_MODELS = ("chirp-v3-5", "chirp-v4")
MODELS = {"chirp-v3-5": 120.0, "chirp-v4": 150.0, "chirp-v4-5": 240.0} | dict.fromkeys(
    ("chirp-v4-5-plus", "chirp-v5", "chirp-v5-5"), 480.0
)
DEFAULT_MODEL = "chirp-v5-5"
ALONE = "describes the music where no lyrics, style or title are given; not beside these"
SUNG = ("lyrics", "style", "title")

SPEC = ProviderSpec(
    name="acedata",
    title="AceDataCloud Suno",
    site="https://platform.acedata.cloud",
    hook=HOOK,
    summary="Continues a clip or a link with Suno's models; two takes per call, of which each is only the new part.",
    sources=frozenset({"url", "task", "clip"}),
    fields={
        "continue_at": FieldSpec("continue_at", note="after 0 and before the end; default 2 s before it"),
        "prompt": FieldSpec("prompt", 200, ALONE),
        "lyrics": FieldSpec("lyric", 5000, by_model=dict.fromkeys(OLD_MODELS, 3000)),
        "style": FieldSpec("style", 1000, by_model=dict.fromkeys(OLD_MODELS, 200)),
        "exclude_style": FieldSpec("style_negative", aliases=("negative_tags",)),
        "title": FieldSpec("title", 80),
        "model": FieldSpec("model", note=f"default {DEFAULT_MODEL}"),
        "instrumental": FieldSpec("instrumental", note="takes the place of lyrics"),
        "vocal_gender": FieldSpec("vocal_gender", note="chirp-v4-5 and later"),
        "style_weight": FieldSpec("style_influence"),
        "weirdness": FieldSpec("weirdness"),
        "audio_weight": FieldSpec("audio_weight"),
        "persona_id": FieldSpec("persona_id"),
    },
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=180, slow_interval=25),
    submit="at_most_once",
    verified=VERIFIED,
    account=ACCOUNT,
    price=Price(0.06, 2, NO_PRICE.format(2)),
    other_prices={
        "upload": Price(0.06, 0.06, "a post of the vendor's: 0.06 credits a standard upload, failed ones are free"),
        "concat": Price(0.06, 1, NO_PRICE.format(1)),
    },
    refusals=REFUSALS,
    models=MODELS,
    default_model=DEFAULT_MODEL,
    point=PointRule(needed=True, within="inside"),
    lengths=Lengths(usual_add=100),
    rivals=tuple(("prompt", name) for name in SUNG),
    clip_form=r"[^/]+",
    extends_joined=False,
    notes=(
        "needs lyrics, or instrumental, or a prompt: it has no way to just go on",
        "lyrics are sung as written (custom mode); a prompt of at most 200 characters describes the music",
        "a link is uploaded first, as a step of its own; takes no files: the provider fetches from public links only",
        "an extension is only the new part: it is joined here, free; where nobody here has the source, the provider "
        "joins the whole chain, once, and is paid for it",
        "clip:upload:<id> is a clip that was uploaded there by hand",
        "what it costs, and how many credits are left, is told in its console only",
    ),
)


class SunoAdapter(AceDataAdapter):
    """See `HttpAdapter`."""

    spec = SPEC
    product = "suno"

    def submit_call(self, work: Work) -> Call:
        match work.action:
            case "extend":
                return Call("POST", PATH, self._extend(work))
            case "upload":
                return self.upload(work)
            case "concat":
                joined = {"action": "concat", "audio_id": self.clip_of(work), "async": True}
                return Call("POST", PATH, joined | self.hook(work))

    def _extend(self, work: Work) -> dict[str, Any]:
        """Description mode where only a prompt says how it goes on, else custom mode."""
        clip = self.clip_of(work)
        if "prompt" in work.fields and (beside := [name for name in SUNG if name in work.fields]):
            raise UnsupportedField(
                f"{SPEC.name} cannot use prompt beside {', '.join(beside)}.", "leave prompt out, and say it in style."
            )
        chosen = {SPEC.fields[name].wire: value for name, value in work.fields.items()}
        body = without_none(
            {
                "action": "upload_extend" if (work.source_clip or "").startswith(UPLOADED) else "extend",
                "audio_id": clip,
                "continue_at": self.point_of(work),
                "custom": "prompt" not in work.fields | work.options,
                "model": SPEC.default_model,
            }
        )
        sent = self.asynchronous(body | chosen, work)
        if sent["custom"] and not (sent.get("instrumental") or {"lyric", "lyric_prompt"} & sent.keys()):
            raise InvalidRequest(
                f"{SPEC.name} needs lyrics, instrumental or prompt.",
                "say what is sung in lyrics, pass instrumental true, or say in prompt how it goes on.",
            )
        return sent


def make(context: ProviderContext) -> Provider:
    return http_provider(SunoAdapter(context.callback_url), context)
