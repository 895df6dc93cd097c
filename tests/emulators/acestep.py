"""Servers of ACE-Step 1.5 on one's own machine: the project's REST server in two builds, and acestep.cpp.

Both really lengthen what they are sent: the source, then other music, by their own rules of rounding.
"""

from __future__ import annotations

import io
import json
import uuid
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import numpy as np
import soundfile
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response

from .audio import RATE, Studio, origin
from .base import Asked, Emulator, Field, Fields, Job, Op, body_problems

HZ = 48_000
FRAME = HZ // 25
LONGEST_SECONDS = 600
Stereo = NDArray[np.float32]

_TEXT, _FLAG = Field(), Field(choices=("true", "false"))
RELEASE: Fields = {
    "task_type": Field(required=True, choices=("repaint",)),
    "repainting_start": Field(required=True),
    "repainting_end": Field(required=True),
    "prompt": _TEXT, "lyrics": _TEXT, "bpm": _TEXT, "key_scale": _TEXT, "time_signature": Field(choices=tuple("2346")),
    "thinking": Field(required=True, choices=("false",)),
    "use_cot_caption": _FLAG, "use_cot_language": _FLAG,
    "batch_size": Field(required=True, choices=("1",)),
    "audio_format": Field(choices=("mp3", "wav", "flac")),
    "use_random_seed": Field(required=True, choices=("false",)),
    "seed": Field(required=True),
    "model": _TEXT, "inference_steps": _TEXT, "guidance_scale": _TEXT, "shift": _TEXT,
    "repaint_mode": Field(choices=("conservative", "balanced", "aggressive")), "repaint_strength": _TEXT,
}  # fmt: skip
SYNTH: Fields = {
    "task_type": Field(required=True, choices=("repaint",)),
    "caption": Field(required=True),
    "lyrics": Field(),
    "repainting_start": Field("number", required=True),
    "repainting_end": Field("number", required=True),
    "seed": Field("integer", required=True, low=0, high=2**32 - 1),
    "synth_batch_size": Field("integer", low=1, high=9),
    "output_format": Field(choices=("mp3", "wav16", "wav24", "wav32")),
    "bpm": Field("integer"), "keyscale": Field(), "timesignature": Field(choices=tuple("2346")),
    "synth_model": Field(), "inference_steps": Field("integer"), "guidance_scale": Field("number"),
    "shift": Field("number"),
}  # fmt: skip


