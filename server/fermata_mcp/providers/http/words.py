"""What providers say, in every spelling that was seen: reasons, ids of tasks, and what their words are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from fermata_mcp.domain.foreign.text import clean_text

LONGEST_WORDS = 300
DONE_WORDS = frozenset({"succeeded", "success", "complete", "completed"})
FAILED_WORDS = frozenset({"failed", "fail", "failure", "error", "cancelled", "timeout"})
_MOST_REASONS, _DEPTH = 5, 4
_REASONS = (
    "msg", "message", "error", "detail", "errors", "error_message", "errorMessage", "fail_message", "failMsg",
    "fail_reason", "failReason", "reason", "error_description",
)  # fmt: skip
# Words that stand where a reason should be.
_EMPTY_WORDS = FAILED_WORDS | {"success", "ok", "bad request", "unprocessable entity"}
_TASK_IDS = ("task_id", "taskId", "taskID", "recordId", "record_id", "jobId", "job_id")
_PLACES = ("data", "result", "response", "task")
_CLIP_KEYS = frozenset({"audio_url", "audioUrl", "clip_id"})
_ID = re.compile(r"(?!\.+$)[!-~]{1,200}")
# Alone, without a name beside it, only this is an id: no word of state, no number of a code, no date.
_BARE_ID = re.compile(r"(?!\d{1,7}$|\d{4}-\d\d-\d\d)(?=.*\d)[A-Za-z0-9][\w.:-]{2,199}", re.ASCII)

_NO_MONEY = re.compile(
    r"insufficient|not enough|top.?up|recharge|run out|out of (credits?|funds)|no (more )?credits? (left|remain)", re.I
)
_MONEY = re.compile(r"\bcredits?\b|\bbalance\b|\bfunds\b|payment|subscription", re.I)
_HURRY = re.compile(r"too (fast|many|frequent)|frequen|rate.?limit|slow down|per (second|minute)|concurren", re.I)
_CONTENT = re.compile(
    r"copyright|sensitive|moderat|unsuitable|inappropriate|prohibited|infring|artist|producer tag"
    r"|\b(existing|known|protected|registered) (work|recording|song|track|music)"
    r"|match\w*\b.{0,40}\b(existing|known|protected|registered)",
    re.I,
)
_UNKNOWN = re.compile(
    r"not (be )?found|(does ?n.t|does not|not) exist|unknown (task|record|job|id)|no such (task|record|job|id)"
    r"|(task|record|job)\w* is (null|empty)",
    re.I,
)


def mapping(value: Any) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def said(value: Any, depth: int = _DEPTH) -> str | None:
    """The words in a reason, however it is wrapped: text, a list of texts or objects, objects in objects."""
    if isinstance(value, str):
        return clean_text(value, LONGEST_WORDS) or None
    if depth and isinstance(value, list):
        parts = [said(part, depth - 1) for part in cast("list[Any]", value)[:_MOST_REASONS]]
        return clean_text("; ".join(part for part in parts if part), LONGEST_WORDS) or None
    told = mapping(value)
    return reason(told, depth - 1) if depth and told is not None else None


def reason(told: Mapping[str, Any], depth: int = _DEPTH) -> str | None:
    """Why it did not work, from the first key that says more than that it did not."""
    found = [words for key in _REASONS if (words := said(told.get(key), depth))]
    words = next((words for words in found if words.lower() not in _EMPTY_WORDS), next(iter(found), None))
    place = told.get("loc")
    where = cast("list[Any]", place)[-1] if isinstance(place, list) and place else None
    return f"{clean_text(where, 60)}: {words}" if words and isinstance(where, str) else words


def says_nothing(words: str) -> bool:
    """Whether these are no more than `success` or `failed`."""
    return words.lower().rstrip(".!") in _EMPTY_WORDS


def named_id(body: Any, *, strictly: bool = False) -> str | None:
    """The id of a task in any place where providers put it, whatever else the body says.

    Args:
        strictly: Only under a name that nothing but a task has; a plain `id` may be that of the request.
    """
    places = list(_places(body))
    strong = (_id(place.get(name)) for place in places for name in _TASK_IDS)
    weak = (_id(place.get("id")) for place in places if not _CLIP_KEYS & place.keys())
    found = next(filter(None, strong), None)
    return found if found or strictly else next(filter(None, weak), None) or next(_bare(body), None)


def accepted_id(body: Any) -> str | None:
    """The id under which work was taken on; None where the body speaks of an error."""
    return None if _is_error(mapping(body) or {}) else named_id(body)


def _is_error(body: Mapping[str, Any]) -> bool:
    states = (body.get(name) for name in ("status", "state"))
    failed = any(isinstance(state, str) and state.strip().lower() in FAILED_WORDS for state in states)
    return bool(body.get("error") or body.get("errors")) or body.get("success") is False or failed


def _places(body: Any) -> Iterator[dict[str, Any]]:
    top = mapping(_first(body))
    if top is not None:
        yield top
        inner = (mapping(_first(top.get(name))) for name in _PLACES)
        yield from (place for place in inner if place is not None)


def _bare(body: Any) -> Iterator[str]:
    told = mapping(body)
    alone = _first(body) if told is None else _first(told.get("data"))
    if isinstance(alone, str) and alone is not body and _BARE_ID.fullmatch(alone):
        yield alone


def _first(value: Any) -> Any:
    return next(iter(cast("list[Any]", value)), None) if isinstance(value, list) else value


def _id(value: Any) -> str | None:
    found = _first(value)
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def about_money(words: str) -> bool:
    """Whether somebody is told that they have too few credits, and not only to be slower."""
    return bool(_NO_MONEY.search(words) or (_MONEY.search(words) and not _HURRY.search(words)))


def about_content(words: str) -> bool:
    """Whether the music or the words themselves are refused: they are protected, or not wanted."""
    return bool(_CONTENT.search(words))


def about_unknown(words: str) -> bool:
    """Whether there is no such work."""
    return bool(_UNKNOWN.search(words))
