"""`elevenlabs`: a composition plan names a stretch of a stored song, and what is to follow.

The answer to the one paid request is the audio: there is no task, and nothing to look up.
"""

from __future__ import annotations

import json

from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Made, Provider, ProviderContext, Snapshot
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.values import text
from fermata_mcp.providers.http.wire import Answer, Call, without_none

from .plan import chunks
from .spec import DEFAULT_MODEL, FORMAT, LONGEST_PLAN, SPEC, USUAL_ADD


class ElevenLabsAdapter(HttpAdapter):
    """See `HttpAdapter`."""

    spec = SPEC

    def submit_call(self, work: Work) -> Call:
        if work.source_clip is None:
            raise InvalidRequest("elevenlabs extends songs of its own account only.", "give clip:<song id>.")
        point = work.continue_at if work.continue_at is not None else work.source_seconds
        if point is None:
            raise InvalidRequest("the length of this song is not known.", "say in continue_at where it goes on.")
        added = USUAL_ADD if work.add_seconds is None else work.add_seconds
        if point + added > LONGEST_PLAN:
            raise InvalidRequest(f"a song may have {LONGEST_PLAN:g} s in all.", "ask for less.")
        kept = {"song_id": work.source_clip, "range": {"start_ms": 0, "end_ms": round(point * 1000)}}
        body = {
            "model_id": work.fields.get("model") or DEFAULT_MODEL,
            "store_for_inpainting": True,
            "composition_plan": {"chunks": [kept, *chunks(work, added)]},
            "seed": None if work.take == 1 else work.take,
        }
        params = {"output_format": str(work.options.get("output_format", FORMAT))}
        options = {name: value for name, value in work.options.items() if name != "output_format"}
        return Call("POST", "/v1/music", without_none(body) | options, params=params, audio=True)

    def read_submit(self, answer: Answer) -> str | None:
        """An answer without audio takes nothing on, whatever it names."""
        return None

    def read_answer(self, answer: Answer, attempt_id: str) -> Made | None:
        if answer.file is None:
            return None
        song = text(answer.headers.get("song-id"))
        return Made(song or attempt_id, (Clip(provider_clip_id=song, arrived=str(answer.file), whole_track=True),))

    def refusal(self, answer: Answer) -> Refusal | None:
        """What stands in `detail` says more than the status; a better wording comes along with some refusals."""
        word = text(answer.get("detail", "status")) or ""
        if answer.code() in (401, 403) and ("quota" in word or "credit" in word):
            return Refusal("insufficient_credits")
        if answer.code() == 422 and word in ("bad_prompt", "bad_composition_plan"):
            return Refusal("content_rejected", hint=_suggestion(answer))
        return None

    def poll_call(self, remote_id: str) -> Call | None:
        return None

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return None


def _suggestion(answer: Answer) -> str | None:
    """What the provider would take instead, wherever it stands."""
    names = ("prompt_suggestion", "composition_plan_suggestion")
    places = (answer.get(*place, name) for name in names for place in (("detail", "data"), ("detail",), ("data",)))
    found = next((told for told in places if told), None)
    if found is None:
        return None
    said = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return f"say it in other words; it suggests: {clean_text(said, 240)}"


def make(context: ProviderContext) -> Provider:
    return http_provider(ElevenLabsAdapter(context.callback_url), context)