class AceStep(Emulator):
    """What both kinds have in common. They cost nothing, and their books count the work that they took on.

    Attributes:
        key: Asked for if it is not empty.
        ignores_source: A track of some length is invented, as builds do that lost the source on the way.
        forgets_after: Looks at a job until the server has been restarted and knows nothing of it.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (*Emulator.KNOBS, "ignores_source", "forgets_after", "key")

    def __init__(self, key: str = "", balance: float = 0.0) -> None:
        super().__init__(key, balance)
        self.ignores_source = False
        self.forgets_after: int | None = None
        self.made: dict[str, bytes] = {}

    def unauthorized(self) -> Response:
        return JSONResponse({"detail": "invalid API key"}, 401)

    def lets_in(self, asked: Asked) -> bool:
        return not self.key or asked.headers.get("authorization") == f"Bearer {self.key}"

    def take_on(self, source: Stereo | None, start: float, end: float, body: dict[str, Any], form: str) -> Job:
        job = self.new_job(body, 0.0, uuid.uuid4().hex)
        job.data = {"source": source, "start": start, "end": end, "form": form, "number": len(self.jobs)}
        return job

    def is_forgotten(self, job: Job | None) -> bool:
        return job is None or (self.forgets_after is not None and job.polls > self.forgets_after)

    def sound(self, job: Job) -> bytes:
        """Its audio: the source up to the frame in which it is to be made anew, and other music after it."""
        if job.id not in self.made:
            self.made[job.id] = self._rendered(job)
        return self.made[job.id]

    def _rendered(self, job: Job) -> bytes:
        told = job.data
        if told["source"] is None or self.ignores_source:
            return _written(_music("invented", 0.7 * told["end"]), told["form"])
        new = _music(f"new {job.body.get('seed')} {told['number']}", told["end"])
        kept = int(told["start"] * 25) * FRAME
        new[:kept] = told["source"][:kept]
        return _written(new[: int(told["end"] * 12.5) * 2 * FRAME], told["form"])


class AceStepPython(AceStep):
    """`acestep-api`. Outcomes: "", "failed", "failed without a reason", "no file".

    Attributes:
        build: `N`, or `K` of February 2026, which invents a track where it cannot read the source.
        takes_uploads: As builds between a check of paths and its repair do not.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (*AceStep.KNOBS, "build", "takes_uploads")

    def __init__(self, key: str = "", balance: float = 0.0) -> None:
        super().__init__(key, balance)
        self.build: Literal["K", "N"] = "N"
        self.takes_uploads: Literal["yes", "400", "500"] = "yes"

    def ops(self) -> list[Op]:
        return [
            Op("submit", "POST", "/release_task", self._release, RELEASE, form=True, open=True, parts=("src_audio",)),
            Op("poll", "POST", "/query_result", self._query, {"task_id_list": Field("array", True)}, open=True),
            Op("audio", "GET", "/v1/audio", self._audio, query=("path",), open=True),
            Op("balance", "GET", "/health", self._health, open=True),
        ]

    def invalid(self, problems: list[str]) -> Response:
        return JSONResponse(
            {"detail": [{"loc": ["body"], "msg": said, "type": "value_error"} for said in problems]}, 422
        )

    def _health(self, asked: Asked) -> Response:
        return _wrapped({"status": "ok", "service": "ACE-Step API", "version": "1.0"})

    def _release(self, asked: Asked) -> Response:
        if not self.lets_in(asked):
            return self.unauthorized()
        if self.takes_uploads == "400":
            return JSONResponse({"detail": "absolute audio file paths are not allowed"}, 400)
        if self.takes_uploads == "500":
            return Response("Internal Server Error", 500)
        source = _read(asked.files["src_audio"])
        start, end = float(asked.body["repainting_start"]), float(asked.body["repainting_end"])
        if source is not None:
            end = max(end, len(source) / HZ)
        job = self.take_on(source, start, end, asked.body, asked.body.get("audio_format", "mp3"))
        if source is None:
            job.outcome = "failed" if self.build == "N" else ""
        return _wrapped({"task_id": job.id, "status": "queued", "queue_position": 1})

    def _query(self, asked: Asked) -> Response:
        if not self.lets_in(asked):
            return self.unauthorized()
        return _wrapped([self._told(str(name)) for name in asked.body["task_id_list"]])

    def _told(self, name: str) -> dict[str, Any]:
        job = self.jobs.get(name)
        if job is None or self.is_forgotten(job):
            return {"task_id": name, "status": 0, "result": "[]", "progress_text": "of another job"}
        stage = self.stage(job, 3)
        item: dict[str, Any] = {"file": "", "wave": "", "status": 0, "progress": 0.01, "stage": "loading"}
        status = 0
        if stage == 1:
            item |= {"progress": 0.5, "stage": "Phase 2: generating"}
        if stage == 2:
            status, item = self._ended(job, item)
        return {"task_id": name, "status": status, "result": json.dumps([item]), "progress_text": "of another job"}

    def _ended(self, job: Job, item: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if job.outcome.startswith("failed"):
            why = {} if "without" in job.outcome else {"error": "Invalid source audio"}
            return 2, item | {"stage": "failed"} | why
        path = "" if job.outcome == "no file" else f"/v1/audio?path={quote(f'/tmp/{job.id}.flac', safe='')}"
        metas = {"bpm": 92, "duration": "N/A", "keyscale": "D major", "timesignature": "4"}
        done = {"file": path, "status": 1, "progress": 1.0, "stage": "succeeded", "metas": metas, "seed_value": "7001"}
        return 1, item | done | {"dit_model": "acestep-v15-turbo"}

    def _audio(self, asked: Asked) -> Response:
        if not self.lets_in(asked):
            return self.unauthorized()
        job = self.jobs.get(asked.query["path"].removeprefix("/tmp/").removesuffix(".flac"))
        if job is None:
            return JSONResponse({"detail": "File not found"}, 404)
        return Response(self.sound(job), media_type="audio/flac")


class AceStepCpp(AceStep):
    """`ace-server`. Outcomes: "", "failed", "no file".

    Attributes:
        weights: What lies in its folder.
        plain: It answers with the audio alone, as builds of April 2026 do.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (*AceStep.KNOBS, "weights", "plain")

    def __init__(self, key: str = "", balance: float = 0.0) -> None:
        super().__init__("", balance)
        self.weights = ("dit", "embedding", "vae")
        self.plain = False

    def ops(self) -> list[Op]:
        return [
            Op("submit", "POST", "/synth", self._synth, form=True, open=True, parts=("request", "audio")),
            Op("poll", "GET", "/job", self._job, query=None, open=True),
            Op("poll", "POST", "/job", self._cancel, query=None, open=True),
            Op("balance", "GET", "/health", lambda _: JSONResponse({"status": "ok"}), open=True),
            Op("balance", "GET", "/props", self._props, open=True),
        ]

    def invalid(self, problems: list[str]) -> Response:
        return JSONResponse({"error": "; ".join(problems)}, 400)

    def _props(self, _: Asked) -> Response:
        models = {kind: [f"{kind}-turbo-Q8_0.gguf"] for kind in self.weights}
        return JSONResponse({"version": "fa33775 (2026-07-21)", "models": models, "default": {"output_format": "mp3"}})

    def _synth(self, asked: Asked) -> Response:
        try:
            body: dict[str, Any] = json.loads(asked.files["request"])
        except ValueError:
            return self.invalid(["Multipart: invalid JSON in 'request' part"])
        if problems := body_problems(body, SYNTH):
            self.violations += problems
            return self.invalid(problems)
        if not self.weights:
            return JSONResponse({"error": "No synth models in registry"}, 501)
        if not body["caption"].strip():
            return self.invalid(["Caption is required"])
        source = _read(asked.files["audio"], ("WAV", "MP3"))
        if source is None:
            return self.invalid(["Failed to decode audio"])
        start, end = body["repainting_start"], body["repainting_end"]
        end = len(source) / HZ if end < 0 else max(end, len(source) / HZ)
        job = self.take_on(source, start, end, body, body.get("output_format", "mp3"))
        if end <= start or end > LONGEST_SECONDS:
            job.outcome = "failed"
        return JSONResponse({"id": job.id})

    def _job(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.query.get("id", ""))
        if job is None or self.is_forgotten(job):
            return JSONResponse({"error": "Job not found"}, 404)
        state = self._state(job)
        if "result" not in asked.query:
            return JSONResponse({"status": state})
        return self._result(job) if state == "done" else JSONResponse({"error": "Result not ready"}, 404)

    def _state(self, job: Job) -> str:
        if job.data.get("cancelled"):
            return "cancelled"
        if self.stage(job, 2) == 0:
            return "running"
        return "failed" if job.outcome == "failed" else "done"

    def _result(self, job: Job) -> Response:
        if self.plain:
            return Response(self.sound(job), media_type="audio/wav")
        sounds = [] if job.outcome == "no file" else [("audio/wav", "", self.sound(job))]
        latent = ("application/octet-stream", 'Content-Disposition: form-data; name="latent"\r\n', bytes(2560))
        body = b"".join(
            f"--ace-batch-boundary\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + data + b"\r\n"
            for kind, more, data in (*sounds, latent)
        )
        media = "multipart/mixed; boundary=ace-batch-boundary"
        return Response(body + b"--ace-batch-boundary--\r\n", media_type=media)

    def _cancel(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.query.get("id", ""))
        if job is None:
            return JSONResponse({"error": "Job not found"}, 404)
        job.data["cancelled"] = self.peek(job, 2) == 0 or job.data.get("cancelled", False)
        return JSONResponse({"status": self._state(job)})


def _wrapped(data: Any) -> Response:
    return JSONResponse({"data": data, "code": 200, "error": None, "timestamp": 1795132800123, "extra": None})


def _read(data: bytes, kinds: tuple[str, ...] = ()) -> Stereo | None:
    """What was sent, as the model hears it; None where it is no such audio."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            read: Any = file.read(dtype="float32", always_2d=True)
            if kinds and file.format not in kinds:
                return None
            rate = file.samplerate
    except soundfile.LibsndfileError:
        return None
    found: Stereo = np.asarray(read, np.float32)
    if rate != HZ:
        places = np.arange(round(len(found) * HZ / rate)) * (rate / HZ)
        at: Any = np.arange(len(found))
        sides: list[Stereo] = [
            np.asarray(np.interp(places, at, found[:, side]), np.float32) for side in range(found.shape[1])
        ]
        found = np.asarray(np.stack(sides, axis=1), np.float32)
    return np.asarray(np.repeat(found, 2, axis=1) if found.shape[1] == 1 else found[:, :2], np.float32)


def _music(name: str, seconds: float) -> Stereo:
    mono = Studio().samples(origin(name, seconds + 1))
    places = np.arange(round((seconds + 0.5) * HZ)) * (RATE / HZ)
    return np.repeat(np.interp(places, np.arange(len(mono)), mono).astype(np.float32)[:, None], 2, axis=1)


def _written(samples: Stereo, form: str) -> bytes:
    out = io.BytesIO()
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    if form == "wav32":
        write(out, samples, HZ, format="WAV", subtype="FLOAT")
    elif form.startswith("wav"):
        write(out, samples / max(1e-6, float(np.max(np.abs(samples)))), HZ, format="WAV", subtype="PCM_16")
    else:
        write(out, samples, HZ, format=form.upper())
    return out.getvalue()


FREE = {"acestep": AceStepPython, "acestep-cpp": AceStepCpp}
