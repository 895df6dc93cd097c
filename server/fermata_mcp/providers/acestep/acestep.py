"""`acestep`: new music behind a file, by an open model on a server of one's own; either build of it."""

from __future__ import annotations

from pathlib import Path

from fermata_mcp.domain.account import AccountSpec, Variable, own_server
from fermata_mcp.domain.errors import UnexpectedResponse
from fermata_mcp.domain.spec import FieldSpec, Lengths, Pace, ProviderSpec, Refusal, Window
from fermata_mcp.domain.task import Work
from fermata_mcp.providers.base import Provider, ProviderContext, Snapshot
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.values import text
from fermata_mcp.providers.http.wire import Answer, Call

from . import cpp, python
from .common import BLEND_SECONDS, PAIR_SECONDS, USUAL_ADD_SECONDS

START = (
    "start the server: `acestep-api` (port 8001), or acestep.cpp's `./server.sh` (port 8085), and set "
    "ACESTEP_BASE_URL to its address, such as http://127.0.0.1:8085."
)
# The model is asked for 3 to 90 s at a time.
LONGEST_ADD_SECONDS = 86.0

SPEC = ProviderSpec(
    name="acestep",
    title="ACE-Step 1.5",
    summary="Composes new music behind a track with an open model on a server of one's own; free, one take.",
    sources=frozenset({"file", "url", "task"}),
    fields={
        "continue_at": FieldSpec("repainting_start", note="default the end"),
        "add_seconds": FieldSpec("repainting_end", note=f"default {USUAL_ADD_SECONDS:g}"),
        "prompt": FieldSpec("prompt", 2000, "style words work best"),
        "style": FieldSpec("caption", 2000, "goes before `prompt`, as one text"),
        "lyrics": FieldSpec("lyrics", 4000, "the model hardly follows them when it extends"),
        "model": FieldSpec("model", note="as the server lists it; default the one that it has loaded"),
    },
    pace=Pace(first=4, interval=2, give_up=3600, slow_after=60, slow_interval=5),
    submit="repeatable",
    verified="against documentation 2026-11-27, not live",
    account=AccountSpec(
        key=Variable("ACESTEP_API_KEY", "key of `acestep`, if its server asks for one"),
        base_url=own_server("ACESTEP_BASE_URL", "an ACE-Step 1.5 server"),
        keyless=True,
    ),
    refusals={
        400: Refusal("invalid_request"),
        401: Refusal("authentication_failed", hint="set ACESTEP_API_KEY to the key that the server was started with."),
        413: Refusal("too_large"),
        415: Refusal("invalid_request"),
        422: Refusal("invalid_request"),
        429: Refusal("rate_limited", later=True),
        501: Refusal("provider_unavailable", hint="put the three model files into its folder, and restart the server."),
    },
    lengths=Lengths(
        shortest_add=3, longest_add=LONGEST_ADD_SECONDS, default_add=USUAL_ADD_SECONDS, usual_add=USUAL_ADD_SECONDS
    ),
    window=Window(context=90.0, rate=48_000, grid=PAIR_SECONDS, blend=BLEND_SECONDS, heard=True),
    notes=(
        "The server is yours: nothing is sent anywhere else. Weights of 3.5 GB are enough.",
        "More than 86 s at a time is a chain of extensions: `chain_extend`.",
        "Only what comes before the point, at most 90 s of it, is sent; everything before the point stays as it is.",
    ),
    start=START,
)  # fmt: skip
_DIALECTS = (python.NAME, cpp.NAME)


class AceStepAdapter(HttpAdapter):
    """See `HttpAdapter`. Ids are told with the build that gave them: `cpp|9c1f…`."""

    spec = SPEC

    def notes_for(self, work: Work) -> tuple[str, ...]:
        return ("ACE-Step hardly follows lyrics when it extends.",) if work.fields.get("lyrics") else ()

    def greeting_call(self) -> Call:
        return Call("GET", "/props", otherwise=Call("GET", "/health"))

    def read_greeting(self, answer: Answer, work: Work) -> Work:
        return work.model_copy(update={"dialect": _build(answer)})

    def read_about(self, answer: Answer) -> str | None:
        return cpp.about(answer) if _build(answer) == cpp.NAME else python.about(answer)

    def submit_call(self, work: Work) -> Call:
        file = Path(work.sent_file or work.source_file or work.before_file or "source.wav")
        return (cpp if work.dialect == cpp.NAME else python).submit_call(work, file)

    def read_submit(self, answer: Answer) -> str | None:
        job = text(answer.get("id"))
        task = text(answer.get("data", "task_id"))
        return f"{cpp.NAME}|{job}" if job else f"{python.NAME}|{task}" if task else None

    def refusal(self, answer: Answer) -> Refusal | None:
        return python.refusal(answer)

    def poll_call(self, remote_id: str) -> Call:
        name, own = _parts(remote_id)
        return cpp.poll_call(own) if name == cpp.NAME else python.poll_call(own)

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return cpp.read_poll(answer) if _parts(remote_id)[0] == cpp.NAME else python.read_poll(answer)

    def result_call(self, answer: Answer, remote_id: str) -> Call | None:
        name, own = _parts(remote_id)
        return cpp.result_call(answer, own) if name == cpp.NAME else python.result_call(answer)

    def read_result(self, answer: Answer, remote_id: str) -> Snapshot | None:
        return cpp.read_result(answer) if _parts(remote_id)[0] == cpp.NAME else python.read_result(answer)

    def cancel_call(self, remote_id: str) -> Call | None:
        name, own = _parts(remote_id)
        return cpp.cancel_call(own) if name == cpp.NAME else None

    def read_cancel(self, answer: Answer) -> bool:
        return cpp.read_cancel(answer)


def _build(answer: Answer) -> str:
    """Which one answers. Raises UnexpectedResponse where it is none, or lacks what it needs."""
    if isinstance(answer.get("models"), dict) and cpp.lacking(answer):
        lacks = ", ".join(cpp.lacking(answer))
        raise UnexpectedResponse(f"the ACE-Step server has no {lacks} model.", SPEC.refusals[501].hint)
    if isinstance(answer.get("models"), dict) or text(answer.get("status")) == "ok":
        return cpp.NAME
    if text(answer.get("data", "status")) != "ok":
        raise UnexpectedResponse("what answers at ACESTEP_BASE_URL is no ACE-Step server.", START)
    return python.NAME


def _parts(remote_id: str) -> tuple[str, str]:
    """The build, and its own id."""
    name, found, own = remote_id.partition("|")
    return (name, own) if found and name in _DIALECTS else (python.NAME, remote_id)


def make(context: ProviderContext) -> Provider:
    return http_provider(AceStepAdapter(context.callback_url), context)
