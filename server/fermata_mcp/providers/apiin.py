"""apiin.one: extends a clip of one of its own tasks, named by task id and index; never by clip id, file or link."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from fermata_mcp.domain.account import AccountSpec, Variable, host
from fermata_mcp.domain.credits import Price
from fermata_mcp.domain.errors import ContentRejected, FermataError, GenerationFailed, InvalidRequest, UnknownTrack
from fermata_mcp.domain.hooks import HookForm
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.spec import CustomMode, FieldSpec, Pace, PointRule, ProviderSpec, Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.values import link, note_once, seconds, text
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import DONE_WORDS, FAILED_WORDS, about_content, named_id, reason

from .base import Provider, ProviderContext, Snapshot

PROMPT = "prompt and lyrics share one field: with lyrics, prompt is not sent"
FIELDS = {
    "prompt": FieldSpec("prompt", 5000, PROMPT), "lyrics": FieldSpec("prompt", 5000, PROMPT),
    "style": FieldSpec("style", 1000), "title": FieldSpec("title", 100),
    "continue_at": FieldSpec("extensionStartTime", note="after 0 and before the end"),
}  # fmt: skip
CUSTOM_WIRES = frozenset(field.wire for field in FIELDS.values()) | {"tags"}

SPEC = ProviderSpec(
    name="apiin",
    title="apiin.one",
    site="https://apiin.one",
    hook=HookForm("callback_url"),
    summary="Extends clips of its own tasks; two clips per extension.",
    sources=frozenset({"task", "clip"}),
    fields=FIELDS,
    pace=Pace(first=45, interval=15, give_up=1800, slow_after=240),
    submit="at_most_once",
    verified="against documentation 2026-11-20, not live",
    account=AccountSpec(
        key=Variable("APIIN_API_KEY", "key of `apiin`"),
        base_url=host("APIIN_BASE_URL", "https://apiin.one"),
    ),
    price=Price(5, 12, "the vendor's page on extending: by tier of the source's model"),
    refusals={
        400: Refusal("invalid_request"),
        401: Refusal("authentication_failed"),
        402: Refusal("insufficient_credits"),
        404: Refusal("unknown_track"),
        429: Refusal("rate_limited", later=True),
    },
    custom=CustomMode(fields=frozenset(FIELDS), needs=("prompt",), options=frozenset({"tags"}), flag="custom_mode"),
    point=PointRule(within="inside"),
    clip_form=r"[!-~]+/[01]",
    song_pages={
        "apiin.one": r".*?/((?:gen|ext)[0-9a-z]{8,})(?:/|.*?[?&](?:index|variation)=)([01])(?:[/?&#].*)?",
    },
    notes=(
        "Takes clip:<task id>/<0 or 1> of tasks made on the same account; keeps the model of that task.",
        "Has no balance call: its dashboard shows the credits.",
        "Whether an extension can itself be extended is not documented; a chain tries it.",
        "Where the feed does not take task_id it is asked by workId, as the vendor's older pages have it.",
    ),
)

FEED = "/api/v1/audio/music/feed"
# Types of errors that its page names, with the codes they come with.
TYPES = {"invalid_request": 400, "authentication_error": 401, "insufficient_credits": 402, "not_found": 404,
         "rate_limit_error": 429, "rate_limited": 429}  # fmt: skip
CLIP_FORM = re.compile(r"([!-~]{1,200})/([01])")
STAGES = {"text": "words are ready", "first": "first audio is ready"}
RUNNING = {"", "pending", "queued", "submitted", "processing", "in_progress", "running", "streaming"} | STAGES.keys()


class ApiinAdapter(HttpAdapter):
    """See `HttpAdapter`."""

    spec = SPEC

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
        return Call("POST", "/api/v1/audio/music/extend", origin | {"custom_mode": custom} | self._hook() | body)

    def refusal(self, answer: Answer) -> Refusal | None:
        """An `error` beside HTTP 200 says its type, or at least that it is one; beside an id it says too little."""
        error = answer.get("error")
        if answer.code() >= 400 or not error:
            return None
        known = SPEC.refusals.get(TYPES.get(str(answer.get("error", "type")), 0))
        return known or (None if named_id(answer.body) else Refusal("invalid_request"))

    def poll_call(self, remote_id: str) -> Call:
        older = Call("GET", FEED, params={"workId": remote_id})
        return Call("GET", FEED, params={"task_id": remote_id}, otherwise=older)

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        match answer.code(), answer.body:
            case 404, told:
                return Snapshot("running", message="not listed yet", unlisted=isinstance(told, dict), blank=True)
            case code, {"data": _} if code < 400:
                pass
            case _:
                return Snapshot("running", message="not listed yet", unlisted=True) if answer.unlisted() else None
        whole, items = _word(answer.get("data", "type")), _items(answer.get("data", "response_data"))
        states = [_state(item, whole) for item in items]
        made = [index for index, state in enumerate(states) if state == "done"]
        clips = tuple(_clip(f"{remote_id}/{index}", items[index], answer) for index in made)
        linked = tuple(clip for clip in clips if clip.url)
        if linked if _failed(whole) else _is_over(whole, states):
            clips = linked if _failed(whole) else clips
            lost = (f"{len(items) - len(clips)} of {counted(len(items), 'clip')} failed at apiin.",)
            return Snapshot("succeeded", 1.0, "done", clips, lost if len(clips) < len(items) else ())
        if _failed(whole) or (items and set(states) == {"failed"}):
            return Snapshot("failed", error=_failure(answer, items))
        stage = next((word for word in map(_word, (item.get("status") for item in items)) if word in STAGES), None)
        ready = f"{counted(len(linked), 'clip')} ready"
        return Snapshot("running", message=STAGES[stage] if stage else ready, clips=linked)

    def clip_call(self, clip_id: str) -> Call | None:
        named = CLIP_FORM.fullmatch(clip_id)
        return self.poll_call(named[1]) if named else None

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        """None while the task is not over: its clips cannot be extended before."""
        task_id, _, index = clip_id.rpartition("/")
        found = self.read_poll(answer, task_id)
        if found is None or found.state == "running":
            return None
        clip = next((clip for clip in found.clips if clip.provider_clip_id == clip_id), None)
        if clip is None and (found.clips or found.state == "failed"):
            raise UnknownTrack(f"apiin has no clip {index} of this task.", "give one of its finished clips.")
        return clip

    def _hook(self) -> dict[str, Any]:
        return {} if self._callback_url is None else {"callback_url": self._callback_url}


def _items(data: Any) -> list[dict[str, Any]]:
    """The clips, each at its index, by which it is extended; {} for one that cannot be read."""
    items = cast("list[Any]", data) if isinstance(data, list) else [data] if data else []
    return [cast("dict[str, Any]", item) if isinstance(item, dict) else {} for item in items]


def _state(item: Mapping[str, Any], whole: str) -> Literal["done", "failed", "coming"]:
    """Links of unfinished clips are streams and may be short: only `complete` makes one worth having."""
    word = _word(item.get("status")) or whole
    if word in DONE_WORDS and item and (link(item.get("audio_url")) or not _reason(item)):
        return "done"
    return "failed" if _failed(word) or _reason(item) or (not item and whole in DONE_WORDS) else "coming"


def _is_over(whole: str, states: Sequence[str]) -> bool:
    """Whether everything that there will ever be is there; a whole without a word is over with its last clip."""
    ready = "done" in states or (whole in DONE_WORDS and not states)
    return ready and whole in DONE_WORDS | {""} and "coming" not in states


def _clip(clip_id: str, item: Mapping[str, Any], answer: Answer) -> Clip:
    return Clip(
        provider_clip_id=clip_id, title=text(item.get("title")), duration_seconds=seconds(item.get("duration")),
        url=link(item.get("audio_url")),
        model=text(item.get("model_name")) or text(answer.get("data", "request_body", "model")),
    )  # fmt: skip


def _reason(item: Mapping[str, Any]) -> str | None:
    return reason({name: item.get(name) for name in ("fail_message", "error_message", "error")})


def _failure(answer: Answer, items: list[dict[str, Any]]) -> FermataError:
    said = next(filter(None, map(_reason, [*items, *_items(answer.get("data"))])), "no reason given")
    kind = ContentRejected if about_content(said) else GenerationFailed
    return kind(f"apiin: {said}; whether it is charged for is not documented.")


def _failed(word: str) -> bool:
    return "fail" in word or "error" in word or word in FAILED_WORDS


def _word(value: Any) -> str:
    word = (text(value) or "").lower()[:40]
    if word not in RUNNING | DONE_WORDS and not _failed(word):
        note_once("apiin", word)
    return word


def make(context: ProviderContext) -> Provider:
    return http_provider(ApiinAdapter(context.callback_url), context)
