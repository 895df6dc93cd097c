"""elevenlabs: plans as documented, and one paid request whose answer is the audio, from a song to a longer one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import soundfile

from emulators.elevenlabs import ElevenLabs
from emulators.faults import Fault, Front
from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.task import Task, Work
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.elevenlabs.elevenlabs import ElevenLabsAdapter
from fermata_mcp.providers.http.wire import Answer, Call
from support.asked import begin, chain, extend
from support.engines import House, finished
from support.processes import write_beat

pytestmark = pytest.mark.anyio
STYLE = {"style": "warm piano, slow"}


def call(**given: Any) -> Call:
    known: dict[str, Any] = {"save_as": "/out", "source_clip": "sng-1", "continue_at": 58.0, "fields": STYLE}
    return ElevenLabsAdapter().submit_call(Work.model_validate(known | given))


def chunks(**given: Any) -> list[dict[str, Any]]:
    return (call(**given).body or {})["composition_plan"]["chunks"][1:]


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_documented_example() -> None:
    fields = STYLE | {"exclude_style": "drums", "lyrics": "[Outro]\nslow and warm, {no drums}"}
    made = call(add_seconds=45.0, fields=fields)
    assert (made.path, made.params, made.audio) == ("/v1/music", {"output_format": "mp3_44100_128"}, True)
    assert made.body == {
        "model_id": "music_v2",
        "store_for_inpainting": True,
        "composition_plan": {
            "chunks": [
                {"song_id": "sng-1", "range": {"start_ms": 0, "end_ms": 58000}},
                {
                    "text": "[Outro]\nslow and warm, {no drums}",
                    "duration_ms": 45000,
                    "positive_styles": ["warm piano", "slow"],
                    "negative_styles": ["drums"],
                    "context_adherence": "high",
                },
            ]
        },
    }


@pytest.mark.parametrize("added", [3.0, 119.9, 120.0, 121.0, 300.5, 541.0])
def test_pieces_add_up_to_the_millisecond_and_none_is_too_long(added: float) -> None:
    made = [chunk["duration_ms"] for chunk in chunks(add_seconds=added)]
    assert sum(made) == round(added * 1000)
    assert all(3000 <= one <= 120_000 for one in made)


def test_lyrics_are_sung_over_all_pieces_in_lines_that_are_taken() -> None:
    made = chunks(add_seconds=240.0, fields=STYLE | {"lyrics": "\n".join(["la " * 100] * 12), "prompt": "softly"})
    lines = [line for chunk in made for line in chunk["text"].splitlines()]
    assert all(chunk["text"].startswith("{softly}\n") for chunk in made)
    assert max(map(len, lines)) <= 200
    assert sum(line.count("la") for line in lines) == 1200
    with pytest.raises(InvalidRequest, match="lines"):
        chunks(add_seconds=30.0, fields=STYLE | {"lyrics": "\n".join("x" * 31)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fields": {}}, "needs style"),
        ({"source_clip": None}, "own account"),
        ({"continue_at": None}, "length of this song"),
        ({"add_seconds": 560.0}, "600 s in all"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused_with_the_next_step(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        call(**given)
    assert refused.value.hint


def test_takes_differ_and_options_pass() -> None:
    made = call(take=2, options={"output_format": "pcm_44100", "sign_with_c2pa": True})
    assert made.params == {"output_format": "pcm_44100"}
    assert made.body is not None
    assert (made.body["seed"], made.body["sign_with_c2pa"]) == (2, True)


# --- what an answer means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["detail.data", "detail", "data"])
@pytest.mark.parametrize("told", ["four friends with guitars", {"chunks": [{"text": "four friends with guitars"}]}])
def test_what_the_provider_would_take_instead_is_shown(place: str, told: Any) -> None:
    name = "prompt_suggestion" if isinstance(told, str) else "composition_plan_suggestion"
    body: dict[str, Any] = {"detail": {"status": "bad_prompt", "message": "no"}}
    where = body.setdefault("data", {}) if place == "data" else body["detail"]
    (where.setdefault("data", {}) if place == "detail.data" else where)[name] = told
    found = ElevenLabsAdapter().refusal(Answer(422, body, ""))
    assert found is not None
    assert found.code == "content_rejected"
    assert "four friends with guitars" in (found.hint or "")


# --- from a song to a longer one --------------------------------------------------------------------------------------


@dataclass
class Counter:
    emulator: ElevenLabs
    service: Service

    async def extended(self, **more: Any) -> Task:
        asked = {"source": "clip:sng-1", "provider": "elevenlabs", "continue_at": 18, "add_seconds": 4.0} | STYLE | more
        return await finished(self.service, (await begin(self.service, extend(**asked))).task)


@asynccontextmanager
async def counter(house: House, **knobs: Any) -> AsyncGenerator[Counter]:
    emulator = ElevenLabs("key-of-elevenlabs")
    emulator.apply_script({"set": knobs})
    async with (
        Front(emulator) as url,
        house.engine(elevenlabs_api_key=emulator.key, elevenlabs_base_url=url) as service,
    ):
        yield Counter(emulator, service)
    assert emulator.violations == []
    assert emulator.ledger.double_charges() == []


def seconds_of(task: Task) -> float:
    assert task.audio is not None
    found: Any = soundfile.info(task.audio.file or "")
    return found.duration


@pytest.mark.parametrize("knobs", [{}, {"audio_type": "application/octet-stream"}], ids=str)
async def test_a_song_is_extended_and_its_result_again(knobs: dict[str, Any], house: House) -> None:
    async with counter(house, **knobs) as at:
        first = await at.extended()
        assert (first.status, first.audio and first.audio.whole_track) == ("succeeded", True)
        assert seconds_of(first) == pytest.approx(22, abs=0.15)
        again = await at.extended(source=first.id, continue_at=None)
        assert (again.status, round(seconds_of(again))) == ("succeeded", 26)
    songs = [submit["body"]["composition_plan"]["chunks"][0]["song_id"] for submit in at.emulator.ledger.submits]
    assert songs == ["sng-1", first.clips[0].provider_clip_id]
    assert not list((house.folder / "data" / "arrived").iterdir())


async def test_a_chain_is_one_paid_request(house: House) -> None:
    async with counter(house) as at:
        asked = chain(source="clip:sng-1", provider="elevenlabs", continue_at=18, target_seconds=45, **STYLE)
        task = await finished(at.service, (await begin(at.service, asked)).task)
    assert (task.status, round(seconds_of(task))) == ("succeeded", 45)
    assert len(at.emulator.ledger.submits) == 1


async def test_a_song_without_a_name_is_kept_all_the_same(house: House) -> None:
    async with counter(house, names_songs=False) as at:
        task = await at.extended()
    assert (task.status, task.clips[0].provider_clip_id) == ("succeeded", None)


@pytest.mark.parametrize(
    ("given", "code"),
    [({"source": "clip:missing-1"}, "unknown_track"), ({"style": "Beatles"}, "content_rejected")],
    ids=str,
)
async def test_what_it_refuses_costs_nothing(given: dict[str, Any], code: str, house: House) -> None:
    async with counter(house) as at:
        task = await at.extended(**given)
    assert (task.status, task.error and task.error.code, task.charged) == ("failed", code, 0)
    assert at.emulator.ledger.submits == []


async def test_without_money_nothing_is_made(house: House) -> None:
    async with counter(house) as at:
        at.emulator.ledger.balance = 0.1
        task = await at.extended()
    assert (task.error and task.error.code) == "insufficient_credits"


@pytest.mark.parametrize("deed", ["half_body", "reset", "close"])
async def test_audio_that_was_cut_off_is_never_paid_for_twice(deed: Any, house: House) -> None:
    async with counter(house) as at:
        at.emulator.script("submit", Fault.wire(deed))
        task = await at.extended()
    assert task.status == "unknown"
    assert at.emulator.submits_seen() == 1
    assert deed != "half_body" or list((house.folder / "data" / "arrived").iterdir())


async def test_files_are_refused_before_anything_is_sent(house: House) -> None:
    async with counter(house) as at:
        write_beat(house.track, 2)
        with pytest.raises(FermataError, match="cannot take a file"):
            await begin(at.service, extend(source=str(house.track), provider="elevenlabs", **STYLE))
    assert at.emulator.seen == []
