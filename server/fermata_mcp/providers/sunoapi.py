"""sunoapi.org, and the older door of kie.ai, which speaks the same dialect with other codes for refusals."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import FermataError, InvalidRequest, UnsupportedField, error_from
from fermata_mcp.domain.spec import FieldSpec, Pace, ProviderSpec, Rate, Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.http.client import HttpProvider
from fermata_mcp.providers.http.wire import (
    DONE_WORDS,
    Answer,
    Call,
    credits_in,
    link,
    note_once,
    number,
    seconds,
    text,
    with_options,
)

from .base import Provider, ProviderContext, Snapshot
from .http import words

PROMPT = "prompt and lyrics share one field: give one of them"
SHORT_MODELS, LONG_MODELS = ("V3_5", "V4"), ("V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5", "V6", "V6_WILD", "V6_MINI")
WORDS = FieldSpec("prompt", 5000, PROMPT, by_model=dict.fromkeys(SHORT_MODELS, 3000))
FIELDS = {
    "prompt": WORDS, "lyrics": WORDS, "style": FieldSpec("style", 1000, by_model=dict.fromkeys(SHORT_MODELS, 200)),
    "title": FieldSpec("title", 100, by_model=dict.fromkeys((*SHORT_MODELS, "V4_5ALL"), 80)),
    "continue_at": FieldSpec("continueAt"), "model": FieldSpec("model", note="must be the source clip's"),
    "exclude_style": FieldSpec("negativeTags"), "vocal_gender": FieldSpec("vocalGender"),
    "style_weight": FieldSpec("styleWeight"), "weirdness": FieldSpec("weirdnessConstraint"),
    "audio_weight": FieldSpec("audioWeight"), "persona_id": FieldSpec("personaId"),
    "instrumental": FieldSpec("instrumental", note="for files and links, not for clips"),
}  # fmt: skip
CUSTOM = frozenset(FIELDS) - {"model"}
WEIGHTS = frozenset({"style_weight", "weirdness", "audio_weight"})  # the wire wants multiples of 0.01
INVALID, BUSY, NO_CREDITS = Refusal("invalid_request"), Refusal("rate_limited", True), Refusal("insufficient_credits")
COMMON: dict[int, Refusal] = {
    **dict.fromkeys((400, 404, 409, 422, 451), INVALID),
    **dict.fromkeys((401, 403), Refusal("authentication_failed")),
    402: NO_CREDITS, 455: Refusal("provider_unavailable", True),
}  # fmt: skip

SPEC = ProviderSpec(
    name="sunoapi", title="sunoapi.org", summary="Extends its own clips, files and links; two clips per extension.",
    sources=frozenset({"file", "url", "task", "clip"}), fields=FIELDS, submit="at_most_once",
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=240), rate=Rate(20, 10),
    verified="against documentation 2026-11-20, not live", key_variable="SUNOAPI_API_KEY", has_balance=True,
    price=Price(12, 12, "tables of callers 2025-26 (one books 10); not on the vendor's page"),
    models=dict.fromkeys(SHORT_MODELS, 240.0) | dict.fromkeys(LONG_MODELS, 480.0), default_model="V5",
    custom_fields=CUSTOM, custom_needs=("continue_at", "prompt", "style", "title"), needs_point=True,
    upload_fields=frozenset({"instrumental"}),
    custom_flag="defaultParamFlag", wordless=True, point="inside", upload_by_model={"V4_5ALL": 60}, clip_form=r"[^/]+",
    refusals=COMMON | {405: BUSY, 413: INVALID, 429: NO_CREDITS, 430: BUSY}, longest_source_seconds=480,
    notes=("429 means no credits.", "Results are kept 15 days.", "V3_5 and V4 take shorter texts than the limits here.",
           "With V4_5ALL a file or link may be at most one minute long."),
)  # fmt: skip
KIE = replace(
    SPEC, name="kie", title="kie.ai", key_variable="KIE_API_KEY",
    refusals=COMMON | {404: Refusal("unknown_track"), 413: Refusal("content_rejected"), 429: BUSY, 433: NO_CREDITS,
                       505: Refusal("provider_unavailable")},
    notes=("429 means too fast.", "Results are kept 14 days.", *SPEC.notes[2:]),
)  # fmt: skip

CLIP_FAILED = "failed"
FAILED_PARTS = ("FAIL", "ERROR", "CANCEL", "TIMEOUT")
RUNNING = {
    "PENDING": "queued", "GENERATING": "being made", "TEXT_SUCCESS": "words are ready",
    "FIRST_SUCCESS": "first clip is ready", "CALLBACK_EXCEPTION": "no audio yet",
}  # fmt: skip
STAGES = {"text": "TEXT_SUCCESS", "first": "FIRST_SUCCESS", "complete": "SUCCESS",
          "error": "FAILED", "failed": "FAILED"}  # fmt: skip
REFUNDED = 531
CLIP_LISTS = (("data", "response", "sunoData"), ("data", "response", "data"), ("data", "data"))


class SunoAdapter:
    """See `wire.Adapter`. The flavour is `SPEC` or `KIE`; `callback_url` is what the hosts demand, though we poll."""

    def __init__(self, flavour: ProviderSpec, callback_url: str) -> None:
        self.spec, self.family = flavour, flavour.name
        self._callback_url = callback_url

    def submit_call(self, work: Work) -> Call:
        """Inherit mode unless anything that only custom mode knows is asked for."""
        if work.source_clip is not None:
            path, source = "/api/v1/generate/extend", {"audioId": work.source_clip}
            if refused := sorted(self.spec.upload_fields & work.fields.keys()):
                told = ", ".join(refused)
                raise UnsupportedField(f"{self.spec.name} takes {told} for files and links, not for clips.")
        elif work.source_url is not None:
            path, source = "/api/v1/generate/upload-extend", {"uploadUrl": work.source_url}
        else:
            raise self._nothing_to_extend()
        body = with_options(self._chosen(work) | {"callBackUrl": self._callback_url}, work.options, self.spec)
        custom = any(known.wire in body for name, known in self.spec.fields.items() if name in CUSTOM)
        return Call("POST", path, {"defaultParamFlag": custom, **source, **body})

    def _chosen(self, work: Work) -> dict[str, Any]:
        """Everything asked for, by the names of the wire."""
        model = work.fields.get("model") or self.spec.default_model
        asked: dict[str, Any] = work.fields | {"model": model, "continue_at": work.continue_at}
        asked |= {name: round(asked[name], 2) for name in WEIGHTS if asked.get(name) is not None}
        fields = self.spec.fields
        return {fields[name].wire: asked[name] for name in fields if asked.get(name) is not None}

    def _nothing_to_extend(self) -> InvalidRequest:
        return InvalidRequest(f"{self.spec.name} needs a clip, a link or an uploaded file.")

    def complete(self, work: Work) -> Work:
        return work

    def notes_for(self, work: Work) -> tuple[str, ...]:
        """Clips want the model that made them, which only whoever made them knows."""
        told = work.fields.get("model") or self.spec.asked_in_options(work.options).get("model")
        if work.source_clip is None or told:
            return ()
        return (f"The model of the clip is unknown: sent {self.spec.default_model}; pass model to choose.",)

    def read_submit(self, answer: Answer) -> str | None:
        return answer.task_id()

    def refusal(self, answer: Answer) -> Refusal | None:
        """429 in the body can mean that the money is out; as the answer's own status it is always about speed."""
        return BUSY if answer.status == answer.code() == 429 else None

    def poll_call(self, remote_id: str) -> Call:
        return Call("GET", "/api/v1/generate/record-info", params={"taskId": remote_id})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """A poll's answer, or the body of a callback, which tells its stage instead of a status."""
        word = (text(answer.get("data", "status")) or "").upper() or _stage(answer)
        if not word:
            return self._unlisted(answer)
        if not self._is_end(word) and word not in RUNNING:
            note_once(self.spec.name, word)
        model = _asked_model(answer)
        found = [read_item(item, model, self._is_end(word)) for item in _items(answer)]
        return self._weigh(answer, word, found, RUNNING.get(word, word.lower()))

    def _unlisted(self, answer: Answer) -> Snapshot | None:
        empty = answer.code() < 400 and answer.get("code") is not None and answer.get("data") is None
        known = not (empty or answer.unlisted(404))
        return None if known else Snapshot("running", message="not listed yet", unlisted=True)

    def _is_end(self, word: str) -> bool:
        return word.lower() in DONE_WORDS or word == "CALLBACK_EXCEPTION" or _failed(word)

    def _weigh(self, answer: Answer, word: str, found: Sequence[Clip | str], doing: str) -> Snapshot:
        """One state from the word of the whole and from its clips; what exists of work that ended is delivered."""
        clips = tuple(clip for clip in found if isinstance(clip, Clip))
        linked = tuple(clip for clip in clips if clip.url)
        cost = read_cost(answer)
        if not self._is_end(word):
            return Snapshot("running", message=doing, clips=linked)
        if (_failed(word) and not linked) or (found and not clips):
            return Snapshot("failed", error=self._failure(answer, word), cost=cost)
        if word == "CALLBACK_EXCEPTION" and not linked:
            return Snapshot("running", message=doing)
        kept = linked if _failed(word) else clips
        lost = len(found) - len(kept)
        said = [f"{lost} of {len(found)} clips failed."] if lost else []
        said += [f"{self.spec.name} ended with {word}."] if word == "CALLBACK_EXCEPTION" else []
        return Snapshot("succeeded", 1.0, clips=kept, warnings=tuple(said), cost=cost)

    def _failure(self, answer: Answer, word: str) -> FermataError:
        places = [("data", "errorMessage"), ("data", "response", "errorMessage"), ("data", "error")]
        said = next(filter(None, (words.said(answer.get(*place)) for place in places)), None) or _own_words(answer)
        refusal = self.spec.refusals.get(error_code(answer))
        rejected = "SENSITIVE" in word or (refusal and refusal.code == "content_rejected")
        rejected = rejected or words.about_content(said or "")
        code = "content_rejected" if rejected else "generation_failed"
        return error_from(code, f"{self.spec.name}: {said or 'no reason given'} ({word}).")

    def clip_call(self, clip_id: str) -> Call | None:
        return None

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        return None

    def balance_call(self) -> Call:
        return Call("GET", "/api/v1/chat/credit" if self.spec.name == "kie" else "/api/v1/generate/credit")

    def read_balance(self, answer: Answer) -> float | None:
        return credits_in(answer.get("data"))

    def upload_call(self, file: Path) -> Call:
        """A file under a name that was never used, since the host serves old content under an old name."""
        form = {"uploadPath": "fermata", "fileName": secrets.token_hex(16) + file.suffix.lower()}
        return Call("POST", "/api/file-stream-upload", form=form, file=file, host="upload")

    def read_upload(self, answer: Answer) -> str | None:
        return link(answer.get("data", "downloadUrl"))


