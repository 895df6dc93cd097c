"""AceDataCloud: Suno's models and Producer on one host, one key and one purse, as its pages describe them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from .acedata_fields import CONCAT, EXTENDS, PRODUCER, SUNO, TASKS, UPLOAD, producer_problems, suno_problems
from .audio import Recipe, length, origin, until
from .base import Asked, Emulator, Fields, Job, Op
from .paid import Paid

EXTEND_PRICE, CONCAT_PRICE, UPLOAD_PRICE = 1.5, 1.0, 0.06
STATES = ("queued", "pending", "running", "mixed", "done")
OUTCOMES = ("", "one_failed", "failed", "rejected")
CREATED_AT = "2026-11-27T10:00:00.000Z"
REASONS = {
    "failed": ("api_error", "no worker is free"),
    "rejected": ("forbidden", "the lyrics name an artist or producer tag"),
}


@dataclass(frozen=True)
class Sound:
    """A clip of the account; `whole` is what joining its chain gives, `history` of what it is joined.

    At Suno, `uploaded` ones are extended by `upload_extend` alone, and those that were `joined` by nothing.
    """

    recipe: Recipe
    whole: Recipe
    history: tuple[str, ...] = ()
    uploaded: bool = False
    joined: bool = False


class AceData(Emulator):
    """See `Emulator`. An outcome that is none of `OUTCOMES` is a state that nobody documented.

    Attributes:
        data_as: Shape of the clips in a response.
        response_as: Whether the response of a task comes as JSON text.
        error_as: Whether an error is an object or text.
        duration_as: How a length is written.
        state_word: The word for a clip that is done; "" where clips tell none.
        without_success: Looks at the end that find every clip done, and no success of the whole: links are streams.
        upload_listed: Whether a task of an upload can be looked up.
        takes: Clips of one extension at Suno.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        *Emulator.KNOBS, "data_as", "response_as", "error_as", "duration_as", "state_word", "without_success",
        "upload_listed", "takes",
    )  # fmt: skip

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(key, balance)
        self.data_as: Literal["list", "object"] = "list"
        self.response_as: Literal["object", "text"] = "object"
        self.error_as: Literal["object", "text"] = "object"
        self.duration_as: Literal["number", "string", "null"] = "number"
        self.state_word = "succeeded"
        self.without_success = 0
        self.upload_listed = False
        self.takes = 2
        self.extend_returns = "segment"
        self.clips: dict[str, Sound] = {}

    def ops(self) -> list[Op]:
        return [op for product, body in (("suno", SUNO), ("producer", PRODUCER)) for op in self._ops_of(product, body)]

    def _ops_of(self, product: str, body: Fields) -> list[Op]:
        answer = self._suno if product == "suno" else self._producer
        return [
            Op("submit", "POST", f"/{product}/audios", answer, body),
            Op("submit", "POST", f"/{product}/upload", self._upload, UPLOAD),
            Op("poll", "POST", f"/{product}/tasks", self._tasks, TASKS),
        ]

    # --- refusals -------------------------------------------------------------------------------------------------

    def unauthorized(self) -> Response:
        return self._refuse(401, "invalid_token", "The specified token is invalid.")

    def invalid(self, problems: list[str]) -> Response:
        return self._refuse(400, "bad_request", "; ".join(problems))

    def _refuse(self, status: int, word: str, said: str) -> Response:
        told = {"code": word, "message": said} if self.error_as == "object" else said
        return JSONResponse({"success": False, "error": told, "trace_id": uuid.uuid4().hex}, status)

    # --- submits --------------------------------------------------------------------------------------------------

    def _suno(self, asked: Asked) -> Response:
        action, source = asked.body.get("action", "generate"), self._source(asked.body)
        if action == CONCAT and source is not None:
            joined = Sound(source.whole, source.whole, (*source.history, asked.body["audio_id"]), joined=True)
            return self._take(asked, CONCAT_PRICE, [joined])
        if action not in EXTENDS:
            return self._refuse(400, "bad_request", f"{action} is not emulated, or its audio_id does not exist")
        if source is None or source.uploaded != (action == "upload_extend"):
            return self._refuse(400, "bad_request", "audio_id does not exist, or was taken down")
        if source.joined:
            return self._refuse(400, "bad_request", "an extension, not what it was joined to, is extended")
        if problems := suno_problems(asked.body, length(source.recipe)):
            return self.invalid(problems)
        return self._take(asked, EXTEND_PRICE, self._continued(asked, source, self.takes))

    def _producer(self, asked: Asked) -> Response:
        source = self._source(asked.body)
        if asked.body["action"] != "extend" or source is None:
            return self._refuse(400, "bad_request", "the action is not emulated, or its audio_id does not exist")
        if problems := producer_problems(asked.body, length(source.recipe)):
            return self.invalid(problems)
        return self._take(asked, EXTEND_PRICE, self._continued(asked, source, 1))

    def _upload(self, asked: Asked) -> Response:
        """Over with its answer."""
        link: str = asked.body["audio_url"]
        name = urlsplit(link).path.rpartition("/")[2].rpartition(".")[0]
        recipe = self.sounds.get(name, origin(link, self.source_seconds))
        if self.ledger.balance < self.cost(UPLOAD_PRICE):
            return self._no_money()
        job = self.new_job(asked.body, UPLOAD_PRICE)
        job.data |= {"clips": [self._keep(Sound(recipe, recipe, uploaded=True))], "base": asked.base, "upload": True}
        return JSONResponse({"success": True, "task_id": job.id, "trace_id": uuid.uuid4().hex, "data": self._kept(job)})

    def _kept(self, job: Job) -> dict[str, Any]:
        [clip] = job.data["clips"]
        link = self.audio_url(job.data["base"], clip)
        told = {"audio_id": clip, "audio_url": link, "title": "up-1", "lyric": "", "style": "", "image_url": ""}
        return told | {"duration": self._written(length(self.sounds[clip]))}

    def _take(self, asked: Asked, price: float, sounds: list[Sound]) -> Response:
        """Accept, if there is money for it; who asks for no other way gets the end as the answer."""
        if self.ledger.balance < self.cost(price):
            return self._no_money()
        job = self.new_job(asked.body, price)
        job.data |= {"clips": [self._keep(sound) for sound in sounds], "base": asked.base}
        if asked.body.get("async") or asked.body.get("callback_url"):
            return JSONResponse({"task_id": job.id, "trace_id": uuid.uuid4().hex})
        job.polls = 10**9
        return JSONResponse(self._response(job, "done"))

    def _no_money(self) -> Response:
        return self._refuse(403, "forbidden", "your balance is not enough, credits are used up")

    def _continued(self, asked: Asked, source: Sound, takes: int) -> list[Sound]:
        point, chain = asked.body["continue_at"], (*source.history, asked.body["audio_id"])
        ahead = length(source.whole) - length(source.recipe)
        new = [origin(uuid.uuid4().hex, self.adds_seconds + index) for index in range(takes)]
        wholes = [Sound(part, until(source.whole, ahead + point) + part, chain) for part in new]
        turn = len(self.ledger.submits) % 2 == 0  # it is not booked yet
        told = {"in turn": turn, "other way round": not turn}.get(self.extend_returns, self.returns_whole())
        return [Sound(until(source.recipe, point) + one.recipe, one.whole, chain) for one in wholes] if told else wholes

    def _keep(self, sound: Sound) -> str:
        clip = str(uuid.uuid4())
        self.clips[clip] = sound
        self.host_audio(clip, sound.recipe)
        return clip

    def _source(self, body: dict[str, Any]) -> Sound | None:
        """A clip of the account. One that was never heard of exists, unless it is called missing."""
        clip: str = body.get("audio_id", "missing")
        if clip.startswith("missing"):
            return None
        point = body.get("continue_at")
        seen = origin(clip, max(self.source_seconds, point + 1 if isinstance(point, int | float) else 0))
        return self.clips.get(clip, Sound(seen, seen))

    # --- looks ----------------------------------------------------------------------------------------------------

    def _tasks(self, asked: Asked) -> Response:
        if asked.body["action"] == "retrieve_batch":
            told = [self._task(self.jobs[name]) for name in asked.body.get("ids", []) if name in self.jobs]
            return JSONResponse({"items": told, "count": len(told)})
        job = self.jobs.get(asked.body.get("id", ""))
        if job is None or (job.data.get("upload") and not self.upload_listed):
            return self._refuse(404, "not_found", "task not found")
        return JSONResponse(self._task(job))

    def _task(self, job: Job) -> dict[str, Any]:
        told = {"_id": uuid.uuid4().hex, "id": job.id, "created_at": 1795132800.1, "request": job.body}
        state = STATES[self.stage(job, len(STATES))]
        if state == "queued":
            return told | {"response": {}}
        response = self._response(job, state)
        return told | {"response": json.dumps(response) if self.response_as == "text" else response}

    def _response(self, job: Job, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {"task_id": job.id, "trace_id": uuid.uuid4().hex}
        if state == "done" and job.outcome in REASONS:
            self.give_back(job)
            word, said = REASONS[job.outcome]
            error = {"code": word, "message": said} if self.error_as == "object" else said
            return {"success": False, **told, "error": error}
        clips = [self._clip(job, at, state) for at in range(len(job.data["clips"]))]
        data = clips[0] if self.data_as == "object" and len(clips) == 1 else clips
        return told | {"data": data} | ({"success": True} if self._is_over(job, state) else {})

    def _is_over(self, job: Job, state: str) -> bool:
        return state == "done" and job.looks_at_end > self.without_success and job.outcome in OUTCOMES

    def _word(self, job: Job, at: int, state: str) -> str:
        if state == "mixed":
            several = len(job.data["clips"]) > 1 and job.outcome == ""
            return self.state_word if at == 0 and several else "running"
        if state != "done":
            return state
        if job.outcome not in OUTCOMES:
            return job.outcome
        return "error" if job.outcome == "one_failed" and at == 0 else self.state_word

    def _clip(self, job: Job, at: int, state: str) -> dict[str, Any]:
        name, base = job.data["clips"][at], job.data["base"]
        word, sound = self._word(job, at, state), self.clips[job.data["clips"][at]]
        over = self._is_over(job, state) and word == self.state_word
        stream = f"{base}/stream/{name}" if state in ("running", "mixed", "done") else ""  # it ends early
        joined = [{"id": one, "continue_at": 1.0, "source": "web", "type": "gen"} for one in sound.history]
        return {
            "id": name,
            "title": job.body.get("title") or "Untitled",
            "audio_url": (self.audio_url(base, name) if self.has_links(job) else "") if over else stream,
            "image_url": f"{base}/image/{name}.jpeg",
            "video_url": "",
            "created_at": CREATED_AT,
            "model": "chirp-auk",
            "style": job.body.get("style", ""),
            "lyric": job.body.get("lyric", ""),
            "duration": self._written(length(sound.recipe)) if over else None,
            **({"state": word} if word else {}),
            **({"concat_history": joined} if job.body.get("action") == CONCAT else {}),
        }

    def _written(self, seconds: float) -> Any:
        return {"number": round(seconds, 3), "string": f"{seconds:.3f}", "null": None}[self.duration_as]


def producer(key: str = "emulator-key") -> AceData:
    """Where it is not documented what comes back: here the whole track."""
    found = AceData(key)
    found.extend_returns = "whole"
    return found


_WORDS = {"continue_at": 18, "instrumental": True}
PAID = (
    Paid(
        "acedata", AceData, {"source": "clip:seed-clip", **_WORDS},
        {"action": "extend", "audio_id": "seed-clip", "custom": True, "model": "chirp-v5-5", "async": True, **_WORDS},
        (28, 11), (1.5, 2), "add_seconds", balance=False, joining=CONCAT_PRICE, extends_joined=False, parts=(10, 11),
        besides={"instrumental": True},
    ),
    Paid(
        "acedata-producer", producer, {"source": "clip:seed-clip", "continue_at": 18},
        {"action": "extend", "audio_id": "seed-clip", "continue_at": 18, "model": "FUZZ-2.0", "async": True},
        (28,), (1.5, 2), "vocal_gender", balance=False,
    ),
)  # fmt: skip
