"""sa3: what its server is asked for, and what becomes of what it makes, from a file to a longer file."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from emulators.faults import Front
from emulators.sa3 import CODEC, RATE, Sa3
from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.task import Task, Work
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.http.wire import Answer
from fermata_mcp.providers.sa3.sa3 import Sa3Adapter
from fermata_mcp.providers.sa3.spec import LICENCE, SPEC
from support.asked import begin, chain, extend
from support.engines import House, eventually, finished

pytestmark = pytest.mark.anyio
BUILDS = pytest.mark.parametrize("build", ["K", "N"])
PATH = "/srv/audio-in/fermata-3f9c1d2e.wav"


def body(**given: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"save_as": "/out", "source_url": PATH, "sent_seconds": 60.0, "add_seconds": 30.0} | given
    return dict(Sa3Adapter().submit_call(Work.model_validate(made)).body or {})


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_documented_example() -> None:
    """So that the end of the piece is left off, and no silence before it is kept."""
    assert body(fields={"style": "warm piano, brushed drums", "prompt": "92 bpm"}) == {
        "prompt": "warm piano, brushed drums, 92 bpm",
        "init_path": PATH,
        "inpaint_start": 59.628799,
        "inpaint_end": 96.0,
        "duration": 96.0,
        "target_samples": 3969000,
        "steps": 8,
        "seed": 7001,
        "peak_normalize_db": None,
        "limiter_ceiling_db": None,
        "keep_models": False,
        "splice_source": False,
        "mask_overlap": 0,
    }


@pytest.mark.parametrize("first", [0.3, 7.0, 33.0])
def test_what_is_made_anew_begins_on_its_frame_wherever_that_is(first: float) -> None:
    """In 32 bits, as the server counts: never a frame late, and within what may be taken of it."""
    for sent in np.arange(first, 60.0, 0.37):
        start = body(sent_seconds=float(sent))["inpaint_start"]
        frame = int(np.ceil(np.float32(start) * np.float32(RATE) / np.float32(4096)))
        assert frame == max(0, int(sent * RATE / 4096 + 1e-9) - 3)


def test_other_takes_and_native_fields() -> None:
    sent = body(take=3, options={"steps": 12, "negative_prompt": "drums"})
    assert (sent["seed"], sent["steps"], sent["negative_prompt"]) == (7003, 12, "drums")


def test_more_than_the_model_holds_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequest, match="at most 50 s"):
        body(add_seconds=51.0)


# --- from a file to a longer one --------------------------------------------------------------------------------------


@dataclass
class Counter:
    """Somebody with a song and a server of their own."""

    emulator: Sa3
    service: Service
    house: House
    song: Path

    async def extended(self, **more: Any) -> Task:
        asked = extend(**({"source": str(self.song), "provider": "sa3", "add_seconds": 4} | more))
        return await finished(self.service, (await begin(self.service, asked)).task)


def music(seconds: float) -> NDArray[np.float32]:
    """Loud to its very end."""
    time = np.arange(round(seconds * RATE)) / RATE
    left, right = (0.4 * np.sin(2 * np.pi * pitch * time) * (1 + 0.3 * np.sin(8 * time)) for pitch in (220, 330))
    return np.stack([left, right], 1).astype(np.float32)


@asynccontextmanager
async def counter(house: House, build: str = "K", seconds: float = 5.0, **knobs: Any) -> AsyncGenerator[Counter]:
    emulator = Sa3()
    emulator.apply_script({"set": {"build": build} | knobs})
    song = house.folder / "song.wav"
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    write(song, music(seconds), RATE, subtype="PCM_16")
    async with Front(emulator) as url, house.engine(sa3_base_url=url) as service:
        yield Counter(emulator, service, house, song)
    assert emulator.violations == []


def samples(file: str | Path | None) -> NDArray[np.float32]:
    read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
    found, rate = read(file, dtype="float32", always_2d=True)
    assert rate == RATE
    return found


def level(part: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(part**2)))


@BUILDS
@pytest.mark.parametrize("seconds", [5.0, 63.0])
async def test_a_file_is_gone_on_from_and_its_own_part_stays(build: str, seconds: float, house: House) -> None:
    async with counter(house, build, seconds, ready_after_polls=2) as at:
        task = await at.extended()
    assert (task.status, task.error) == ("succeeded", None)
    assert task.audio is not None
    assert task.audio.whole_track is True
    before, after = samples(at.song), samples(task.audio.file)
    kept = len(before) - RATE  # what is blended lies within the last second
    assert np.array_equal(after[:kept], before[:kept])
    assert abs(len(after) / RATE - seconds - 4) < 0.5
    assert level(after[-RATE // 2 :]) > 0.02, "the end that the model makes of it is left off"
    quiet = [level(after[at : at + 2000]) for at in range(kept, len(before) + RATE, 2000)]
    assert min(quiet) > 0.01, "no silence where the source ended"
    [submit] = [seen.json() for seen in at.emulator.seen if seen.kind == "submit"]
    assert submit["inpaint_end"] == pytest.approx(min(seconds, 60.0) + 4 + 6, abs=1e-3)


@BUILDS
async def test_only_what_comes_before_the_point_is_sent(build: str, house: House) -> None:
    async with counter(house, build, 8.0) as at:
        task = await at.extended(continue_at=6.0)
        [kept] = at.emulator.pool.values()
    assert task.audio is not None
    assert len(samples(task.audio.file)) / RATE == pytest.approx(10.0, abs=0.5)
    assert len(kept) == 44 + 6 * RATE * 4


async def test_a_chain_sends_the_end_of_what_there_is(house: House) -> None:
    async with counter(house) as at:
        asked = chain(source=str(at.song), provider="sa3", target_seconds=70, max_steps=3)
        task = await finished(at.service, (await begin(at.service, asked)).task)
    assert (task.status, task.audio and round(task.audio.duration_seconds or 0)) == ("succeeded", 70)
    assert [seen.kind for seen in at.emulator.seen].count("submit") == 2


async def test_a_server_that_lost_the_work_does_it_again(house: House) -> None:
    async with counter(house, ready_after_polls=1000) as at:
        asked = extend(source=str(at.song), provider="sa3", add_seconds=4)
        task = (await begin(at.service, asked)).task

        async def is_asked() -> bool:
            return any(seen.kind == "poll" for seen in at.emulator.seen)

        await eventually(is_asked)
        at.emulator.ready_after_polls = 0
        at.emulator.restart()
        task = await finished(at.service, task)
    assert task.status == "succeeded", task.error
    assert at.emulator.submits_seen() == 2


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"model": "small-sfx"}, "not for music"),
        ({"takes_uploads": False}, "update sa3.cpp"),
        ({"cut_uploads": True}, "bytes that were sent"),
        ({"outcome": "failed"}, "device lost"),
        ({"outcome": "short read"}, "model script again"),
        ({"outcome": "no file"}, "sends no audio"),
    ],
    ids=str,
)
async def test_what_goes_wrong_is_said_with_what_to_do(knobs: dict[str, Any], said: str, house: House) -> None:
    async with counter(house, **knobs) as at:
        task = await at.extended()
    assert task.status == "failed"
    assert task.error is not None
    assert said in f"{task.error.message} {task.error.hint}"


async def test_something_that_does_not_begin_with_the_source_is_no_continuation(house: House) -> None:
    async with counter(house, ignores_source=True) as at:
        task = await at.extended()
    assert task.audio is not None
    assert task.audio.whole_track is not True
    assert any("ignored the source" in said or "only hold the new part" in said for said in task.warnings)


async def test_a_model_that_is_being_loaded_is_waited_for(house: House) -> None:
    async with counter(house, "N", busy=1) as at:
        task = await at.extended()
    assert task.status == "succeeded", task.error


async def test_whose_the_weights_are_is_said_once(house: House) -> None:
    async with counter(house) as at:
        first, second = await at.extended(), await at.extended(take=2)
    assert [LICENCE in task.warnings for task in (first, second)] == [True, False]


def test_it_is_said_once_also_where_no_folder_is_there_yet(tmp_path: Path) -> None:
    adapter = Sa3Adapter(told=tmp_path / "data" / "told")
    asked = Work(source_url="path", save_as="/x")
    assert [adapter.notes_for(asked), adapter.notes_for(asked)] == [(LICENCE,), ()]


async def test_it_is_there_once_its_address_is_set(house: House) -> None:
    async with house.engine() as service:
        with pytest.raises(FermataError, match="SA3_BASE_URL"):
            await begin(service, extend(source=str(house.track), provider="sa3"))


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["queued", "polishing", "decoding"])
def test_it_runs_whatever_the_word_is(word: str) -> None:
    told = {"success": True, "generation_in_progress": False, "status": word, "progress": 41}
    found = Sa3Adapter().read_poll(Answer(200, told, ""), "x")
    assert found is not None
    assert (found.state, found.fraction, found.message) == ("running", 0.41, word)


@pytest.mark.parametrize("path", ["C:\\sa3\\audio-in\\a.wav", PATH])
def test_a_path_goes_back_as_it_came(path: str) -> None:
    assert Sa3Adapter().read_upload(Answer(200, {"path": path}, json.dumps(path))) == path


def test_the_codecs_level_is_another() -> None:
    """The emulator would not show a join that is not levelled, were it not."""
    assert CODEC < 1
    assert SPEC.window is not None
    assert SPEC.window.blend * RATE == pytest.approx(3 * 4096)
