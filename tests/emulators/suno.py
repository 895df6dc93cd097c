"""sunoapi.org and kie.ai: strict about their pages, refusing with HTTP 200 and a code in the body as they do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import soundfile
from starlette.responses import JSONResponse, Response

from fermata_mcp.config import INERT_CALLBACK

from .audio import Recipe, length, origin, until
from .base import Asked, Emulator, Field, Fields, Job, Op
from .paid import Paid

PRICE = 12.0
MODELS = ("V3_5", "V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5", "V6", "V6_WILD", "V6_MINI")
WEIGHT = Field("number", low=0, high=1, step=0.01)
COMMON: Fields = {
    "defaultParamFlag": Field("boolean", required=True),
    "model": Field(required=True, choices=MODELS),
    "callBackUrl": Field(required=True),
    "prompt": Field(longest=5000),
    "style": Field(longest=1000),
    "title": Field(longest=100),
    "continueAt": Field("number"),
    "personaId": Field(),
    "personaModel": Field(choices=("style_persona", "voice_persona")),
    "negativeTags": Field(),
    "vocalGender": Field(choices=("m", "f")),
    "styleWeight": WEIGHT,
    "weirdnessConstraint": WEIGHT,
    "audioWeight": WEIGHT,
}
EXTEND: Fields = COMMON | {"audioId": Field(required=True)}
UPLOAD_EXTEND: Fields = COMMON | {"uploadUrl": Field(required=True), "instrumental": Field("boolean")}
PLACE: Fields = {"uploadPath": Field(required=True), "fileName": Field()}
STATES = ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS")
# Words for `outcome`: these end without audio; ONE_FAILED is ours; any other is told as the state for ever.
ENDS = {"CREATE_TASK_FAILED": 500, "GENERATE_AUDIO_FAILED": 501, "SENSITIVE_WORD_ERROR": 400}


@dataclass(frozen=True)
class Codes:
    """Where the flavours differ."""

    credit_path: str
    no_credits: int
    too_fast: int
    invalid: int


SUNOAPI = Codes("/api/v1/generate/credit", no_credits=429, too_fast=430, invalid=400)
KIE = Codes("/api/v1/chat/credit", no_credits=402, too_fast=429, invalid=422)


def envelope(code: int, said: str, data: Any = None) -> Response:
    return JSONResponse({"code": code, "msg": said, "data": data})


class SunoEmulator(Emulator):
    """Either flavour.

    Attributes:
        snake_case: Clips are told in snake_case, as newer hosts do.
        rate_limit: Submits allowed in ten seconds; 0 for no limit.
        early_links: A clip that is not ready has its streaming link already.
        picky: Refuse downloads by default library user agents.
        refunds: Give the money of failed work back.
        written: Lengths as they are, as strings, or not at all.
    """

    failed_outcome = "GENERATE_AUDIO_FAILED"
    KNOBS = (*Emulator.KNOBS, "snake_case", "rate_limit", "early_links", "picky", "refunds", "written")

    def __init__(self, codes: Codes, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(key, balance)
        self.codes = codes
        self.snake_case = False
        self.rate_limit = 0
        self.early_links = True
        self.picky = False
        self.refunds = False
        self.written: Literal["number", "string", "null"] = "number"
        self.tracks: dict[str, Recipe] = {}
        self.uploads: dict[str, Recipe] = {}
        self._times: deque[float] = deque()

    def ops(self) -> list[Op]:
        return [
            Op("submit", "POST", "/api/v1/generate/extend", self._extend, EXTEND),
            Op("submit", "POST", "/api/v1/generate/upload-extend", self._extend, UPLOAD_EXTEND),
            Op("poll", "GET", "/api/v1/generate/record-info", self._record, query=("taskId",)),
            Op("balance", "GET", self.codes.credit_path, lambda _: envelope(200, "success", self.ledger.balance)),
            Op("upload", "POST", "/api/file-stream-upload", self._take_stream, PLACE, form=True),
            Op("upload", "POST", "/api/file-base64-upload", self._take_base64,
               {**PLACE, "base64Data": Field(required=True)}),
            Op("upload", "POST", "/api/file-url-upload", self._take_url, {**PLACE, "fileUrl": Field(required=True)}),
            Op("audio", "GET", "/stream/{name}", lambda _: Response(b"", media_type="audio/mpeg"), open=True),
        ]  # fmt: skip

    def unauthorized(self) -> Response:
        return envelope(401, "You do not have access permissions")

    def invalid(self, problems: list[str]) -> Response:
        return envelope(self.codes.invalid, "; ".join(problems))

    def add_clip(self, clip_id: str, seconds: float) -> None:
        """A clip that the provider made earlier."""
        self.tracks[clip_id] = origin(clip_id, seconds)

    def play(self, asked: Asked) -> Response:
        if self.picky and asked.headers.get("user-agent", "python-").startswith("python-"):
            return Response("<html>Attention Required!</html>", 403, media_type="text/html")
        return super().play(asked)

    # --- submit ----------------------------------------------------------------------------------------------------

    def _extend(self, asked: Asked) -> Response:
        source = self._source(asked.body)
        problems = _mode_problems(asked.body, length(source))
        if problems:
            return self.invalid(problems)
        if self._too_fast():
            return envelope(self.codes.too_fast, "Your call frequency is too high. Please try again later.")
        if self.ledger.balance < self.cost(PRICE):
            return envelope(self.codes.no_credits, "The current credits are insufficient. Please top up.")
        job = self.new_job(asked.body, PRICE)
        point = asked.body.get("continueAt", length(source))
        for index in range(2):
            self._make_clip(job, index, source, point)
        return envelope(200, "success", {"taskId": job.id})

    def _source(self, body: dict[str, Any]) -> Recipe:
        name = body.get("audioId") or body["uploadUrl"]
        return self.tracks.get(name) or self.uploads.get(name) or origin(name, self.source_seconds)

    def _make_clip(self, job: Job, index: int, source: Recipe, point: float) -> None:
        clip_id = f"{job.id[:8]}-{index}-{job.id[8:20]}"
        new = origin(clip_id, self.adds_seconds + index)
        recipe = until(source, point) + new if self.returns_whole() else new
        self.tracks[clip_id] = recipe
        self.host_audio(clip_id, recipe)
        job.data.setdefault("clips", []).append(clip_id)

    def _too_fast(self) -> bool:
        now = self.now()
        while self._times and self._times[0] < now - 10:
            self._times.popleft()
        self._times.append(now)
        return 0 < self.rate_limit < len(self._times)

    # --- look ------------------------------------------------------------------------------------------------------

    def _record(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.query["taskId"])
        if job is None:
            return envelope(200, "success")
        stage = self.stage(job, len(STATES))
        word = self._word(job, STATES[stage])
        told = self._told(job, stage, word, asked.base)
        code = ENDS.get(word)
        if code and self.refunds and self.give_back(job) and self.codes is KIE:
            code = 531
        said = f"it ended with {word}" if code else None
        data = {
            "taskId": job.id, "parentMusicId": "", "param": json.dumps(job.body), "type": "EXTEND", "status": word,
            "response": {"taskId": job.id, "sunoData": told} if stage else None, "errorCode": code,
            "errorMessage": said, "createTime": int(time.time() * 1000),
        }  # fmt: skip
        return envelope(200, "success", data)

    def _word(self, job: Job, word: str) -> str:
        if job.outcome in ("", "ONE_FAILED") or (word != "SUCCESS" and job.outcome in (*ENDS, "CALLBACK_EXCEPTION")):
            return word
        return job.outcome

    def _told(self, job: Job, stage: int, word: str, base: str) -> list[dict[str, Any]]:
        if word in ENDS or stage == 0:
            return []
        ready = {1: 0, 2: 1, 3: 2 if self.has_links(job) else 0}[stage]
        if job.outcome not in ("", "ONE_FAILED", "CALLBACK_EXCEPTION"):
            ready = 0
        clips = [self._clip(job, index, index < ready, base) for index in range(2)]
        if stage == 3 and job.outcome == "ONE_FAILED":
            gone = dict.fromkeys(("audioUrl", "sourceAudioUrl", "streamAudioUrl"), "")
            clips[1] |= {**gone, "duration": None, "errorMessage": "could not be made"}
        return [{_snake(name): value for name, value in clip.items()} for clip in clips] if self.snake_case else clips

    def _clip(self, job: Job, index: int, ready: bool, base: str) -> dict[str, Any]:
        clip_id = job.data["clips"][index]
        link = self.audio_url(base, clip_id)
        seconds = self._written(length(self.tracks[clip_id])) if ready else None
        return {
            "id": clip_id, "audioUrl": link if ready else "", "sourceAudioUrl": link if ready else "",
            "streamAudioUrl": f"{base}/stream/{clip_id}" if self.early_links or ready else "",
            "imageUrl": f"{base}/image/{clip_id}.jpeg", "prompt": job.body.get("prompt", ""), "modelName": "chirp-x",
            "title": job.body.get("title", "Untitled"), "tags": job.body.get("style", ""),
            "createTime": int(time.time() * 1000), "duration": seconds,
        }  # fmt: skip

    def _written(self, seconds: float) -> Any:
        return {"number": seconds, "string": f"{seconds:.2f}", "null": None}[self.written]

    # --- uploads ---------------------------------------------------------------------------------------------------

    def _take_stream(self, asked: Asked) -> Response:
        return self._take(asked, asked.files["file"])

    def _take_base64(self, asked: Asked) -> Response:
        try:
            return self._take(asked, base64.b64decode(asked.body["base64Data"].rpartition(",")[2], validate=True))
        except ValueError:
            return envelope(400, "not base64")

    def _take_url(self, asked: Asked) -> Response:
        return self._stored(asked, origin(asked.body["fileUrl"], self.source_seconds), 0)

    def _take(self, asked: Asked, data: bytes) -> Response:
        name = hashlib.sha256(data).hexdigest()
        try:
            recipe = self.studio.keep(name, data)
        except soundfile.LibsndfileError:
            recipe = origin(name, self.source_seconds)  # a format that only the provider can read
        return self._stored(asked, recipe, len(data))

    def _stored(self, asked: Asked, recipe: Recipe, size: int) -> Response:
        name = asked.body.get("fileName") or f"upload{len(self.uploads)}.mp3"
        stem = name.rpartition(".")[0] or name
        if stem in self.sounds:
            self.violations.append(f"the upload name {name} was used twice")
        self.host_audio(stem, recipe)
        url = f"{asked.base}/audio/{stem}.mp3"
        self.uploads[url] = recipe
        data = {
            "fileName": name, "filePath": f"{asked.body['uploadPath']}/{name}", "downloadUrl": url, "fileSize": size,
            "mimeType": "audio/mpeg", "uploadedAt": "2026-11-20T00:00:00.000Z",
        }  # fmt: skip
        return JSONResponse({"success": True, "code": 200, "msg": "File uploaded successfully", "data": data})

    # --- webhook ---------------------------------------------------------------------------------------------------

    def callback(
        self, job: Job, base: str, kind: Literal["text", "first", "complete", "error"] = "complete", hmac_key: str = ""
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of what the host posts to `callBackUrl`; kie signs it where a key is given."""
        ready = {"text": 0, "first": 1, "complete": 2, "error": 0}[kind]
        clips = [self._clip(job, index, True, base) for index in range(ready)]
        told = [{_snake(name): value for name, value in clip.items()} for clip in clips]
        failed = kind == "error"
        said = "Music extension failed" if failed else "All generated successfully."
        data = {"callbackType": kind, "task_id": job.id, "data": None if failed else told}
        headers = {"content-type": "application/json"}
        if hmac_key:
            moment = str(int(time.time()))
            signed = hmac.new(hmac_key.encode(), f"{job.id}.{moment}".encode(), hashlib.sha256).digest()
            headers |= {"x-webhook-timestamp": moment, "x-webhook-signature": base64.b64encode(signed).decode()}
        return headers, json.dumps({"code": 400 if failed else 200, "msg": said, "data": data}).encode()


def _mode_problems(body: dict[str, Any], source_seconds: float) -> list[str]:
    if not body["defaultParamFlag"]:
        return []
    needed = ["continueAt", "style", "title"] + ([] if body.get("instrumental") else ["prompt"])
    found = [f"{name} is required in custom mode" for name in needed if name not in body]
    if "continueAt" in body and not 0 < body["continueAt"] < source_seconds:
        found.append("continueAt must be greater than 0 and less than the length of the source")
    return found


def _snake(name: str) -> str:
    return name if name == "createTime" else "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def sunoapi(**given: Any) -> SunoEmulator:
    return SunoEmulator(SUNOAPI, **given)


def kie(**given: Any) -> SunoEmulator:
    return SunoEmulator(KIE, **given)


PAID = (
    Paid(
        "sunoapi", lambda key: sunoapi(key=key), {"source": "clip:seed-clip"},
        {"defaultParamFlag": False, "audioId": "seed-clip", "model": "V5", "callBackUrl": INERT_CALLBACK},
        (30, 31), (12, 12), "add_seconds", uploads=True,
    ),
)  # fmt: skip
