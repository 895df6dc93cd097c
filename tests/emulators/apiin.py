"""apiin.one: tasks are extended by id and index, refusals are real HTTP errors with an envelope of their own."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Literal

from starlette.responses import JSONResponse, Response

from .audio import Recipe, length, origin, until
from .base import Asked, Emulator, Field, Fields, Job, Op
from .paid import Paid

PRICES = {"3-5": 5.0, "4-0": 8.0, "4-5": 10.0, "4-5-plus": 10.0, "5": 12.0, "5-0": 12.0, "5-5": 12.0}
CREATED_AT = "2026-11-20T12:00:00Z"
STATES = ("listed", "text", "first", "done")
_NOTHING: dict[str, Any] = {"empty": [], "object": {}}
# How tasks begin that the account has, though they were not made here.
ELSEWHERE = ("gen", "seed")
FEED_QUERIES = ("task_id", "workId")
OWN = ("prompt", "style", "title", "extensionStartTime", "tags")
EXTEND: Fields = {
    "origin_task_id": Field(required=True),
    "extend_audio_index": Field("integer", required=True, low=0, high=1),
    "custom_mode": Field("boolean"),
    "callback_url": Field(),
    "prompt": Field(),
    "style": Field(),
    "title": Field(),
    "extensionStartTime": Field("number"),
    "tags": Field(),
}
MUSIC: Fields = {
    "model": Field(),
    "gpt_description_prompt": Field(longest=400),
    "prompt": Field(longest=5000),
    "style": Field(longest=1000),
    "title": Field(longest=100),
    "tags": Field(),
    "make_instrumental": Field("boolean"),
    "gender": Field(choices=("male", "female")),
    "style_weight": Field("number"),
    "weirdness_constraint": Field("number"),
    "audio_weight": Field("number"),
    "callback_url": Field(),
}


class Apiin(Emulator):
    """See `Emulator`. Outcomes: "", "one_failed", "failed", "unfinished"; any other is told as the type for ever.

    Attributes:
        feed_query: The parameter that the feed takes: `workId` on older pages.
        extends_extensions: Whether an extension may be extended again.
        reply: Where an accepted submit names its task: A at `task_id`, B at `id`, C at `data.task_id`.
        early: What the feed says of a task that has no clips yet.
        errors_as_200: The feed tells its errors as HTTP 200 with a code in the body.
        written: Numbers of the feed as they are, or as strings.
        model: The model of tasks that are not made here; the price of an extension follows from it.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        *Emulator.KNOBS, "extends_extensions", "reply", "early", "errors_as_200", "written", "model", "submit_status",
        "feed_query",
    )  # fmt: skip

    def __init__(
        self, key: str = "aio_emulator-key", balance: float = 1000.0, feed_query: str = "task_id", **knobs: Any
    ) -> None:
        super().__init__(key, balance)
        self.feed_query = feed_query
        self.extends_extensions = True
        self.reply: Literal["A", "B", "C"] = "A"
        self.early: Literal["null", "no_items", "empty", "object", "missing"] = "no_items"
        self.errors_as_200 = False
        self.written: Literal["number", "string", "null"] = "number"
        self.model = "chirp-v4-5"
        self.submit_status = 200
        self.apply_script({"set": knobs})

    def list_earlier(self, task_id: str, seconds: float) -> None:
        """A task that the account made before anybody looked; the feed tells of it."""
        job = Job(task_id, {"title": "Earlier"}, 0.0, "", self.now() - 1000, polls=1000)
        job.data |= {"model": self.model, "clips": [f"{task_id}-{index}" for index in range(2)]}
        for name in job.data["clips"]:
            self.host_audio(name, origin(name, seconds))
        self.jobs[task_id] = job

    def ops(self) -> list[Op]:
        return [
            Op("submit", "POST", "/api/v1/audio/music/extend", self._extend, EXTEND),
            Op("submit", "POST", "/api/v1/audio/music", self._music, MUSIC),
            Op("poll", "GET", "/api/v1/audio/music/feed", self._feed, query=None),
            Op("poll", "GET", "/api/v1/tasks/{task_id}", self._status),
            Op("audio", "GET", "/stream/{name}.mp3", self._stream, open=True),
        ]

    # --- refusals -------------------------------------------------------------------------------------------------

    def unauthorized(self) -> Response:
        return _refuse(401, "authentication_error", "Invalid or missing API key")

    def invalid(self, problems: list[str]) -> Response:
        return _refuse(400, "invalid_request", "; ".join(problems))

    # --- submits --------------------------------------------------------------------------------------------------

    def _music(self, asked: Asked) -> Response:
        model = asked.body.get("model", "chirp-v3-5")
        return self._accept(asked, "gen", model, [(), ()], 0.0)

    def _extend(self, asked: Asked) -> Response:
        body = asked.body
        source, model = self._source(body["origin_task_id"], body["extend_audio_index"], body.get("extensionStartTime"))
        problems = _problems(body, length(source)) if source else ["origin_task_id is invalid or not completed yet"]
        if problems:
            return self.invalid(problems)
        return self._accept(asked, "ext", model, [source, source], body.get("extensionStartTime", length(source)))

    def _source(self, task_id: str, index: int, at: float | None) -> tuple[Recipe, str]:
        """A finished clip of the account, and its model.

        A task that was never heard of exists, unless it is called missing; it is longer than the point to go on at.
        """
        job = self.jobs.get(task_id)
        if job is None:
            heard = origin(f"{task_id}-{index}", max(self.source_seconds, (at or 0) + 1))
            return () if task_id.startswith("missing") else heard, self.model
        usable = self._stage(job) == "done" and job.outcome in ("", "one_failed")
        usable = usable and (self.extends_extensions or not task_id.startswith("ext"))
        usable = usable and not (index == 1 and job.outcome == "one_failed")
        return self.sounds[job.data["clips"][index]] if usable else (), job.data["model"]

    def _accept(self, asked: Asked, prefix: str, model: str, sources: list[Recipe], at: float) -> Response:
        price = PRICES.get(model.partition("-v")[2], 12.0)
        if self.ledger.balance < self.cost(price):
            return _refuse(402, "insufficient_credits", "Insufficient balance")
        job = self.new_job(asked.body, price, f"{prefix}{uuid.uuid4().hex}ksv")
        job.data |= {"model": model, "clips": [f"{job.id}-{index}" for index in range(2)]}
        for index, (name, source) in enumerate(zip(job.data["clips"], sources, strict=True)):
            new = origin(name, self.adds_seconds + index)
            self.host_audio(name, until(source, at) + new if self.returns_whole() else new)
        told = {"task_id": job.id, "status": "pending", "model": model, "created_at": CREATED_AT}
        if self.reply == "B":
            told = {"id": job.id, "status": "pending"}
        if self.reply == "C":
            told = {"code": 200, "message": "success", "data": {"task_id": job.id}}
        return JSONResponse(told, self.submit_status)

    # --- looks ----------------------------------------------------------------------------------------------------

    def _stage(self, job: Job) -> str:
        """Its state, without counting this as a look."""
        return STATES[self.peek(job, len(STATES))]

    def _feed(self, asked: Asked) -> Response:
        if set(asked.query) != {self.feed_query}:
            self.violations += [f"the feed takes no {name}" for name in asked.query if name not in FEED_QUERIES]
            return self.invalid([f"{self.feed_query} is missing"])
        named = asked.query[self.feed_query]
        if named not in self.jobs and named.startswith(ELSEWHERE):
            return self._told_of_elsewhere(asked, named)
        job = self.jobs.get(named)
        state = STATES[self.stage(job, len(STATES))] if job else "listed"
        if job is None or (state == "listed" and self.early == "missing"):
            if self.errors_as_200:
                return JSONResponse({"code": 404, "message": "task not found", "data": None})
            return _refuse(404, "not_found", "task not found")
        if state == "listed":
            return self._told(job, "IN_PROGRESS", _NOTHING.get(self.early), self.early != "null")
        if state == "done" and job.outcome == "failed":
            return self._told(job, "FAILED", [self._clip(asked, job, index, state) for index in range(2)])
        word = "SUCCESS" if state == "done" else "IN_PROGRESS"
        word = word if job.outcome in ("", "one_failed", "failed", "unfinished") else job.outcome
        return self._told(job, word, [self._clip(asked, job, index, state) for index in range(2)])

    def _told_of_elsewhere(self, asked: Asked, task_id: str) -> Response:
        """A finished task that was not made here."""
        made_at = self.now() - 3600
        job = Job(task_id, {"title": "Earlier"}, 0.0, "", made_at, looks_at_end=self.late_links + 1)
        job.data |= {"model": self.model, "clips": [f"{task_id}-{index}" for index in range(2)]}
        for name in job.data["clips"]:
            self.host_audio(name, origin(name, self.source_seconds))
        return self._told(job, "SUCCESS", [self._clip(asked, job, index, "done") for index in range(2)])

    def _told(self, job: Job, word: str, items: Any, data: bool = True) -> Response:
        asked = {name: job.body.get(name) for name in ("prompt", "title", "tags")} | {"model": job.data["model"]}
        feed = {"type": word, "request_body": asked, "response_data": items, "created_at": CREATED_AT}
        return JSONResponse({"code": 200, "message": "success", "data": feed if data else None})

    def _clip(self, asked: Asked, job: Job, index: int, state: str) -> dict[str, Any]:
        name = job.data["clips"][index]
        failed = state == "done" and (job.outcome == "failed" or (job.outcome == "one_failed" and index == 1))
        done = (state == "done" and job.outcome != "unfinished") or (state == "first" and index == 0)
        stream = f"{asked.base}/stream/{name}.mp3" if state != "text" else ""
        link = self.audio_url(asked.base, name) if self.has_links(job) and not failed else ""
        stage = "complete" if done else "first" if state in ("first", "done") else "text"
        return {
            "id": f"song_{name[3:9]}",
            "audio_url": link if done else stream,
            "image_url": f"{asked.base}/image/{name}.jpeg",
            "status": "error" if failed else stage,
            "title": job.body.get("title") or "Untitled",
            "duration": self._written(length(self.sounds[name])) if done and not failed else None,
            "model_name": job.data["model"],
            "extra_message": "" if failed or not done else "All generated successfully.",
            "fail_message": "generation failed upstream" if failed else "",
            "error_message": "",
        }

    def _written(self, seconds: float) -> Any:
        return {"number": round(seconds, 2), "string": f"{seconds:.2f}", "null": None}[self.written]

    def _stream(self, asked: Asked) -> Response:
        """What there is while the work goes on: a second of it."""
        recipe = until(self.sounds.get(asked.path["name"], ()), 1)
        return Response(self.studio.render(recipe, "mp3"), media_type="audio/mpeg")

    def _status(self, asked: Asked) -> Response:
        job = self.jobs.get(asked.path["task_id"])
        if job is None:
            return _refuse(404, "not_found", "task not found")
        done = self._stage(job) == "done"
        word = ("FAILED" if job.outcome == "failed" else "COMPLETED") if done else "PROCESSING"
        return JSONResponse({"task_id": asked.path["task_id"], "status": word})


def _refuse(code: int, kind: str, said: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": said, "type": kind}}, code)


def _problems(body: dict[str, Any], source_seconds: float) -> list[str]:
    """What the page says about fields that go together."""
    if not body.get("custom_mode"):
        return [f"{name} needs custom_mode true" for name in OWN if name in body]
    found = [] if body.get("prompt") else ["prompt is required in custom mode"]
    if not 0 < body.get("extensionStartTime", source_seconds / 2) < source_seconds:
        found.append("extensionStartTime must be greater than 0 and less than the length of the source")
    return found


def apiin(**given: Any) -> Apiin:
    return Apiin(**given)


PAID = (
    Paid(
        "apiin", Apiin, {"source": "clip:genseed/0"},
        {"origin_task_id": "genseed", "extend_audio_index": 0, "custom_mode": False},
        (30, 31), (10, 12), "model", balance=False,
    ),
)  # fmt: skip
