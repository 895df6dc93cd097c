"""apiin.one: extends a clip of one of its own tasks, named by task id and index; never by clip id, file or link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import FermataError, GenerationFailed, InvalidRequest
from fermata_mcp.domain.spec import FieldSpec, Pace, ProviderSpec, Refusal
from fermata_mcp.domain.task import Clip, Work

from .base import Host, Provider, Snapshot
from .http import HttpProvider
from .wire import DONE_WORDS, FAILED_WORDS, Answer, Call, link, note_once, seconds, text

PROMPT = "prompt and lyrics share one field: with lyrics, prompt is not sent"
FIELDS = {
    "prompt": FieldSpec("prompt", 5000, PROMPT), "lyrics": FieldSpec("prompt", 5000, PROMPT),
    "style": FieldSpec("style", 1000), "title": FieldSpec("title", 100),
    "continue_at": FieldSpec("extensionStartTime", note="after 0 and before the end"),
}  # fmt: skip
CUSTOM_WIRES = frozenset(field.wire for field in FIELDS.values()) | {"tags"}

SPEC = ProviderSpec(
    name="apiin", title="apiin.one", summary="Extends clips of its own tasks; two clips per extension.",
    sources=frozenset({"task", "clip"}), fields=FIELDS, submit="at_most_once",
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=240),
    verified="against documentation 2026-11-20, not live", key_variable="APIIN_API_KEY",
    price=Price(5, 12, "the vendor's page on extending: by tier of the source's model"),
    custom_fields=frozenset(FIELDS), custom_needs=("prompt",), point="inside",
    custom_options=frozenset({"tags"}), custom_flag="custom_mode", clip_form=r"[!-~]+/[01]",
    refusals={
        400: Refusal("invalid_request"), 401: Refusal("authentication_failed"), 402: Refusal("insufficient_credits"),
        404: Refusal("unknown_track"), 429: Refusal("rate_limited", later=True),
    },
    notes=(
        "Takes clip:<task id>/<0 or 1> of tasks made on the same account; keeps the model of that task.",
        "Has no balance call: its dashboard shows the credits.",
        "Whether an extension can itself be extended is not documented; a chain tries it.",
        "Older pages of the vendor name the query of the feed workId, not task_id.",
    ),
)  # fmt: skip

CLIP_FORM = re.compile(r"([!-~]{1,200})/([01])")
STAGES = {"text": "words are ready", "first": "first audio is ready"}
RUNNING = {"", "pending", "queued", "submitted", "processing", "in_progress", "running", "streaming"} | STAGES.keys()


class ApiinAdapter:
    """See `wire.Adapter`."""

    spec, family = SPEC, "apiin"

    def submit_call(self, work: Work) -> Call:
        """Inherit mode, unless anything that only custom mode knows is asked for."""
        source = CLIP_FORM.fullmatch(work.source_clip or "")
        if source is None:
            raise InvalidRequest("apiin extends clips of its own tasks only.", "give clip:<task id>/0 or /1.")
        at = work.continue_at
        asked = work.fields | {"continue_at": int(at) if at is not None and at == int(at) else at}
        body = {FIELDS[name].wire: asked[name] for name in FIELDS if asked.get(name) is not None} | work.options
        custom = body.get("custom_mode", not CUSTOM_WIRES.isdisjoint(body))
        if custom and not body.get("prompt"):
            raise InvalidRequest("apiin needs prompt too, once anything is chosen.", "add prompt or lyrics.")
        origin: dict[str, Any] = {"origin_task_id": source[1], "extend_audio_index": int(source[2])}
        return Call("POST", "/api/v1/audio/music/extend", origin | {"custom_mode": custom} | body)

    def read_submit(self, answer: Answer) -> str | None:
        found = [answer.get("task_id"), answer.get("data", "task_id"), answer.get("id")]
        named = (known for known in found if isinstance(known, str) and re.fullmatch(r"[!-~]{1,200}", known))
        return None if answer.get("error") else next(named, None)

    def refusal(self, answer: Answer) -> None:
        return None  # the codes say it all

    def look_call(self, remote_id: str) -> Call:
        return Call("GET", "/api/v1/audio/music/feed", params={"task_id": remote_id})

    def read_look(self, answer: Answer, remote_id: str) -> Snapshot | None:
        match answer.code(), answer.body:
            case 404, _:
                return Snapshot("running", message="not listed yet")
            case code, {"data": _} if code < 400:
                pass
            case _:
                return None
        whole, items = _word(answer.get("data", "type")), _items(answer.get("data", "response_data"))
        states = [_state(item, whole) for item in items]
        made = [index for index, state in enumerate(states) if state == "done"]
        clips = tuple(_clip(f"{remote_id}/{index}", items[index], answer) for index in made)
        if clips and (_failed(whole) or (whole in DONE_WORDS | {""} and "coming" not in states)):
            lost = (f"{len(items) - len(clips)} of {len(items)} clips failed at apiin.",)
            return Snapshot("succeeded", 1.0, "done", clips, lost if len(clips) < len(items) else ())
        if _failed(whole) or (items and set(states) == {"failed"}):
            return Snapshot("failed", error=_failure(answer, items))
        stage = next((word for word in map(_word, (item.get("status") for item in items)) if word in STAGES), None)
        return Snapshot("running", message=STAGES[stage] if stage else f"{len(clips)} clips ready", clips=clips)

    def clip_call(self, clip_id: str) -> Call | None:
        return None

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        return None

    def balance_call(self) -> Call | None:
        return None

    def read_balance(self, answer: Answer) -> float | None:
        return None

    def upload_call(self, file: Path) -> Call | None:
        return None

    def read_upload(self, answer: Answer) -> str | None:
        return None


def _items(data: Any) -> list[dict[str, Any]]:
    """The clips, each at its index, by which it is extended; {} for one that cannot be read."""
    items = cast("list[Any]", data) if isinstance(data, list) else [data] if data else []
    return [cast("dict[str, Any]", item) if isinstance(item, dict) else {} for item in items]


def _state(item: Mapping[str, Any], whole: str) -> Literal["done", "failed", "coming"]:
    """Links of unfinished clips are streams and may be short: only `complete` makes one worth having."""
    word = _word(item.get("status")) or whole
    if word in DONE_WORDS and link(item.get("audio_url")):
        return "done"
    return "failed" if _failed(word) or _reason(item) or (not item and whole in DONE_WORDS) else "coming"


def _clip(clip_id: str, item: Mapping[str, Any], answer: Answer) -> Clip:
    return Clip(
        provider_clip_id=clip_id, title=text(item.get("title")), duration_seconds=seconds(item.get("duration")),
        url=link(item.get("audio_url")),
        model=text(item.get("model_name")) or text(answer.get("data", "request_body", "model")),
    )  # fmt: skip


def _reason(item: Mapping[str, Any]) -> str | None:
    return text(item.get("fail_message")) or text(item.get("error_message"))


def _failure(answer: Answer, items: list[dict[str, Any]]) -> FermataError:
    said = next(filter(None, map(_reason, [*items, *_items(answer.get("data"))])), "no reason given")
    return GenerationFailed(f"apiin: {said}; whether it is charged for is not documented.")


def _failed(word: str) -> bool:
    return "fail" in word or "error" in word or word in FAILED_WORDS


def _word(value: Any) -> str:
    word = (text(value) or "").lower()[:40]
    if word not in RUNNING | DONE_WORDS and not _failed(word):
        note_once("apiin", word)
    return word


def make(host: Host) -> Provider:
    return HttpProvider(ApiinAdapter(), host)
