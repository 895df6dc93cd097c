"""fal.ai's queue, its storage and its file host; three models that extend audio.

What comes back really is what was sent, with other music behind it.
"""

from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import soundfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.responses import JSONResponse, Response

from .audio import Studio, origin
from .base import Asked, Emulator, Field, Fields, Job, Op

NUMBER, TEXT = Field("number"), Field()
OUTPAINT: Fields = {
    "audio_url": Field(required=True), "tags": Field(required=True),
    "extend_after_duration": Field("number", low=0, high=240),
    "extend_before_duration": Field("number", low=0, high=240), "lyrics": TEXT, "seed": Field("integer"),
    "number_of_steps": Field("integer", low=3, high=60), "scheduler": Field(choices=("euler", "heun")),
    "guidance_type": Field(choices=("cfg", "apg", "cfg_star")), "granularity_scale": Field("integer"),
    "guidance_interval": NUMBER, "guidance_interval_decay": NUMBER, "guidance_scale": NUMBER,
    "minimum_guidance_scale": NUMBER, "tag_guidance_scale": NUMBER, "lyric_guidance_scale": NUMBER,
}  # fmt: skip
SONAUTO: Fields = {
    "audio_url": Field(required=True), "side": Field(required=True, choices=("left", "right")),
    "extend_duration": NUMBER, "crop_duration": NUMBER, "prompt": TEXT, "tags": Field("array"), "lyrics_prompt": TEXT,
    "num_songs": Field("integer", low=1, high=2), "output_format": Field(choices=("wav", "flac", "mp3", "ogg", "m4a")),
    "output_bit_rate": Field("integer"), "prompt_strength": NUMBER, "balance_strength": NUMBER,
    "seed": Field("integer"),
}  # fmt: skip
STABLE: Fields = {
    "audio_url": Field(required=True), "prompt": TEXT, "negative_prompt": TEXT,
    "num_inference_steps": Field("integer"), "guidance_scale": NUMBER, "seed": Field("integer"),
}  # fmt: skip
STATES = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")
UNKNOWN_SECONDS = 20.0
_REASONS: dict[str, tuple[int, Any]] = {
    "failed": (500, {"detail": "the runner died", "error_type": "runner_error"}),
    "timeout": (504, {"detail": "the run took too long"}),
    "rejected": (422, {"detail": [{"loc": ["body", "lyrics"], "msg": "content was flagged",
                                   "type": "content_policy_violation"}]}),
    "bad audio": (422, {"detail": [{"loc": ["body", "audio_url"], "msg": "cannot decode", "type": "file_error"},
                                   {"loc": ["body", "tags"], "msg": "too long", "type": "value_error"}]}),
}  # fmt: skip


