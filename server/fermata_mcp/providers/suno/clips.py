"""How the dialect tells of clips, costs and ends, in a poll's answer and in the body of a callback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from fermata_mcp.domain.task import Clip
from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.values import link, number, seconds, text
from fermata_mcp.providers.http.wire import Answer

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


def clips_told(answer: Answer) -> list[Mapping[str, Any]]:
    """The clips of work, from the first place that has any."""
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
    if url is None and (words.reason(_reasons(item)) or has_failed(state)):
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
    return int(next(filter(None, told), None) or (number(answer.get("code")) or 0 if stage_of(answer) else 0))


def stage_of(answer: Answer) -> str:
    """The state that a callback means by its stage; "" where this is none."""
    return STAGES.get((text(answer.get("data", "callbackType")) or "").lower(), "")


def own_words(answer: Answer) -> str | None:
    """Why work failed, in the words of a callback; None where there are none."""
    said = answer.message()
    return said if stage_of(answer) and not words.says_nothing(said) else None


def has_failed(word: str) -> bool:
    """Whether a state, in capitals, is one of failure."""
    return any(part in word for part in FAILED_PARTS)


def asked_model(answer: Answer) -> str | None:
    """The model of the request, which the hosts give back as JSON in a string; clips carry an internal name only."""
    try:
        asked = json.loads(answer.get("data", "param"))
        return text(asked["model"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