def _items(answer: Answer) -> list[Mapping[str, Any]]:
    for path in CLIP_LISTS:
        found = answer.get(*path)
        if isinstance(found, list) and found:
            return [cast(dict[str, Any], item) for item in cast(list[Any], found) if isinstance(item, dict)]
    return []


def read_item(item: Mapping[str, Any], model: str | None, ended: bool) -> Clip | Literal["failed"]:
    """A clip, without a link while it cannot be had, or `failed` where it says so.

    Before the end only its own link is one to audio: what the source's links lead to until then are streams.
    """
    url = link(item.get("audioUrl") or item.get("audio_url"))
    url = url or (link(item.get("sourceAudioUrl") or item.get("source_audio_url")) if ended else None)
    state = (text(item.get("status")) or "").upper()
    if url is None and (words.reason(_reasons(item)) or _failed(state)):
        return CLIP_FAILED
    return Clip(
        provider_clip_id=text(item.get("id")), title=text(item.get("title")), url=url,
        duration_seconds=seconds(item.get("duration")),
        model=model or text(item.get("modelName") or item.get("model_name")),
    )  # fmt: skip


def _reasons(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if "error" in name.lower() or "fail" in name.lower()}


def read_cost(answer: Answer) -> float | None:
    """Credits that the work took, once it is over; a failure that is called refunded took none."""
    told = (number(answer.get("data", name)) for name in ("creditsConsumed", "consumeCredits", "credits_consumed"))
    known = next((cost for cost in told if cost is not None), None)
    return 0.0 if known is None and error_code(answer) == REFUNDED else known


def error_code(answer: Answer) -> int:
    """Why the work failed, as a number: that of a poll's answer, or of a callback."""
    told = (number(answer.get("data", name)) for name in ("errorCode", "failCode", "error_code"))
    return int(next(filter(None, told), None) or (number(answer.get("code")) or 0 if _stage(answer) else 0))


def _stage(answer: Answer) -> str:
    """The state that a callback means by its stage; "" where this is none."""
    return STAGES.get((text(answer.get("data", "callbackType")) or "").lower(), "")


def _own_words(answer: Answer) -> str | None:
    said = answer.message()
    return said if _stage(answer) and not words.says_nothing(said) else None


def _failed(word: str) -> bool:
    return any(part in word for part in FAILED_PARTS)


def _asked_model(answer: Answer) -> str | None:
    """The model of the request, which the hosts give back as JSON in a string; clips carry an internal name only."""
    try:
        asked = json.loads(answer.get("data", "param"))
        return text(asked["model"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def make(context: ProviderContext) -> Provider:
    return HttpProvider(SunoAdapter(SPEC, context.settings.callback_url), context)
