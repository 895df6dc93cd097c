"""kie.ai as it is today: the job door of its Market, beside the older door that still answers."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from starlette.responses import JSONResponse, Response

from .audio import Recipe, length, origin
from .base import Asked, Field, Fields, Job, Op, body_problems
from .paid import Paid
from .suno import ENDS, KIE, PRICE, SunoEmulator, envelope

EXTEND, UPLOAD = "ai-music-api/extend", "ai-music-api/upload-and-extend-audio"
CURRENT = ("V6", "V6_MINI", "V6_WILD")
RETIRED = ("V3_5", "V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5")
WEIGHT = Field("number", low=0, high=1)
_INPUT: Fields = {
    "model": Field(required=True, choices=(*CURRENT, *RETIRED)),
    "continue_at": Field("number"),
    "prompt": Field(longest=5000),
    "lyrics": Field(longest=5000),
    "style": Field(longest=1000),
    "title": Field(longest=100),
    "instrumental": Field("boolean"),
    "negative_tags": Field(),
    "vocal_gender": Field(choices=("m", "f")),
    "style_weight": WEIGHT,
    "weirdness_constraint": WEIGHT,
    "audio_weight": WEIGHT,
    "persona_id": Field(),
    "persona_model": Field(choices=("style_persona", "voice_persona")),
    "variety": Field("number", low=0, high=4),
}
ROUTES: dict[str, Fields] = {
    EXTEND: _INPUT | {"audio_id": Field(required=True)},
    UPLOAD: _INPUT | {"upload_url": Field(required=True)},
}
CREATE: Fields = {
    "model": Field(required=True), "input": Field("object", required=True), "callBackUrl": Field(),
}  # fmt: skip
STATES = ("waiting", "queuing", "generating", "success")
INHERITED = {"audio_id", "upload_url", "model", "instrumental"}
# Words for `outcome` besides those of the older door, and the code that the failure is told with.
FAILS = {name: str(code) for name, code in ENDS.items()} | {"KNOWN_WORK": "413", "REFUSED_WORDS": "400"}


class MarketEmulator(SunoEmulator):
    """See `SunoEmulator`: the older door is there too. Outcomes as there, and `KNOWN_WORK`, `REFUSED_WORDS`.

    Attributes:
        result_as: Where the clips of a finished job are: in `resultJson` as text (and beside it), in `response` with
            `resultJson` empty or broken or left out, in `resultUrls` alone, or nowhere.
        accept_as: Where an accepted submit names its job.
        retired_models: Whether models of the past are taken or refused.
        plain_uploads: Whether a link with nothing but a model can be extended.
    """

    failed_outcome = "GENERATE_AUDIO_FAILED"
    KNOBS: ClassVar[tuple[str, ...]] = (
        *SunoEmulator.KNOBS, "result_as", "accept_as", "retired_models", "plain_uploads",
    )  # fmt: skip

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(KIE, key, balance)
        self.refunds = True
        self.result_as: Literal["text", "empty", "broken", "response", "urls", "nowhere"] = "text"
        self.accept_as: Literal["taskId", "recordId"] = "taskId"
        self.retired_models: Literal["accept", "refuse"] = "accept"
        self.plain_uploads: Literal["fail", "work"] = "fail"

    def ops(self) -> list[Op]:
        jobs = "/api/v1/jobs"
        return [
            Op("submit", "POST", f"{jobs}/createTask", self._create, CREATE),
            Op("poll", "GET", f"{jobs}/recordInfo", self._info, query=("taskId",)),
            Op("poll", "POST", "/api/v1/common/download-url", self._download_url, {"url": Field(required=True)}),
            *super().ops(),
        ]

    # --- submit ----------------------------------------------------------------------------------------------------

    def _create(self, asked: Asked) -> Response:
        route, told = asked.body["model"], asked.body["input"]
        if route not in ROUTES:
            return self.invalid([f"model {route} is not supported"])
        if problems := body_problems(told, ROUTES[route]):
            self.violations += [f"{route}: {problem}" for problem in problems]
            return self.invalid(problems)
        if self.retired_models == "refuse" and told["model"] in RETIRED:
            return self.invalid([f"model {told['model']} is discontinued"])
        source = self._origin(told)
        if problems := _problems(told, length(source)):
            return self.invalid(problems)
        if self._too_fast():
            return envelope(self.codes.too_fast, "Your call frequency is too high. Please try again later.")
        if self.ledger.balance < self.cost(PRICE):
            return envelope(self.codes.no_credits, "The current credits are insufficient. Please top up.")
        return self._accept(asked, told, source)

    def _accept(self, asked: Asked, told: dict[str, Any], source: Recipe) -> Response:
        job = self.new_job(asked.body, PRICE)
        if "upload_url" in told and told.keys() <= INHERITED and self.plain_uploads == "fail":
            job.outcome = "REFUSED_WORDS"
        for index in range(2):
            self._make_clip(job, index, source, told.get("continue_at", length(source)))
        return envelope(200, "success", {self.accept_as: job.id})

    def _origin(self, told: dict[str, Any]) -> Recipe:
        name = told.get("audio_id") or told["upload_url"]
        return self.tracks.get(name) or self.uploads.get(name) or origin(name, self.source_seconds)

    # --- look ------------------------------------------------------------------------------------------------------

    def _info(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.query["taskId"])
        if job is None:
            return envelope(422, "recordInfo is null")
        stage = self.stage(job, len(STATES))
        word = STATES[stage]
        if stage == len(STATES) - 1:
            word = "fail" if job.outcome in FAILS else word
            word = word if job.outcome in ("", "ONE_FAILED", *FAILS) else job.outcome
        return envelope(200, "success", self.told(job, word, asked.base))

    def told(self, job: Job, word: str, base: str) -> dict[str, Any]:
        """What a poll and a callback say of a job in this state."""
        failed = word == "fail"
        refunded = failed and self.refunds and self.give_back(job)
        clips = self._results(job, base) if word == "success" else []
        said = {"failCode": FAILS[job.outcome], "failMsg": f"it ended with {job.outcome}"} if failed else {}
        return {
            "taskId": job.id, "model": job.body["model"], "state": word, "param": json.dumps(job.body),
            "failCode": None, "failMsg": None, "costTime": 91 if clips else None, "createTime": 1795132700000,
            "creditsConsumed": 0 if refunded else job.price, "progress": 100 if clips else 40, **said,
            **self._placed(clips),
        }  # fmt: skip

    def _placed(self, clips: list[dict[str, Any]]) -> dict[str, Any]:
        if not clips or self.result_as == "nowhere":
            return {"resultJson": "", "response": None}
        if self.result_as == "urls":
            return {"resultJson": json.dumps({"resultUrls": [clip["audio_url"] for clip in clips]})}
        beside = {"response": {"data": clips}}
        texts = {"text": json.dumps({"data": clips}), "empty": "", "broken": '{"data":[{"id":"'}
        return beside | ({"resultJson": texts[self.result_as]} if self.result_as in texts else {})

    def _results(self, job: Job, base: str) -> list[dict[str, Any]]:
        ready = self.has_links(job)
        told = job.body["input"]
        clips = [
            {
                "id": name, "title": told.get("title", "Untitled"),
                "duration": self._written(length(self.tracks[name])),
                "audio_url": self.audio_url(base, name) if ready else "", "stream_audio_url": f"{base}/stream/{name}",
                "image_url": "", "model_name": "chirp-x", "tags": told.get("style", ""), "createTime": 1795132800000,
            }
            for name in job.data["clips"]
        ]  # fmt: skip
        if job.outcome == "ONE_FAILED":
            clips[1] |= {"audio_url": "", "duration": None, "error": {"message": "could not be made"}}
        return clips

    def _download_url(self, asked: Asked) -> Response:
        known = asked.body["url"].startswith(f"{asked.base}/audio/")
        return envelope(200, "success", asked.body["url"]) if known else envelope(422, "url is not ours")

    def callback_of_job(self, job: Job, base: str) -> Response:
        """What is posted at the end: the poll's answer, with one name changed."""
        word = "fail" if job.outcome in FAILS else "success"
        data = self.told(job, word, base)
        data["consumeCredits"] = data.pop("creditsConsumed")
        return JSONResponse({"code": 501 if word == "fail" else 200, "msg": f"task {word}", "data": data})


def _problems(told: dict[str, Any], source_seconds: float) -> list[str]:
    """What the page says about fields that go together."""
    found: list[str] = []
    if told.get("instrumental"):
        sung = [name for name in ("prompt", "lyrics", "vocal_gender") if name in told]
        found += [f"{name} cannot go with instrumental" for name in sung]
    if "continue_at" in told and not 0 < told["continue_at"] < source_seconds:
        found.append("continue_at must be greater than 0 and less than the length of the source")
    if "audio_id" in told and not told.keys() <= INHERITED:
        found += [
            f"{name} is required in custom mode" for name in ("continue_at", "style", "title") if name not in told
        ]
        if not told.get("instrumental") and not {"prompt", "lyrics"} & told.keys():
            found.append("prompt is required in custom mode")
    return found


def kie(**given: Any) -> MarketEmulator:
    return MarketEmulator(**given)


PAID = (
    Paid(
        "kie", lambda key: kie(key=key), {"source": "clip:seed-clip"},
        {"model": EXTEND, "input": {"audio_id": "seed-clip", "model": "V6"}},
        (30, 31), (12, 12), "add_seconds", uploads=True,
    ),
)  # fmt: skip
