"""sa3.cpp's `sa3-server`, an older (K) and a newer (N) build: it keeps files, makes PCM, and ends what it makes."""

from __future__ import annotations

import base64
import io
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response

from .audio import origin
from .base import Asked, Emulator, Field, Fields, Job, Op

RATE, FRAME, PAIR = 44_100, 4096, 2
CODEC = 0.9  # what the model's codec makes of the level
MOST_UPLOAD = 100 * 1024 * 1024
NAME = re.compile(r"(?!\.)[A-Za-z0-9.\-_() ]{1,196}\.wav")
STATES = ("queued", "generating", "encoding", "decoding", "finalizing", "completed")
ENDS_SECONDS = 6.0
NUMBER = Field("number")
GENERATE: Fields = {
    "prompt": Field(), "negative_prompt": Field(), "init_path": Field(required=True), "inpaint_start": NUMBER,
    "inpaint_end": NUMBER, "duration": NUMBER, "target_samples": Field("integer"), "steps": Field("integer"),
    "seed": Field("integer"), "cfg_scale": NUMBER, "keep_models": Field("boolean"), "mask_overlap": NUMBER,
    "decode_chunk_size": Field("integer"), "splice_source": Field("boolean"),
    "peak_normalize_db": Field("number", null=True), "limiter_ceiling_db": Field("number", null=True),
}  # fmt: skip
Samples = NDArray[np.float32]


