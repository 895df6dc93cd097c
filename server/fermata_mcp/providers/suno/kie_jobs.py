"""How kie.ai's job door tells of clips: as JSON text in several places."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fermata_mcp.providers.http import words
from fermata_mcp.providers.http.values import text
from fermata_mcp.providers.http.wire import Answer

from .common import LONG_MODELS, SHORT_MODELS

KNOWN_MODELS = frozenset((*LONG_MODELS, *SHORT_MODELS))
_NOTHING: Sequence[dict[str, Any]] = ()


def job_clips(answer: Answer) -> Sequence[dict[str, Any]]:
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


def asked_model(answer: Answer) -> str | None:
    """The model of the request, which comes back as JSON text; that of the job is only its route."""
    asked = Answer(200, _json(answer.get("data", "param")), "")
    inner = asked.get("input")
    model = Answer(200, _json(inner), "").get("model") or asked.get("model")
    return model if isinstance(model, str) and "/" not in model and text(model) == model else None


def sendable(item: Mapping[str, Any]) -> dict[str, str | None]:
    """A clip's own name for its model, where it is one that can be sent again."""
    said = text(item.get("model_name") or item.get("modelName"))
    return {"modelName": said if said in KNOWN_MODELS else None, "model_name": None}
