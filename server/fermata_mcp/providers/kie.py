"""kie.ai: the job door of its Market, and looks at what its older door took on.

`KIE_API` chooses the door for new work. Work is looked at through the door that took it on, which its id tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import FermataError, InvalidRequest, UnsupportedField, error_from
from fermata_mcp.domain.requests.plan import default_point
from fermata_mcp.domain.spec import FieldSpec, ProviderSpec, Refusal
from fermata_mcp.domain.task import Work
from fermata_mcp.domain.text import clean_text
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.http.wire import Answer, Call, note_once, number, text, with_options

from . import sunoapi
from .base import Provider, ProviderContext, Snapshot
from .http import words
from .sunoapi import LONG_MODELS, SHORT_MODELS, SunoAdapter, error_code, read_cost, read_item

EXTEND, UPLOAD = "ai-music-api/extend", "ai-music-api/upload-and-extend-audio"
JOB = "job:"  # before ids of the job door
MODELS = ("V6", "V6_MINI", "V6_WILD")
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
    sunoapi.KIE,
    fields=FIELDS,
    models=dict.fromkeys(MODELS, 480.0) | dict.fromkeys(LEGACY, 480.0) | dict.fromkeys(SHORT_MODELS, 240.0),
    default_model=MODELS[0],
    price=Price(12, 12, "measured by a caller with a key, 2026-10; not on the vendor's page"),
    custom_fields=frozenset(FIELDS) - {"model", "instrumental"},
    upload_fields=frozenset(),
    custom_needs=("continue_at", "prompt", "style", "title"),
    custom_flag=None,
    verified="against documentation 2026-11-27, not live",
    notes=(
        "Results are kept 14 days, links to them about one.",
        f"The vendor calls every model but {', '.join(MODELS)} discontinued; older names are sent as they are.",
        "A file or link with nothing but a model is known to fail upstream, refunded: what is known is filled in, and "
        "style with prompt, or instrumental, makes it safer.",
        "KIE_API=classic goes back to the vendor's older door.",
    ),
)

RUNNING = {"waiting": "queued", "queuing": "queued", "generating": "being made"}
# Why a job failed, where that is not only in words: the music or the words themselves are refused.
CONTENT_CODES = frozenset({400, 413})
SAFER = "change the words, or give style, title and prompt where nothing was given, and call again."
_NOTHING: Sequence[dict[str, Any]] = ()
FAILED_AT_ONCE = Refusal("generation_failed")


class KieAdapter(SunoAdapter):
    """See `wire.Adapter`. New work through the older door, looks through both."""

    def refusal(self, answer: Answer) -> Refusal | None:
        """501 and 531 in the body: tried, failed, and given back."""
        failed = answer.status < 500 and answer.code() in (501, sunoapi.REFUNDED)
        return FAILED_AT_ONCE if failed else super().refusal(answer)

    def poll_call(self, remote_id: str) -> Call:
        if not remote_id.startswith(JOB):
            return super().poll_call(remote_id)
        return Call("GET", "/api/v1/jobs/recordInfo", params={"taskId": remote_id.removeprefix(JOB)})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return self._read_job(answer) if remote_id.startswith(JOB) else super().read_poll(answer, remote_id)

    def _unlisted(self, answer: Answer) -> Snapshot | None:
        unknown = answer.get("data") is None and answer.unlisted(404, 422)
        return Snapshot("running", message="not listed yet", unlisted=True) if unknown else super()._unlisted(answer)

    def _read_job(self, answer: Answer) -> Snapshot | None:
        """A poll's answer, or the body of a callback: they are the same."""
        word = (text(answer.get("data", "state")) or "").lower()
        if not word:
            return self._unlisted(answer)
        if self._is_end(word.upper()):
            known = _asked_model(answer)
            found = [read_item({**item, **_sendable(item)}, known, True) for item in _job_items(answer)]
            return self._weigh(answer, word.upper(), found, "")
        if word not in RUNNING:
            note_once(self.spec.name, word)
        passed = number(answer.get("data", "progress")) or 0.0
        return Snapshot("running", min(passed / 100, 0.99) if passed > 0 else None, RUNNING.get(word, word))

    def _failure(self, answer: Answer, word: str) -> FermataError:
        if answer.get("data", "state") is None:
            return super()._failure(answer, word)
        said = words.said(answer.get("data", "failMsg"))
        code = error_code(answer)
        rejected = code in CONTENT_CODES or words.about_content(f"{said} {text(answer.get('data', 'failCode'))}")
        why = f"{self.spec.name}: {said or 'no reason given'} ({word.lower()}{f' {code}' if code else ''})"
        back = ", given back by the provider" if read_cost(answer) == 0 else ""
        return error_from("content_rejected" if rejected else "generation_failed", f"{why}{back}.",
                          SAFER if code == 400 else None)  # fmt: skip


