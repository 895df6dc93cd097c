"""kie.ai: the job door of its Market.

`KIE_API` chooses the door for new work; see `kie_classic` for the older one, and for how work is polled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import InvalidRequest, UnsupportedField
from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.domain.requests.plan import default_point
from fermata_mcp.domain.spec import CustomMode, FieldSpec
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.wire import Answer, Call, with_options

from . import kie_classic
from .common import LONG_MODELS, SHORT_MODELS
from .kie_classic import DOOR, JOB, KieClassicAdapter

MODELS = ("V6", "V6_MINI", "V6_WILD")
EXTEND, UPLOAD = "ai-music-api/extend", "ai-music-api/upload-and-extend-audio"
LEGACY = (*SHORT_MODELS, *(model for model in LONG_MODELS if model not in MODELS))
WORDS = "lyrics win over prompt where both are given"
FIELDS = {
    "prompt": FieldSpec("prompt", 5000, WORDS), "lyrics": FieldSpec("lyrics", 5000, WORDS),
    "style": FieldSpec("style", 1000), "title": FieldSpec("title", 100, by_model=dict.fromkeys(("V4", "V4_5ALL"), 80)),
    "continue_at": FieldSpec("continue_at", note="after 0 and before the end"),
    "model": FieldSpec("model", note=f"default {MODELS[0]}; should be the source clip's"),
    "exclude_style": FieldSpec("negative_tags"), "vocal_gender": FieldSpec("vocal_gender"),
    "style_weight": FieldSpec("style_weight"), "weirdness": FieldSpec("weirdness_constraint"),
    "audio_weight": FieldSpec("audio_weight"), "persona_id": FieldSpec("persona_id"),
    "instrumental": FieldSpec("instrumental", note="with true no prompt, lyrics or vocal_gender"),
}  # fmt: skip
VOCAL = ("prompt", "lyrics", "vocal_gender")

SPEC = replace(
    kie_classic.SPEC,
    fields=FIELDS,
    models=dict.fromkeys(MODELS, 480.0) | dict.fromkeys(LEGACY, 480.0) | dict.fromkeys(SHORT_MODELS, 240.0),
    default_model=MODELS[0],
    price=Price(12, 12, "measured by a caller with a key, 2026-10; not on the vendor's page"),
    upload_fields=frozenset(),
    custom=CustomMode(
        fields=frozenset(FIELDS) - {"model", "instrumental"},
        needs=("continue_at", "prompt", "style", "title"),
        wordless=True,
    ),
    verified="against documentation 2026-11-27, not live",
    notes=(
        "Results are kept 14 days, links to them about one.",
        f"The vendor calls every model but {', '.join(MODELS)} discontinued; older names are sent as they are.",
        "A file or link with nothing but a model is known to fail upstream, refunded: what is known is filled in, and "
        "style with prompt, or instrumental, makes it safer.",
        "KIE_API=classic goes back to the vendor's older door.",
    ),
)


class KieAdapter(KieClassicAdapter):
    """See `HttpAdapter`. New work as jobs; a callback address is sent only where the operator set one.

    Which fields are there decides between inheriting and custom mode: there is no flag.
    """

    spec = SPEC

    def complete(self, work: Work) -> Work:
        """For files and links everything that is known, since the vendor's plain form is known to fail."""
        if work.action != "extend" or work.source_clip is not None:
            return work
        asked = self.spec.asked_in_options(work.options)
        title = _title_of(work)
        more = {"title": title} if title and not {"title"} & (work.fields.keys() | asked.keys()) else {}
        known = work.continue_at is not None or "continue_at" in asked
        point = work.continue_at if known else default_point(work.source_seconds)
        if not more and point == work.continue_at:
            return work
        return work.model_copy(update={"fields": work.fields | more, "continue_at": point})

    def notes_for(self, work: Work) -> tuple[str, ...]:
        asked = work.fields | self.spec.asked_in_options(work.options)
        notes = [*super().notes_for(work)]
        if asked.get("model") in LEGACY:
            notes.append(f"{self.spec.name} calls {asked['model']} discontinued, and may refuse it.")
        if {"prompt", "lyrics"} <= asked.keys():
            notes.append(f"{self.spec.name} sings the lyrics, and does not heed the prompt beside them.")
        if work.source_clip is None and not {"style", "prompt", "lyrics", "instrumental"} & asked.keys():
            notes.append(f"{self.spec.name} is known to fail on files and links without style and prompt; "
                         "it gives the credits back.")  # fmt: skip
        return tuple(notes)

    def submit_call(self, work: Work) -> Call:
        if work.source_clip is not None:
            route, source = EXTEND, {"audio_id": work.source_clip}
        elif work.source_url is not None:
            route, source = UPLOAD, {"upload_url": work.source_url}
        else:
            raise self._nothing_to_extend()
        options = {name: value for name, value in work.options.items() if name != "callBackUrl"}
        told = with_options(source | self._chosen(work), options, self.spec)
        self._check(told, route)
        callback = work.options.get("callBackUrl", self._callback_url)
        body = {"model": route, "input": told} | ({} if callback is None else {"callBackUrl": callback})
        return Call("POST", "/api/v1/jobs/createTask", body)

    def read_submit(self, answer: Answer) -> str | None:
        found = super().read_submit(answer)
        return None if found is None else JOB + found

    def _check(self, told: Mapping[str, Any], route: str) -> None:
        """Refuse what the page says does not go together, naming all of it."""
        name = self.spec.name
        if told.get("instrumental") is True and (sung := [field for field in VOCAL if field in told]):
            raise UnsupportedField(
                f"{name} cannot use {', '.join(sung)} beside instrumental.",
                f"leave out instrumental, or {', '.join(sung)}.",
            )
        chosen = any(FIELDS[field].wire in told for field in self.spec.custom.fields)
        needs = [field for field in self.spec.custom.needs if field != "prompt"]
        missing = [field for field in needs if FIELDS[field].wire not in told]
        if not told.get("instrumental") and not {"prompt", "lyrics"} & told.keys():
            missing.append("prompt")
        if chosen and missing and route == EXTEND:
            raise InvalidRequest(
                f"{name} needs {', '.join(missing)} too, once anything is chosen.",
                f"add {', '.join(missing)}, or choose nothing to go on as before.",
            )


def _title_of(work: Work) -> str:
    """What the file is called; "" where that says nothing."""
    name = work.source_file or unquote(urlsplit(work.source_url or "").path)
    return clean_text(Path(name).stem, 80)


def make(context: ProviderContext) -> Provider:
    market = context.account.more[DOOR.name] == "market"
    return http_provider((KieAdapter if market else KieClassicAdapter)(context.callback_url), context)
