"""`sa3`: new music behind a file by Stable Audio 3's small model, on a server of one's own; a plain CPU will do.

Older builds of the server ignore what they do not know, newer ones check it; one body suits both.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from fermata_mcp.domain.errors import GenerationFailed, InvalidRequest, ProviderUnavailable, UnexpectedResponse
from fermata_mcp.domain.spec import Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Provider, ProviderContext, Snapshot
from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.provider import http_provider
from fermata_mcp.providers.http.values import number, seed_for, text
from fermata_mcp.providers.http.wire import Answer, Call
from fermata_mcp.providers.http.words import reason

from . import spec as facts
from .spec import SPEC


class Sa3Adapter(HttpAdapter):
    """See `HttpAdapter`.

    Args:
        told: A file that is there once a person was told whose the weights are.
    """

    spec = SPEC

    def __init__(self, callback_url: str | None = None, told: Path | None = None) -> None:
        super().__init__(callback_url)
        self._told = told

    def notes_for(self, work: Work) -> tuple[str, ...]:
        if self._told is None or self._told.exists():
            return ()
        with suppress(OSError):
            self._told.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the first call may come before a store
            self._told.touch()
        return (facts.LICENCE,)

    def greeting_call(self) -> Call:
        return Call("GET", "/health")

    def read_greeting(self, answer: Answer, work: Work) -> Work:
        model = text(answer.get("model"))
        if answer.code() >= 400 or text(answer.get("status")) is None or model is None:
            raise UnexpectedResponse("what answers at SA3_BASE_URL is no sa3-server.", facts.START)
        if model == "small-sfx":
            raise UnexpectedResponse("the sa3-server has a model for noises, not for music.", facts.START)
        newer = answer.get("capabilities", "request_splice") is True
        return work.model_copy(update={"dialect": "checking" if newer else "lenient"})

    def submit_call(self, work: Work) -> Call:
        """The span from a little before the point to past the wanted end, which is then left off."""
        sent = work.sent_seconds or min(facts.CONTEXT_SECONDS, work.source_point or facts.CONTEXT_SECONDS)
        add = facts.USUAL_ADD_SECONDS if work.add_seconds is None else work.add_seconds
        if add > facts.LONGEST_ADD_SECONDS:
            raise InvalidRequest(
                f"from here it would be {add:g} s of new music; sa3 makes at most {facts.LONGEST_ADD_SECONDS:g} s.",
                "give add_seconds, or use chain_extend.",
            )
        end = round(sent + add + facts.ENDING_SECONDS, 6)
        body = {
            "prompt": ", ".join(str(work.fields[name]) for name in ("style", "prompt") if work.fields.get(name)),
            "init_path": work.source_url, "inpaint_start": _start(sent), "inpaint_end": end, "duration": end,
            "target_samples": round((sent + add) * facts.RATE), "steps": facts.STEPS,
            "seed": seed_for(work.take), "peak_normalize_db": None, "limiter_ceiling_db": None,
            "keep_models": False, "splice_source": False, "mask_overlap": 0,
        }  # fmt: skip
        return Call("POST", "/generate", body | work.options)

    def read_submit(self, answer: Answer) -> str | None:
        return text(answer.get("session_id")) if answer.get("success") is not False else None

    def refusal(self, answer: Answer) -> Refusal | None:
        return (
            Refusal("not_supported", hint="update sa3.cpp: this build takes no files.")
            if answer.code() == 404
            else None
        )

    def poll_call(self, remote_id: str) -> Call:
        return Call("GET", f"/poll_status/{quote(remote_id, safe='')}", audio=True)

    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """By `status` alone. Jobs live for ten minutes, in the memory of one process."""
        state = text(answer.get("status"))
        if answer.code() == 404 and answer.get("success") is False:
            return Snapshot("lost")
        if answer.code() >= 400 or state is None:
            return None
        if state == "failed":
            why = (reason(answer.body) or "no reason given").rstrip(".")
            hint = "run the model script again: a file of weights is not whole." if "short read" in why else None
            return Snapshot("failed", error=GenerationFailed(f"sa3: {why}.", hint))
        if state == "completed" and answer.file is not None:
            return Snapshot("succeeded", 1.0, "done", (Clip(arrived=str(answer.file), whole_track=True),))
        if state == "completed":
            return Snapshot("failed", error=GenerationFailed("sa3 says that it is done, and sends no audio."))
        share = number(answer.get("progress"))
        return Snapshot("running", share / 100 if share is not None and 0 <= share < 100 else None, state)

    def upload_call(self, file: Path) -> Call:
        """Under a name that is the step's own, so that a second upload replaces the first."""
        return Call("POST", "/init-audio/upload", file=file)

    def upload_next(self, answer: Answer, file: Path) -> Call | None:
        """Nothing; but a body that was cut short may be kept."""
        told, size = number(answer.get("bytes")), file.stat().st_size
        if told is not None and told != size:
            raise ProviderUnavailable(f"sa3 kept {told:.0f} of the {size} bytes that were sent.")
        return None

    def read_upload(self, answer: Answer) -> str | None:
        """The path on the server's disk, as it came."""
        path = answer.get("path")
        return path if isinstance(path, str) and path else None


def _start(sent: float) -> float:
    """Second from which on music is made, written as the server holds it: in 32 bits."""
    frame = max(0, int(sent * facts.RATE / facts.FRAME + 1e-9) - facts.BLEND_FRAMES)
    exact = max(0, frame * facts.FRAME - facts.EARLIER_SAMPLES) / facts.RATE
    return round(struct.unpack("f", struct.pack("f", exact))[0], 6)


def make(context: ProviderContext) -> Provider:
    return http_provider(Sa3Adapter(context.callback_url, context.data_dir / "sa3-licence-told"), context)
