"""How AceDataCloud tells of work: a task with the request and, once there is any, the response to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from fermata_mcp.domain.errors import ContentRejected, FermataError, GenerationFailed
from fermata_mcp.domain.moments import counted
from fermata_mcp.domain.task import Clip
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.values import link, note_once, number, seconds, text
from fermata_mcp.providers.http.wire import Answer
from fermata_mcp.providers.http.words import DONE_WORDS, FAILED_WORDS, about_content

_RUNNING = frozenset({"pending", "running", "queued", "processing", "submitted", "streaming"})
# Hosts whose links play what there is so far, and end there.
_STREAM = "audiopipe"


@dataclass(frozen=True)
class Upload:
    """An upload is over with its answer, and may be told nowhere else: so its id holds all that a clip needs."""

    task_id: str
    clip_id: str
    seconds: float | None


def upload_told(answer: Answer) -> str | None:
    """The id of an upload that was taken in; None for any other answer."""
    clip_id = text(answer.get("data", "audio_id"))
    if clip_id is None or answer.get("error") or answer.get("success") is False:
        return None
    told = [answer.task_id() or clip_id, clip_id, number(answer.get("data", "duration"))]
    return json.dumps(told, separators=(",", ":"))


def upload_of(remote_id: str) -> Upload | None:
    """The upload of that id; None for the id of any other work."""
    if not remote_id.startswith("["):
        return None
    task_id, clip_id, told = json.loads(remote_id)
    return Upload(task_id, clip_id, seconds(told))


class TaskReader:
    """A look at one task of the provider `name`."""

    def __init__(self, name: str, answer: Answer) -> None:
        self._name = name
        self._asked = Answer(200, _object(answer.get("request")), "")
        self._told = Answer(200, _object(answer.get("response")), "")
        self._over = self._told.get("success") is True

    def snapshot(self) -> Snapshot:
        """Done once the whole says so, and every clip: links before that are streams that end early."""
        if self._told.get("success") is False or self._told.get("error"):
            return Snapshot("failed", error=self._failure(self._told))
        items = _items(self._told.get("data"))
        if not items:
            return Snapshot("running", message="waiting at the provider", blank=self._asked.body is None)
        states = [self._state(item) for item in items]
        done = [self._clip(item) for item, word in zip(items, states, strict=True) if word in DONE_WORDS]
        failed = [item for item, word in zip(items, states, strict=True) if word in FAILED_WORDS]
        if len(failed) == len(items):
            return Snapshot("failed", error=self._failure(Answer(200, failed[0], "")))
        if not self._over or len(done) + len(failed) < len(items):
            return Snapshot("running", message=f"{len(done)} of {counted(len(items), 'clip')} ready")
        lost = f"{len(failed)} of {counted(len(items), 'clip')} failed at the provider"
        return Snapshot("succeeded", 1.0, "done", tuple(done), (lost,) if failed else ())

    def _state(self, item: Mapping[str, Any]) -> str:
        """Producer's clips say none of their own."""
        word = (text(item.get("state")) or "").lower()[:40]
        if word and word not in _RUNNING | DONE_WORDS | FAILED_WORDS:
            note_once(self._name, word)
        return word or ("succeeded" if self._over else "running")

    def _clip(self, item: Mapping[str, Any]) -> Clip:
        """What was joined there says of what; the model of a clip is an internal name, which cannot be sent again."""
        url = link(item.get("audio_url"))
        streamed = url is not None and (urlsplit(url).hostname or "").startswith(_STREAM)
        return Clip(
            provider_clip_id=text(item.get("id")),
            title=text(item.get("title")),
            duration_seconds=seconds(item.get("duration")),
            whole_track=True if item.get("concat_history") else None,
            url=None if streamed else url,
            model=text(self._asked.get("model")),
        )

    def _failure(self, told: Answer) -> FermataError:
        said = told.message()
        why = "no reason given" if words.says_nothing(said) or said.startswith("HTTP ") else said.rstrip(".")
        rejected = about_content(said) or told.get("error", "code") == "forbidden"
        return (ContentRejected if rejected else GenerationFailed)(f"{self._name}: {why}.")


def _object(value: Any) -> Any:
    """A JSON object, also where it came as text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _items(data: Any) -> list[dict[str, Any]]:
    items = cast("list[Any]", data) if isinstance(data, list) else [data]
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict) and item]
