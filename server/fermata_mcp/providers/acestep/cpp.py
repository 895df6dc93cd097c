"""acestep.cpp's `ace-server`: `/synth`, and `/job` for everything after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fermata_mcp.domain.errors import Cancelled, GenerationFailed
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Snapshot
from fermata_mcp.providers.http.values import seed_for, text
from fermata_mcp.providers.http.wire import Answer, Call

from .common import heard, span_of, words_of

NAME = "cpp"
# Without one of these nothing can be made; a language model is not needed.
NEEDED = ("dit", "embedding", "vae")
_LOG = "see the server's log; on cards of 8 GB start it with --vae-chunk 512, or choose a smaller model."


def submit_call(work: Work, file: Path) -> Call:
    span = span_of(work)
    sent: dict[str, Any] = {
        "task_type": "repaint",
        "caption": words_of(work),
        "lyrics": work.fields.get("lyrics") or "[Instrumental]",
        "repainting_start": span.start,
        "repainting_end": span.end,
        "seed": seed_for(work.take),
        "synth_batch_size": 1,
        "output_format": "wav32",  # the others are scaled to full level, the source's own part included
    } | heard(work, "bpm", "keyscale", "timesignature")
    if work.fields.get("model"):
        sent["synth_model"] = work.fields["model"]
    return Call("POST", "/synth", sent | work.options, file=file, part="audio", body_part="request")


def lacking(answer: Answer) -> list[str]:
    """The kinds of weights that the server has none of."""
    return [kind for kind in NEEDED if not answer.get("models", kind)]


def about(answer: Answer) -> str:
    named = text(answer.get("models", "dit", 0)) or "unknown"
    version = text(answer.get("version"))
    return f"acestep.cpp{f' {version}' if version else ''}, model {named}; its log names the card"


def poll_call(job_id: str) -> Call:
    return Call("GET", "/job", params={"id": job_id})


def read_poll(answer: Answer) -> Snapshot | None:
    state = text(answer.get("status"))
    if answer.code() == 404:  # jobs live in the memory of one process
        return Snapshot("lost")
    if answer.code() >= 400 or state is None:
        return None
    if state == "failed":
        return Snapshot("failed", error=GenerationFailed("acestep could not make it, and says no reason.", _LOG))
    if state == "cancelled":
        return Snapshot("failed", error=Cancelled("the work was stopped."))
    return Snapshot("running", message=state)


def result_call(answer: Answer, job_id: str) -> Call | None:
    if text(answer.get("status")) != "done":
        return None
    return Call("GET", "/job", params={"id": job_id, "result": "1"}, audio=True)


def read_result(answer: Answer) -> Snapshot | None:
    if answer.file is not None:
        return Snapshot("succeeded", 1.0, "done", (Clip(arrived=str(answer.file), whole_track=True),))
    if answer.code() == 404:
        return Snapshot("lost")
    if answer.code() >= 400:
        return None
    return Snapshot("failed", error=GenerationFailed("acestep says that it is done, and sends no audio.", _LOG))


def cancel_call(job_id: str) -> Call:
    return Call("POST", "/job", params={"id": job_id, "cancel": "1"})


def read_cancel(answer: Answer) -> bool:
    """What is not there any more does nothing either."""
    return answer.code() == 404 or text(answer.get("status")) == "cancelled"