class MarketAdapter(KieAdapter):
    """See `wire.Adapter`. New work as jobs; `callback` is told only where the operator set one.

    Which fields are there decides between inheriting and custom mode: there is no flag.
    """

    def __init__(self, callback: str | None = None, flavour: ProviderSpec = SPEC) -> None:
        super().__init__(flavour, "")
        self._callback = callback

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
        callback = work.options.get("callBackUrl", self._callback)
        body = {"model": route, "input": told} | ({} if callback is None else {"callBackUrl": callback})
        return Call("POST", "/api/v1/jobs/createTask", body)

    def _check(self, told: Mapping[str, Any], route: str) -> None:
        """Refuse what the page says does not go together, naming all of it."""
        name = self.spec.name
        if told.get("instrumental") is True and (sung := [field for field in VOCAL if field in told]):
            raise UnsupportedField(
                f"{name} cannot use {', '.join(sung)} beside instrumental.",
                f"leave out instrumental, or {', '.join(sung)}.",
            )
        chosen = any(FIELDS[field].wire in told for field in self.spec.custom_fields)
        needs = [field for field in self.spec.custom_needs if field != "prompt"]
        missing = [field for field in needs if FIELDS[field].wire not in told]
        if not told.get("instrumental") and not {"prompt", "lyrics"} & told.keys():
            missing.append("prompt")
        if chosen and missing and route == EXTEND:
            raise InvalidRequest(
                f"{name} needs {', '.join(missing)} too, once anything is chosen.",
                f"add {', '.join(missing)}, or choose nothing to go on as before.",
            )

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

    def read_submit(self, answer: Answer) -> str | None:
        found = super().read_submit(answer)
        return None if found is None else JOB + found


def _title_of(work: Work) -> str:
    """What the file is called; "" where that says nothing."""
    name = work.source_file or unquote(urlsplit(work.source_url or "").path)
    return clean_text(Path(name).stem, 80)


def _job_items(answer: Answer) -> Sequence[dict[str, Any]]:
    """The clips of a finished job, from the first place that has any: the result as JSON text, or what is beside it."""
    told = answer.get("data", "resultJson")
    places = (_json(told), answer.get("data", "response"), answer.get("data", "result"), answer.get("data", "data"))
    found = (_clips(place) for place in places)
    return next(filter(None, found), _NOTHING)


def _clips(value: Any, depth: int = 4) -> Sequence[dict[str, Any]]:
    if isinstance(value, list):
        items = map(words.mapping, cast("list[Any]", value))
        return [item for item in items if item is not None]
    told = words.mapping(value)
    if told is None or not depth:
        return []
    inner = (_clips(told.get(name), depth - 1) for name in ("data", "sunoData", "response", "resultObject", "result"))
    urls = told.get("resultUrls")
    bare: list[Any] = [{"audio_url": url} for url in cast("list[Any]", urls)] if isinstance(urls, list) else []
    own = [told] if told.get("audio_url") or told.get("audioUrl") else []
    return next(filter(None, inner), bare or own)


def _json(told: Any) -> Any:
    try:
        return json.loads(told) if isinstance(told, str) else told
    except (ValueError, RecursionError):
        return None


def _asked_model(answer: Answer) -> str | None:
    """The model of the request, which comes back as JSON text; that of the job is only its route."""
    asked = Answer(200, _json(answer.get("data", "param")), "")
    inner = asked.get("input")
    model = Answer(200, _json(inner), "").get("model") or asked.get("model")
    return model if isinstance(model, str) and "/" not in model and text(model) == model else None


def _sendable(item: Mapping[str, Any]) -> dict[str, str | None]:
    """A clip's own name for its model, where it is one that can be sent again."""
    said = text(item.get("model_name") or item.get("modelName"))
    return {"modelName": said if said in SPEC.models else None, "model_name": None}


def make(context: ProviderContext) -> Provider:
    if context.settings.kie_api == "market":
        return HttpProvider(MarketAdapter(context.settings.asked_callback), context)
    return HttpProvider(KieAdapter(sunoapi.KIE, context.settings.callback_url), context)
