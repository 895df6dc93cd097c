"""MusicAPI: sonic and producer on one host, one key and one purse, as its pages describe them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from .audio import Recipe, length, origin, until
from .base import Asked, Emulator, Job, Op
from .m4a import m4a
from .musicapi_fields import CONCAT, EXTENDS, PRODUCER, PRODUCER_UPLOAD, RETIRED, SONIC, UPLOAD_EXTEND, sonic_problems
from .paid import Paid

EXTEND_PRICE, CONCAT_PRICE, PRODUCER_PRICE, UPLOAD_PRICE = 15.0, 2.0, 12.0, 2.0
PRODUCER_DEFAULT_LENGTH = 60.0
STATES = ("not_ready", "pending", "running", "mixed", "done")
OUTCOMES = ("", "one_failed", "failed", "rejected", "504")
CREATED_AT = "2026-11-20T09:00:00.000Z"


@dataclass(frozen=True)
class Sound:
    """A clip of the account; `whole` is what joining it to its source gives."""

    recipe: Recipe
    whole: Recipe


class MusicApi(Emulator):
    """See `Emulator`. An outcome that is none of `OUTCOMES` is a state that nobody documented.

    Attributes:
        submit_code: Whether accepted submits say `code: 200` too.
        dialect: A: the clips tell their state. B: the whole does (producer).
        duration_as: How a length is written.
        model_as: `chirp` respells the model of sonic clips.
        error_key: Where the words of a refusal are.
        strict_extend: Whether extending a sonic clip demands `continue_at` and `custom_mode`.
        data_as: Shape of a single clip in an answer.
        full_clip: Whether the joined half of a pair is there with its other half, never, or failed.
        state_word: The word for a clip that is done.
        takes: Clips of one sonic extension.
        m4a: Producer delivers what it really does: M4A, which cannot be decoded here.
        longest_new_seconds: Producer makes no more than this, whatever `length` says.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        *Emulator.KNOBS, "submit_code", "dialect", "duration_as", "model_as", "error_key", "strict_extend", "data_as",
        "full_clip", "state_word", "takes", "m4a", "longest_new_seconds",
    )  # fmt: skip

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(key, balance)
        self.submit_code = False
        self.dialect: Literal["A", "B"] = "A"
        self.duration_as: Literal["string", "number", "integer", "milliseconds", "null"] = "string"
        self.model_as: Literal["chirp", "sonic"] = "chirp"
        self.error_key: Literal["error", "message", "detail"] = "error"
        self.strict_extend = False
        self.data_as: Literal["list", "object"] = "list"
        self.full_clip: Literal["there", "never", "failed"] = "there"
        self.state_word = "succeeded"
        self.takes = 2
        self.m4a = False
        self.longest_new_seconds = 240.0
        self.clips: dict[str, Sound] = {}

    def ops(self) -> list[Op]:
        task = "/task/{task_id}"
        return [
            Op("submit", "POST", "/api/v1/sonic/create", self._sonic, SONIC),
            Op("submit", "POST", "/api/v1/sonic/upload-extend", self._upload_extend, UPLOAD_EXTEND),
            Op("poll", "GET", "/api/v1/sonic" + task, self._poll_sonic),
            Op("submit", "POST", "/api/v1/producer/create", self._producer, PRODUCER),
            Op("submit", "POST", "/api/v1/producer/upload", self._producer_upload, PRODUCER_UPLOAD),
            Op("poll", "GET", "/api/v1/producer" + task, self._poll_producer),
            Op("balance", "GET", "/api/v1/get-credits", self._credits),
            Op("audio", "GET", "/m4a/{name}.m4a", self._play_m4a, open=True),
        ]

    # --- refusals -------------------------------------------------------------------------------------------------

    def unauthorized(self) -> Response:
        return self._refuse(401, "invalid or missing bearer token", "unauthorized")

    def invalid(self, problems: list[str]) -> Response:
        return self._refuse(400, "; ".join(problems), "validation_error")

    def _refuse(self, code: int, said: str, kind: str) -> Response:
        return JSONResponse({"code": code, self.error_key: said, "type": kind}, code)

    # --- submits --------------------------------------------------------------------------------------------------

    def _sonic(self, asked: Asked) -> Response:
        kind = asked.body.get("task_type", "create_music")
        if kind != CONCAT and kind not in EXTENDS:
            return self._refuse(400, f"task_type {kind} is not emulated", "validation_error")
        source = self._source(asked.body.get("continue_clip_id"), asked.body.get("continue_at"))
        problems = sonic_problems(asked.body, source and length(source.recipe))
        problems += ["continue_clip_id missing or its clip not found"] if source is None else []
        if kind == CONCAT and source:
            return self._take(asked, CONCAT_PRICE, [Sound(source.whole, source.whole)])
        problems += [] if asked.body.get("mv") else ["mv missing"]
        if self.strict_extend:
            problems += [f"{name} missing" for name in ("continue_at", "custom_mode") if name not in asked.body]
        if problems or source is None:
            return self.invalid(problems)
        return self._take(asked, EXTEND_PRICE, self._heard(self._continued(asked, source.recipe, self.takes)))

    def _upload_extend(self, asked: Asked) -> Response:
        source = self._linked(asked.body["url"], asked.body.get("continue_at"))
        problems = sonic_problems(asked.body, length(source))
        if problems:
            return self.invalid(problems)
        return self._take(asked, EXTEND_PRICE, self._continued(asked, source, self.takes))

    def _producer(self, asked: Asked) -> Response:
        kind = asked.body["task_type"]
        if kind in RETIRED:
            return self._refuse(410, f"{kind} is retired", "gone")
        if kind != "extend_music":
            return self._refuse(400, f"task_type {kind} is not emulated", "validation_error")
        point = asked.body.get("starts_at", asked.body.get("starts"))
        source = self._source(asked.body.get("clip_id"), point)
        problems = ["starts_at missing"] if point is None else []
        problems += ["clip_id missing or its clip not found"] if source is None else []
        if problems or source is None or point is None:
            return self.invalid(problems)
        if point > length(source.recipe) + 0.05:
            return self.invalid(["starts_at is past the end"])
        seconds = min(asked.body.get("length", PRODUCER_DEFAULT_LENGTH), self.longest_new_seconds)
        made = self._continued(asked, source.recipe, 1, point, seconds)
        return self._take(asked, PRODUCER_PRICE, self._heard(made))

    def _producer_upload(self, asked: Asked) -> Response:
        recipe = self._linked(asked.body["audio_url"])
        return self._take(asked, UPLOAD_PRICE, [Sound(recipe, recipe)])

    def _take(self, asked: Asked, price: float, sounds: list[Sound]) -> Response:
        """Accept, if there is money for it."""
        if self.ledger.balance < self.cost(price):
            return self._refuse(403, "credits are not enough", "insufficient_credits")
        job = self.new_job(asked.body, price)
        job.data |= {"clips": [self._keep(sound) for sound in sounds], "base": asked.base}
        code = {"code": 200} if self.submit_code else {}
        return JSONResponse({**code, "message": "success", "task_id": job.id})

    def _continued(
        self, asked: Asked, source: Recipe, takes: int, point: float | None = None, seconds: float | None = None
    ) -> list[Sound]:
        at = point if point is not None else asked.body.get("continue_at", length(source))
        new = [origin(uuid.uuid4().hex, seconds or self.adds_seconds) for _ in range(takes)]
        return [Sound(part, until(source, at) + part) for part in new]

    def _heard(self, made: list[Sound]) -> list[Sound]:
        """What the clips of an extension hold: on their own (a pair holds both)."""
        turn = len(self.ledger.submits) % 2 == 0  # it is not booked yet
        whole = {"in turn": turn, "other way round": not turn}.get(self.extend_returns, self.returns_whole())
        return [Sound(one.whole, one.whole) for one in made] if whole else made

    def _keep(self, sound: Sound) -> str:
        clip = str(uuid.uuid4())
        self.clips[clip] = sound
        self.host_audio(clip, sound.recipe)
        self.clips[f"{clip}-full"] = Sound(sound.whole, sound.whole)
        self.host_audio(f"{clip}-full", sound.whole)
        return clip

    def _source(self, clip: str | None, point: float | None) -> Sound | None:
        """A clip of the account. One that was never heard of exists, unless it is called missing."""
        if not clip or clip.startswith("missing"):
            return None
        seen = origin(clip, max(self.source_seconds, point or 0))
        return self.clips.get(clip, Sound(seen, seen))

    def _linked(self, url: str, point: float | None = None) -> Recipe:
        name = urlsplit(url).path.rpartition("/")[2].rpartition(".")[0]
        return self.sounds.get(name, origin(url, max(self.source_seconds, point or 0)))

    # --- looks ----------------------------------------------------------------------------------------------------

    def _poll_sonic(self, asked: Asked) -> Response:
        return self._look(asked, self._sonic_clip)

    def _poll_producer(self, asked: Asked) -> Response:
        return self._look(asked, self._producer_clip, self.dialect)

    def _look(self, asked: Asked, show: Callable[[Job, int, str], Any], dialect: str = "A") -> Response:
        job = self.jobs.get(asked.path["task_id"])
        if job is None:
            return self._refuse(404, "task not found", "not_found")
        state = STATES[self.stage(job, len(STATES))]
        if state == "done" and job.outcome in ("failed", "rejected", "504"):
            self.give_back(job)
        if state == "done" and job.outcome == "504":
            return self._refuse(504, "the task timed out, credits refunded", "timeout")
        if dialect == "B":
            return self._whole(job, state, show)
        if state == "not_ready":
            return JSONResponse({"code": 202, "type": "not_ready", "error": "still processing, try again shortly"}, 202)
        data = [show(job, at, self._word(job, at, state)) for at in range(len(job.data["clips"]))]
        shown = data[0] if self.data_as == "object" and len(data) == 1 else data
        return JSONResponse({"code": 200, "data": shown, "message": "success"})

    def _whole(self, job: Job, state: str, show: Callable[[Job, int, str], Any]) -> Response:
        if state != "done":
            word = "PENDING" if state in ("not_ready", "pending") else "RUNNING"
            return JSONResponse({"code": 200, "status": word, "message": "success", "data": None})
        if job.outcome in ("failed", "rejected"):
            said = f"{_reason(job)}; credits refunded"
            return JSONResponse({"code": 200, "status": "FAILED", "message": said, "data": []})
        clips = [show(job, at, self.state_word) for at in range(len(job.data["clips"]))]
        told = [{key: value for key, value in clip.items() if key != "state"} for clip in clips]
        return JSONResponse({"code": 200, "status": "SUCCESS", "message": "success", "data": told})

    def _word(self, job: Job, at: int, state: str) -> str:
        if state in ("pending", "running"):
            return state
        if state == "mixed":
            return self.state_word if at == 0 and job.outcome == "" and len(job.data["clips"]) > 1 else "running"
        if job.outcome in OUTCOMES:
            bad = job.outcome in ("failed", "rejected") or (job.outcome == "one_failed" and at == 0)
            return "failed" if bad else self.state_word
        return job.outcome

    def _clip(self, job: Job, name: str, word: str) -> dict[str, Any]:
        done, base = word == self.state_word, cast(str, job.data["base"])
        stream = f"{base}/stream/{name}" if word == "running" else ""  # bait: it plays before the clip is done
        return {
            "clip_id": name,
            "state": word,
            "title": job.body.get("title") or "Untitled",
            "audio_url": (self.audio_url(base, name) if self.has_links(job) else "") if done else stream,
            "image_url": None,
            "video_url": None,
            "created_at": CREATED_AT,
            "duration": self._written(length(self.sounds[name])) if done else None,
            **({"error": _reason(job)} if word == "failed" else {}),
        }

    def _sonic_clip(self, job: Job, at: int, word: str) -> Any:
        name = job.data["clips"][at]
        spelt = str(job.body.get("mv", "sonic-v5")).replace("sonic", self.model_as)
        clip = self._clip(job, name, word) | {"mv": spelt, "tags": job.body.get("tags", "")}
        if not job.body.get("auto_concat"):
            return clip
        full = clip | {"clip_id": f"{name}-full"}
        if word == self.state_word:
            shown = self._clip(job, f"{name}-full", "failed" if self.full_clip == "failed" else word)
            full = None if self.full_clip == "never" else shown | {"mv": spelt}
        return {"extended": clip, "full": full if word == self.state_word else None}

    def _producer_clip(self, job: Job, at: int, word: str) -> Any:
        clip = self._clip(job, job.data["clips"][at], word)
        if self.m4a and word == self.state_word and self.has_links(job):
            clip["audio_url"] = f"{job.data['base']}/m4a/{clip['clip_id']}.m4a"
        return clip | {"mv": job.body.get("mv", "Lyria 3 Pro"), "sound": job.body.get("sound", ""), "seed": "7"}

    def _written(self, seconds: float) -> Any:
        return {
            "string": f"{seconds:.2f}", "number": seconds, "integer": round(seconds),
            "milliseconds": round(seconds * 1000), "null": None,
        }[self.duration_as]  # fmt: skip

    def _play_m4a(self, asked: Asked) -> Response:
        sound = self.sounds.get(asked.path["name"])
        return Response(m4a(length(sound)), media_type="audio/mp4") if sound else Response("no such file", 404)

    def _credits(self, _: Asked) -> Response:
        extra = min(self.ledger.balance, 10.0)
        return JSONResponse({"credits": self.ledger.balance - extra, "extra_credits": f"{extra:g}"})


def _reason(job: Job) -> str:
    return "lyrics contain copyrighted words" if job.outcome == "rejected" else "upstream generation failed"


def musicapi() -> MusicApi:
    return MusicApi()


PAID = (
    Paid(
        "musicapi-sonic", MusicApi, {"source": "clip:seed-clip"},
        {"task_type": "extend_music", "continue_clip_id": "seed-clip", "mv": "sonic-v5"},
        (30, 30), (15, 15), "persona_id", joining=2,
    ),
    Paid(
        "musicapi-producer", MusicApi, {"source": "clip:seed-clip", "continue_at": 18},
        {"task_type": "extend_music", "clip_id": "seed-clip", "starts_at": 18}, (78,), (12, 12), "vocal_gender",
    ),
)  # fmt: skip