class Fal(Emulator):
    """See `Emulator`. Outcomes: "", "failed", "timeout", "rejected", "bad audio", "no audio".

    Attributes:
        status_code: Of an answer about work that is not over.
        lower: States in small letters.
        audio_as: How a result holds its audio; `usual` is as the model's page has it.
        early: Looks at the result that find it "still in progress", although the status said it was over.
        locked: Submits are refused for want of money.
        with_urls: An answer to a submit names its addresses.
        signs_with: Its keys; posts are signed by the last one.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        *Emulator.KNOBS, "status_code", "lower", "audio_as", "early", "locked", "with_urls",
    )  # fmt: skip

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(key, balance)
        self.status_code = 200
        self.lower = False
        self.audio_as: Literal["usual", "object", "list", "link", "audio_url"] = "usual"
        self.early = 0
        self.locked = False
        self.with_urls = True
        self.files: dict[str, bytes] = {}
        self.signs_with = [Ed25519PrivateKey.generate()]

    def ops(self) -> list[Op]:
        def submit(path: str, fields: Fields) -> Op:
            return Op("submit", "POST", f"/{path}", self._keyed(self._submit(path)), fields, query=None, open=True)

        work = "/{owner}/{app}/requests/{id}"
        initiate = {"content_type": Field(required=True), "file_name": Field(required=True)}
        return [
            submit("fal-ai/ace-step/audio-outpaint", OUTPAINT),
            submit("sonauto/v2/extend", SONAUTO),
            submit("fal-ai/stable-audio-3/medium/audio-outpainting", STABLE),
            Op("poll", "GET", f"{work}/status", self._keyed(self._status), query=("logs",), open=True),
            Op("poll", "PUT", f"{work}/cancel", self._keyed(self._cancel), open=True),
            Op("poll", "GET", work, self._keyed(self._result), open=True),
            Op("upload", "POST", "/storage/upload/initiate", self._keyed(self._initiate), initiate,
               query=("storage_type",), open=True),
            Op("upload", "PUT", "/put/{name}", self._put, query=("signature",), open=True),
            Op("audio", "GET", "/files/{name}", self._file, open=True),
            Op("greeting", "GET", "/.well-known/jwks.json", self._keys, open=True),
        ]  # fmt: skip

    def _keyed(self, answer: Callable[[Asked], Response]) -> Callable[[Asked], Response]:
        def checked(asked: Asked) -> Response:
            right = asked.headers.get("authorization") == f"Key {self.key}"
            return answer(asked) if right else self.unauthorized()

        return checked

    def unauthorized(self) -> Response:
        return JSONResponse({"detail": "Cannot access application. Authentication is required."}, 401)

    def invalid(self, problems: list[str]) -> Response:
        detail = [{"loc": ["body"], "msg": said, "type": "value_error"} for said in problems]
        return JSONResponse({"detail": detail}, 422)

    # --- files, on hosts of their own, which the key is not for ---------------------------------------------------

    def _initiate(self, asked: Asked) -> Response:
        name = f"{uuid.uuid4().hex}-{asked.body['file_name']}"
        other = _other_host(asked.base)
        return JSONResponse({"upload_url": f"{other}/put/{name}?signature=s", "file_url": f"{other}/files/{name}"})

    def _put(self, asked: Asked) -> Response:
        self._no_key(asked)
        self.files[asked.path["name"]] = self.seen[-1].body
        return Response("", 200)

    def _file(self, asked: Asked) -> Response:
        self._no_key(asked)
        data = self.files.get(asked.path["name"])
        if data is None:
            return Response("no such file", 404)
        return Response(data[: len(data) // 2] if self.cut_audio else data, media_type="audio/wav")

    def _keys(self, _: Asked) -> Response:
        public = [key.public_key().public_bytes_raw() for key in self.signs_with]
        told = [base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in public]
        return JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x} for x in told]})

    def _no_key(self, asked: Asked) -> None:
        if "authorization" in asked.headers:
            self.violations.append("the key was sent to a file host")

    # --- the queue ------------------------------------------------------------------------------------------------

    def _submit(self, path: str) -> Callable[[Asked], Response]:
        def taken(asked: Asked) -> Response:
            if self.locked or self.ledger.balance < self.cost(0.01):
                said = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
                return JSONResponse({"detail": said}, 403)
            if unknown := set(asked.query) - {"fal_webhook"}:
                self.violations += [f"query {name} is not documented" for name in unknown]
            source = self._source(asked.body["audio_url"])
            price = _price(path, source, asked.body)
            job = self.new_job(asked.body, price, str(uuid.uuid4()))
            app = "/".join(path.split("/")[:2])
            job.data |= {"app": app, "base": asked.base, "source": source, "webhook": asked.query.get("fal_webhook")}
            job.data["number"] = len(self.jobs)
            place = f"{asked.base}/{app}/requests/{job.id}"
            urls = {"response_url": place, "status_url": f"{place}/status", "cancel_url": f"{place}/cancel"}
            return JSONResponse({"request_id": job.id} | (urls if self.with_urls else {}))

        return taken

    def _source(self, url: str) -> tuple[Any, int]:
        data = self.files.get(url.rpartition("/")[2])
        if data is None:
            return _music(url, UNKNOWN_SECONDS, 44_100), 44_100
        return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)

    def _job(self, asked: Asked) -> Job | None:
        job = self.jobs.get(asked.path["id"])
        named = f"{asked.path['owner']}/{asked.path['app']}"
        return job if job is not None and job.data["app"] == named else None

    def _status(self, asked: Asked) -> Response:
        job = self._job(asked)
        if job is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        word = job.outcome if job.outcome.isupper() else STATES[self.stage(job, len(STATES))]
        told: dict[str, Any] = {"status": word.lower() if self.lower else word}
        told |= {"queue_position": 3} if word == "IN_QUEUE" else {"logs": None}
        if word == "COMPLETED" and job.outcome in _REASONS:
            told |= {"error": "it failed", "error_type": "runner_error"}
        return JSONResponse(told, 200 if word == "COMPLETED" else self.status_code)

    def _result(self, asked: Asked) -> Response:
        job = self._job(asked)
        if job is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        job.data["results"] = job.data.get("results", 0) + 1
        if self.peek(job, len(STATES)) < len(STATES) - 1 or job.data["results"] <= self.early:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if job.data.get("cancelled"):
            return JSONResponse({"detail": "Request was cancelled"}, 400)
        if job.outcome in _REASONS:
            status, body = _REASONS[job.outcome]
            if status >= 500:
                self.give_back(job)
            return JSONResponse(body, status)
        if job.outcome == "no audio":
            return JSONResponse({"seed": 7})
        return JSONResponse(self._held(job) | {"seed": job.body.get("seed", 7)})

    def _held(self, job: Job) -> dict[str, Any]:
        file = {"url": f"{_other_host(job.data['base'])}/files/{self._made(job)}", "content_type": "audio/wav",
                "file_name": "out.wav"}  # fmt: skip
        usual = "list" if job.data["app"].startswith("sonauto") else "object"
        match usual if self.audio_as == "usual" else self.audio_as:
            case "object":
                return {"audio": file}
            case "list":
                return {"audio": [file]}
            case "link":
                return {"audio": file["url"]}
            case _:
                return {"audio_url": file["url"]}

    def _made(self, job: Job) -> str:
        name = f"{job.id}.wav"
        if name not in self.files:
            sound, rate = job.data["source"]
            added = job.body.get("extend_after_duration", job.body.get("extend_duration", 30.0))
            new = _music(f"new {job.body.get('seed')} {job.data['number']}", added, rate)
            whole = np.concatenate([sound, np.repeat(new[:, :1], sound.shape[1], axis=1)])
            buffer = io.BytesIO()
            soundfile.write(buffer, whole, rate, format="WAV", subtype="PCM_16")
            self.files[name] = buffer.getvalue()
        return name

    def _cancel(self, asked: Asked) -> Response:
        job = self._job(asked)
        if job is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        if self.peek(job, len(STATES)) == len(STATES) - 1:
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        job.data["cancelled"] = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)


def _other_host(base: str) -> str:
    return base.replace("127.0.0.1", "localhost").replace("emulator.test", "localhost")


def _price(path: str, source: tuple[Any, int], body: dict[str, Any]) -> float:
    if path.startswith("fal-ai/ace-step"):
        return round(0.0002 * (len(source[0]) / source[1] + body.get("extend_after_duration", 30)), 6)
    return 0.075 if path.startswith("sonauto") else 0.0446


def _music(name: str, seconds: float, rate: int) -> Any:
    """Made-up music of a length, the same for the same name."""
    data = Studio().render(origin(name, seconds), "wav")
    sound, own = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    at = np.arange(round(seconds * rate)) * own / rate
    return np.stack([np.interp(at, np.arange(len(sound)), channel) for channel in sound.T], axis=1).astype(np.float32)


# Its calls begin with files, not with clips as those of `PAID` do.
FREE = {"fal": Fal}
