"""The REST server of the model's own project: `/release_task`, `/query_result`, `/v1/audio`.

Builds of February 2026 and later ones differ in what they ignore, not in what they are sent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from fermata_mcp.domain.errors import GenerationFailed
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.values import number, seed_for, text
from fermata_mcp.providers.http.wire import Answer, Call

from .common import heard, span_of, words_of

NAME = "python"
WORKING, DONE, FAILED = 0, 1, 2
UPDATE = Refusal("provider_unavailable", hint="update the ACE-Step server: builds of early 2026 fail on uploads.")


def submit_call(work: Work, file: Path) -> Call:
    span = span_of(work)
    sent: dict[str, Any] = {
        "task_type": "repaint",
        "repainting_start": span.start,
        "repainting_end": span.end,
        "prompt": words_of(work),
        "lyrics": work.fields.get("lyrics") or "[inst]",
        "thinking": False,
        "use_cot_caption": False,
        "use_cot_language": False,
        "batch_size": 1,
        "audio_format": "flac",
        "use_random_seed": False,
        "seed": seed_for(work.take),
        "repaint_mode": "balanced",
    } | heard(work, "bpm", "key_scale", "time_signature")
    if work.fields.get("model"):
        sent["model"] = work.fields["model"]
    form = {name: _written(value) for name, value in (sent | work.options).items()}
    return Call("POST", "/release_task", file=file, part="src_audio", form=form)


def about(answer: Answer) -> str:
    version = text(answer.get("data", "version"))
    return f"acestep-api{f' {version}' if version else ''}; its log names model and card, once it has made something"


def _written(value: Any) -> str:
    """As a field of a form."""
    return value if isinstance(value, str) else json.dumps(value)


def refusal(answer: Answer) -> Refusal | None:
    """Builds that cannot take an upload say so in two ways; nothing was begun in either."""
    if answer.code() == 500 or "absolute audio file paths" in answer.message():
        return UPDATE
    return None


def poll_call(task_id: str) -> Call:
    return Call("POST", "/query_result", {"task_id_list": [task_id]})


def read_poll(answer: Answer) -> Snapshot | None:
    state, items = _state(answer), _items(answer)
    if answer.code() == 404:  # another build is there by now
        return Snapshot("lost")
    if state is None or items is None:
        return None
    told = Answer(200, next((one for one in items if one.get("error")), items[0] if items else {}), "")
    stage = text(told.get("stage")) or "working"
    if state == FAILED:
        why = text(told.get("error")) or "no reason given"
        return Snapshot("failed", error=GenerationFailed(f"acestep: {why}."))
    if state == DONE:
        return Snapshot("failed", error=GenerationFailed("acestep says that it is done, and names no file."))
    if not items:  # an id of before a restart looks queued for ever
        return Snapshot("running", message="not listed", unlisted=True)
    share = number(told.get("progress"))
    return Snapshot("running", share if share is not None and 0 <= share < 1 else None, stage)


def result_call(answer: Answer) -> Call | None:
    """Fetch the file, once one is named."""
    if _state(answer) != DONE:
        return None
    files = (one.get("file") for one in _items(answer) or [])
    file = next((file for file in files if isinstance(file, str) and file.strip()), None)
    if file is None:
        return None
    return Call("GET", file, audio=True) if file.startswith("/") else Call("GET", url=file, audio=True)


def read_result(answer: Answer) -> Snapshot | None:
    if answer.file is not None:
        return Snapshot("succeeded", 1.0, "done", (Clip(arrived=str(answer.file), whole_track=True),))
    return Snapshot("lost") if answer.code() == 404 else None


def _state(answer: Answer) -> int | None:
    found = number(answer.get("data", 0, "status"))
    return None if found is None else int(found)


def _items(answer: Answer) -> list[dict[str, Any]] | None:
    """The results, which are JSON in a text, or already read."""
    told = answer.get("data", 0, "result")
    try:
        found = json.loads(told or "[]") if isinstance(told, str) else told
    except ValueError:
        return None
    many: list[Any] = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("dict[str, Any]", one) for one in many if isinstance(one, dict)]