class Sa3(Emulator):
    """See `Emulator`. Outcomes: "", "failed", "short read", "no file"; any other is told as the status for ever.

    Attributes:
        build: `K` takes anything, and fails later; `N` checks, and says 409 while a model is being loaded.
        model: The weights that it was started with.
        takes_uploads: Whether it has the route at all.
        cut_uploads: It keeps half of what is sent.
        busy: Submits that find it loading (N).
        ignores_source: Something of its own comes back.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        *Emulator.KNOBS, "build", "model", "takes_uploads", "cut_uploads", "busy", "ignores_source",
    )  # fmt: skip

    def __init__(self, key: str = "", balance: float = 0.0) -> None:
        super().__init__(key, balance)
        self.build: Literal["K", "N"] = "K"
        self.model = "small-music"
        self.takes_uploads = True
        self.cut_uploads = False
        self.busy = 0
        self.ignores_source = False
        self.pool: dict[str, bytes] = {}

    def ops(self) -> list[Op]:
        return [
            Op("greeting", "GET", "/health", self._health, open=True),
            Op("upload", "POST", "/init-audio/upload", self._upload, form=True, open=True),
            Op("submit", "POST", "/generate", self._generate, GENERATE, open=True),
            Op("poll", "GET", "/poll_status/{session_id}", self._poll, query=None, open=True),
        ]

    def unauthorized(self) -> Response:
        raise AssertionError("it knows no keys")

    def invalid(self, problems: list[str]) -> Response:
        return JSONResponse({"error": "; ".join(problems)}, 400)

    def restart(self) -> None:
        """Everything is forgotten but the files."""
        self.jobs.clear()

    def _health(self, _: Asked) -> Response:
        told: dict[str, Any] = {"status": "ok", "model": self.model, "encoding": "f16", "loaded": False}
        if self.build == "N":
            told |= {"capabilities": {"fixed_prefix": True, "request_splice": True}, "lifecycle_busy": self.busy > 0}
        return JSONResponse(told)

    def _upload(self, asked: Asked) -> Response:
        if not self.takes_uploads:
            return Response("", 404)
        data, name = asked.files["file"], _name_of(self.seen[-1].body)
        if not NAME.fullmatch(name):
            return self.invalid(["filename must be a plain .wav name"])
        if len(data) > MOST_UPLOAD:
            return Response("", 413)
        path = f"/srv/audio-in/{name}"
        self.pool[path] = data[: len(data) // 2] if self.cut_uploads else data
        return JSONResponse({"success": True, "name": name, "path": path, "bytes": len(self.pool[path])})

    def _generate(self, asked: Asked) -> Response:
        if self.busy:
            self.busy -= 1
            return JSONResponse({"error": "model lifecycle operation in progress: load"}, 409)
        body = asked.body
        if body["init_path"] not in self.pool:
            return self.invalid([f"init_path not found: {body['init_path']}"])
        if not 0 < body.get("duration", 30) <= 300:
            return self.invalid(["duration must be in (0, 300] seconds"])
        job = self.new_job(body, 0.0, uuid.uuid4().hex[:12])
        job.data["audio"] = self._made(body)
        return JSONResponse({"success": True, "session_id": job.id, "seed": body.get("seed", 1)})

    def _made(self, body: Mapping[str, Any]) -> Samples | None:
        """The whole canvas: what was sent, through the codec, and new music that ends with the canvas."""
        read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
        sent, rate = read(io.BytesIO(self.pool[body["init_path"]]), dtype="float32", always_2d=True)
        if rate != RATE or sent.shape[1] != 2:
            return None
        frames = max(len(sent), round(body.get("inpaint_end", len(sent) / RATE) * RATE))
        canvas = np.zeros((-(-frames // (PAIR * FRAME)) * PAIR * FRAME, 2), np.float32)
        canvas[: len(sent)] = sent * CODEC
        start = -(-int(np.float32(body["inpaint_start"]) * np.float32(RATE)) // FRAME) * FRAME
        if self.ignores_source:
            start, frames = 0, frames // 2
        canvas[start:frames] = self._new(f"{body['init_path']}-{body.get('seed')}", frames - start)
        most = min(round(body.get("duration", 30) * RATE), body.get("target_samples") or len(canvas), frames)
        loud = 1.0 if "peak_normalize_db" in body and body["peak_normalize_db"] is None else 1.26
        return np.clip(canvas[:most] * loud, -1, 1)

    def _new(self, name: str, frames: int) -> Samples:
        mono = np.repeat(self.studio.samples(origin(name, frames / RATE + 1)), 2)[:frames] * CODEC
        ends = np.clip((frames - np.arange(frames)) / (ENDS_SECONDS * RATE) - 0.1, 0, 1)
        return (mono * ends).astype(np.float32)[:, None]

    def _poll(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.path["session_id"])
        if set(asked.query) - {"consume"}:
            return self.invalid(["query is wrong"])
        if job is None or self.now() - job.made_at > 600:
            told = {"success": False, "error": f"unknown session: {asked.path['session_id']}"}
            return JSONResponse(told, 404)
        state = STATES[self.stage(job, len(STATES))]
        done = state == "completed"
        if done and (job.outcome in ("failed", "short read") or job.data["audio"] is None):
            return JSONResponse({"success": False, "status": "failed", "error": _why(job)})
        word = job.outcome if job.outcome not in ("", "no file") else state
        share = self.peek(job, 101)
        told = {"success": True, "generation_in_progress": state in STATES[:2], "transform_in_progress": False,
                "progress": share, "step": share // 13, "total_steps": 8, "status": word,
                "queue_status": {"status": "ready"}}  # fmt: skip
        if done and word == "completed" and job.outcome != "no file":
            told |= {"audio_data": _encoded(job.data["audio"]), "meta": {"seed": 1}}
        if asked.query.get("consume") == "1" and done:
            del self.jobs[job.id]
        return JSONResponse(told)


def _why(job: Job) -> str:
    if job.data["audio"] is None:
        return "init audio must be 2-channel"
    return "[gguf] short read of tensor 17" if job.outcome == "short read" else "device lost"


def _encoded(samples: Samples) -> str:
    out = io.BytesIO()
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    write(out, samples, RATE, format="WAV", subtype="PCM_16")
    return base64.b64encode(out.getvalue()).decode()


def _name_of(body: bytes) -> str:
    found = re.search(rb'filename="([^"]*)"', body[:1000])
    return found[1].decode() if found else ""


FREE = {"sa3": Sa3}
