"""ElevenLabs Music: one request, whose answer is the audio; plans of version 2, songs that the account stored."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from .audio import Recipe, length, origin, until
from .base import Asked, Emulator, Field, Fields, Op, Seen

PRICE, PER = 0.7, 60.0  # dollars a begun minute, as a reseller asks
MODELS = ("music_v1", "music_v2", "music_v2_5")
MUSIC: Fields = {
    "prompt": Field(longest=4100), "composition_plan": Field("object"), "music_length_ms": Field("integer"),
    "model_id": Field(choices=MODELS), "seed": Field("integer"), "force_instrumental": Field("boolean"),
    "store_for_inpainting": Field("boolean"), "sign_with_c2pa": Field("boolean"),
}  # fmt: skip
REF: Fields = {"song_id": Field(required=True), "range": Field("object", required=True)}
GENERATION: Fields = {
    "text": Field(required=True), "duration_ms": Field("integer", required=True, low=3000, high=120_000),
    "positive_styles": Field("array", required=True), "negative_styles": Field("array"),
    "context_adherence": Field(choices=("low", "medium", "high")), "conditioning_ref": Field("object"),
    "condition_strength": Field(choices=("low", "medium", "high", "xhigh")),
}  # fmt: skip


class ElevenLabs(Emulator):
    """See `Emulator`.

    Attributes:
        names_songs: Whether answers have the header `song-id`.
        audio_type: The content type of audio.
        may_store: Whether the account has access to inpainting.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (*Emulator.KNOBS, "names_songs", "audio_type", "may_store")

    def __init__(self, key: str = "emulator-key", balance: float = 1000.0) -> None:
        super().__init__(key, balance)
        self.names_songs = True
        self.audio_type = "audio/mpeg"
        self.may_store = True

    def ops(self) -> list[Op]:
        return [Op("submit", "POST", "/v1/music", self._music, MUSIC, query=("output_format",))]

    def knows(self, seen: Seen) -> bool:
        return seen.headers.get("xi-api-key") == self.key and "authorization" not in seen.headers

    def unauthorized(self) -> Response:
        return _refuse(401, "invalid_api_key", "Invalid API key")

    def invalid(self, problems: list[str]) -> Response:
        return _refuse(422, "bad_composition_plan", "; ".join(problems))

    def _music(self, asked: Asked) -> Response:
        chunks: list[dict[str, Any]] = asked.body.get("composition_plan", {}).get("chunks", [])
        problems = [problem for chunk in chunks for problem in _problems(chunk)]
        total = sum(map(_milliseconds, chunks)) if not problems else 0
        problems += [] if chunks and "prompt" not in asked.body else ["a plan, or a prompt"]
        problems += [] if problems or 3000 <= total <= 600_000 else ["the plan is not 3 to 600 s long"]
        if problems:
            return self.invalid(problems)
        if "Beatles" in json.dumps(chunks):
            told = {"prompt_suggestion": "four friends with guitars"}
            return _refuse(422, "bad_prompt", "the plan names a copyrighted artist", told)
        if any(chunk.get("song_id", "").startswith("missing") for chunk in chunks):
            return _refuse(404, "song_not_found", "no such song")
        price = PRICE * -(-total // round(PER * 1000))
        if self.ledger.balance < price:
            return _refuse(401, "quota_exceeded", "not enough credits")
        return self._composed(asked, chunks, price)

    def _composed(self, asked: Asked, chunks: list[dict[str, Any]], price: float) -> Response:
        job = self.new_job(asked.body, price, f"sng-{uuid.uuid4().hex}")
        recipe: Recipe = ()
        for index, chunk in enumerate(chunks):
            seconds = _milliseconds(chunk) / 1000
            recipe += self._kept(chunk) if "song_id" in chunk else origin(f"{job.id}-{index}", seconds)
        if asked.body.get("store_for_inpainting") and self.may_store:
            self.host_audio(job.id, recipe)
        headers = {"song-id": job.id} if self.names_songs else {}
        return Response(self.studio.render(recipe, "mp3"), media_type=self.audio_type, headers=headers)

    def _kept(self, chunk: Mapping[str, Any]) -> Recipe:
        song = self.sounds.get(chunk["song_id"]) or origin(chunk["song_id"], self.source_seconds)
        until_seconds = chunk["range"]["end_ms"] / 1000
        return until(song, min(until_seconds, length(song)))


def _problems(chunk: Mapping[str, Any]) -> list[str]:
    fields = REF if "song_id" in chunk else GENERATION
    found = [f"{name} is not documented" for name in chunk if name not in fields]
    found += [f"{name} is missing" for name, known in fields.items() if known.required and name not in chunk]
    for name in chunk.keys() & fields.keys():
        found += [f"{name} {problem}" for problem in fields[name].problems(chunk[name])]
    lines = str(chunk.get("text", "")).splitlines()
    return found + (["text is too long"] if len(lines) > 30 or any(len(line) > 200 for line in lines) else [])


def _milliseconds(chunk: Mapping[str, Any]) -> int:
    return chunk["range"]["end_ms"] - chunk["range"]["start_ms"] if "song_id" in chunk else chunk["duration_ms"]


def _refuse(status: int, word: str, said: str, data: Any = None) -> Response:
    return JSONResponse({"detail": {"status": word, "message": said, "data": data}}, status)


FREE = {"elevenlabs": ElevenLabs}
