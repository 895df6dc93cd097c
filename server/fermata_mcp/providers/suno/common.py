"""The dialect: requests in custom or inherit mode, and how work is read."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from fermata_mcp.config import INERT_CALLBACK
from fermata_mcp.domain.errors import FermataError, InvalidRequest, UnsupportedField, error_from
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.spec import FieldSpec, Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.values import credits_in, link, note_once, text
from fermata_mcp.providers.http.wire import Answer, Call, with_options
from fermata_mcp.providers.http.words import DONE_WORDS

from .clips import RUNNING, asked_model, clips_told, error_code, has_failed, own_words, read_cost, read_item, stage_of

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
SWITCHES = frozenset(FIELDS) - {"model"}
WEIGHTS = frozenset({"style_weight", "weirdness", "audio_weight"})  # the wire wants multiples of 0.01
INVALID, BUSY, NO_CREDITS = Refusal("invalid_request"), Refusal("rate_limited", True), Refusal("insufficient_credits")
COMMON: dict[int, Refusal] = {
    **dict.fromkeys((400, 404, 409, 422, 451), INVALID),
    **dict.fromkeys((401, 403), Refusal("authentication_failed")),
    402: NO_CREDITS, 455: Refusal("provider_unavailable", True),
}  # fmt: skip


class SunoAdapter(HttpAdapter):
    """What both hosts have in common. They demand a callback address, though we poll."""

    balance_path: ClassVar[str]

    def notes_for(self, work: Work) -> tuple[str, ...]:
        """Clips want the model that made them, which only whoever made them knows."""
        told = work.fields.get("model") or self.spec.asked_in_options(work.options).get("model")
        if work.source_clip is None or told:
            return ()
        return (f"The model of the clip is unknown: sent {self.spec.default_model}; pass model to choose.",)

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
        body = with_options(
            self._chosen(work) | {"callBackUrl": self._callback_url or INERT_CALLBACK}, work.options, self.spec
        )
        custom = any(known.wire in body for name, known in self.spec.fields.items() if name in SWITCHES)
        return Call("POST", path, {"defaultParamFlag": custom, **source, **body})

    def refusal(self, answer: Answer) -> Refusal | None:
        """429 in the body can mean that the money is out; as the answer's own status it is always about speed."""
        return BUSY if answer.status == answer.code() == 429 else None

    def poll_call(self, remote_id: str) -> Call:
        return Call("GET", "/api/v1/generate/record-info", params={"taskId": remote_id})

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """A poll's answer, or the body of a callback, which tells its stage instead of a status."""
        word = (text(answer.get("data", "status")) or "").upper() or stage_of(answer)
        if not word:
            return self._unlisted(answer)
        if not self._is_end(word) and word not in RUNNING:
            note_once(self.spec.name, word)
        model = asked_model(answer)
        found = [read_item(item, model, self._is_end(word)) for item in clips_told(answer)]
        return self._weigh(answer, word, found, RUNNING.get(word, word.lower()))

    def balance_call(self) -> Call:
        return Call("GET", self.balance_path)

    def read_balance(self, answer: Answer) -> float | None:
        return credits_in(answer.get("data"))

    def upload_call(self, file: Path) -> Call:
        """A file under a name that was never used, since the host serves old content under an old name."""
        form = {"uploadPath": "fermata", "fileName": secrets.token_hex(16) + file.suffix.lower()}
        return Call("POST", "/api/file-stream-upload", form=form, file=file, host="upload")

    def read_upload(self, answer: Answer) -> str | None:
        return link(answer.get("data", "downloadUrl"))

    def _chosen(self, work: Work) -> dict[str, Any]:
        """Everything asked for, by the names of the wire."""
        model = work.fields.get("model") or self.spec.default_model
        asked: dict[str, Any] = work.fields | {"model": model, "continue_at": work.continue_at}
        asked |= {name: round(asked[name], 2) for name in WEIGHTS if asked.get(name) is not None}
        fields = self.spec.fields
        return {fields[name].wire: asked[name] for name in fields if asked.get(name) is not None}

    def _nothing_to_extend(self) -> InvalidRequest:
        return InvalidRequest(f"{self.spec.name} needs a clip, a link or an uploaded file.")

    def _unlisted(self, answer: Answer) -> Snapshot | None:
        empty = answer.code() < 400 and answer.get("code") is not None and answer.get("data") is None
        known = not (empty or answer.unlisted(404))
        return None if known else Snapshot("running", message="not listed yet", unlisted=True)

    def _is_end(self, word: str) -> bool:
        return word.lower() in DONE_WORDS or word == "CALLBACK_EXCEPTION" or has_failed(word)

    def _weigh(self, answer: Answer, word: str, found: Sequence[Clip | str], doing: str) -> Snapshot:
        """One state from the word of the whole and from its clips; what exists of work that ended is delivered."""
        clips = tuple(clip for clip in found if isinstance(clip, Clip))
        linked = tuple(clip for clip in clips if clip.url)
        cost = read_cost(answer)
        if not self._is_end(word):
            return Snapshot("running", message=doing, clips=linked)
        if (has_failed(word) and not linked) or (found and not clips):
            return Snapshot("failed", error=self._failure(answer, word), cost=cost)
        if word == "CALLBACK_EXCEPTION" and not linked:
            return Snapshot("running", message=doing)
        kept = linked if has_failed(word) else clips
        lost = len(found) - len(kept)
        said = [f"{lost} of {counted(len(found), 'clip')} failed."] if lost else []
        said += [f"{self.spec.name} ended with {word}."] if word == "CALLBACK_EXCEPTION" else []
        return Snapshot("succeeded", 1.0, clips=kept, warnings=tuple(said), cost=cost)

    def _failure(self, answer: Answer, word: str) -> FermataError:
        places = [("data", "errorMessage"), ("data", "response", "errorMessage"), ("data", "error")]
        said = next(filter(None, (words.said(answer.get(*place)) for place in places)), None) or own_words(answer)
        refusal = self.spec.refusals.get(error_code(answer))
        rejected = "SENSITIVE" in word or (refusal and refusal.code == "content_rejected")
        rejected = rejected or words.about_content(said or "")
        code = "content_rejected" if rejected else "generation_failed"
        return error_from(code, f"{self.spec.name}: {said or 'no reason given'} ({word}).")
