"""Providers that are sent a window of the track: cut before anything is paid, and placed where it came from."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import pytest
import soundfile

from fermata_mcp.domain.spec import FieldSpec, Window
from fermata_mcp.domain.task import Clip, Task, Work
from fermata_mcp.engine import lifespan
from fermata_mcp.engine.intake.sent_window import with_window
from fermata_mcp.engine.service import Service
from fermata_mcp.providers.base import Snapshot
from support.asked import begin, chain
from support.audio_signals import load, save
from support.engines import House, finished, settings_in
from support.hosts import AudioHost, Page, answer, serving
from support.remote import Plugin, Remote, ScriptedProvider
from support.rows import FREE_WORK, running_step

pytestmark = pytest.mark.anyio
if TYPE_CHECKING:
    from support.audio_signals import Sound

RATE, SECONDS, ADDS = 48_000, 20.0, 8.0
WINDOW = Window(context=6.0, rate=RATE, channels=1, grid=0.08, blend=2.0)
SPEC = replace(
    FREE_WORK, name="window", window=WINDOW, sources=frozenset({"file"}),
    fields={name: FieldSpec(name) for name in ("continue_at", "add_seconds", "prompt")},
)  # fmt: skip


def song(seconds: float, seed: int) -> Sound:
    """[samples] of float32: noise that rises and falls, each second unlike every other."""
    loud = 0.3 + 0.2 * np.sin(np.arange(round(seconds * RATE)) / RATE * 5)
    return (0.3 * loud * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


class Composer(ScriptedProvider):
    """Gives back what it was sent with new music behind it, or what a test makes of that.

    Attributes:
        sent: What it got, newest last.
        makes: From what was sent and what is new to what it returns.
    """

    def __init__(self) -> None:
        super().__init__(Remote(), SPEC)
        self.host = AudioHost()
        self.pages: dict[str, Page] = {}
        self.sent: list[Sound] = []
        self.told: bool | None = None
        self.makes: Callable[[Sound, Sound], Sound] = _with_new

    async def poll(self, remote_id: str, work: Work) -> Snapshot:
        assert work.sent_file is not None
        self.sent.append(load(Path(work.sent_file), "float32")[:, 0])
        new = song(work.add_seconds or 0.0, 100 + len(self.sent))
        page = f"/{len(self.pages)}"
        self.pages[page] = answer(wav(self.makes(self.sent[-1], new)))
        return Snapshot("succeeded", 1.0, "", (Clip(url=self.host.url(page), whole_track=self.told),))


def _with_new(sent: Sound, new: Sound) -> Sound:
    return np.concatenate([sent, new])


def wav(sound: Sound) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, "FLOAT", format="WAV")
    return file.getvalue()


@pytest.fixture
def composer(monkeypatch: pytest.MonkeyPatch) -> Composer:
    made = Composer()
    real: Any = metadata.entry_points

    def entry_points(**chosen: Any) -> Iterable[Any]:
        return [Plugin("window", made)] if chosen.get("group") == "fermata_mcp.providers" else real(**chosen)

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    return made


@asynccontextmanager
async def at_work(house: House, composer: Composer) -> AsyncGenerator[tuple[Service, Path]]:
    """The service, and a track of `SECONDS`."""
    track = save(house.folder / "track.wav", song(SECONDS, 1), RATE, "PCM_16")
    async with serving(composer.pages) as host:
        composer.host = host
        async with house.engine(trusted_hosts=f"127.0.0.1:{host.port}") as service:
            yield service, track


async def extended(house: House, composer: Composer, **asked: Any) -> tuple[Task, Sound, Sound]:
    """The finished task, the track, and the delivery."""
    async with at_work(house, composer) as (service, track):
        request = house.request(source=str(track), provider="window", add_seconds=ADDS, **asked)
        task = await finished(service, (await begin(service, request)).task)
    assert task.audio is not None, task.error
    assert task.audio.file is not None
    return task, load(track, "float32")[:, 0], load(Path(task.audio.file), "float32")[:, 0]


def working_files(house: House) -> Iterator[str]:
    yield from (path.name for path in (house.folder / "data" / "audio").iterdir())


@pytest.mark.parametrize("point", [None, 13.3, 3.0])
async def test_only_the_window_is_sent_and_only_what_is_new_is_taken(
    point: float | None, house: House, composer: Composer
) -> None:
    asked = {} if point is None else {"continue_at": point}
    task, track, result = await extended(house, composer, **asked)
    at = SECONDS if point is None else point
    (sent,) = composer.sent
    assert min(6.0, at) - 0.08 <= len(sent) / RATE <= 6.0
    end = round(at * RATE)
    assert (sent == track[end - len(sent) : end]).all()
    assert task.audio is not None
    assert task.audio.whole_track
    kept = end - round(2.1 * RATE)
    assert (result[:kept] == track[:kept]).all()
    assert len(result) / RATE == pytest.approx(at + ADDS, abs=0.2)
    assert not [name for name in working_files(house) if "sent" in name]


async def test_a_window_that_was_changed_by_a_codec_is_known_by_its_length(house: House, composer: Composer) -> None:
    composer.told, composer.makes = True, lambda sent, new: np.concatenate([song(len(sent) / RATE, 7), new])
    task, track, result = await extended(house, composer)
    assert task.audio is not None
    assert task.audio.whole_track
    assert (result[: 17 * RATE] == track[: 17 * RATE]).all()


async def test_a_provider_that_ignored_the_source_is_found_out(house: House, composer: Composer) -> None:
    composer.told, composer.makes = True, lambda sent, new: song(11.0, 9)
    task, _, result = await extended(house, composer)
    assert any("ignored the source" in said for said in task.warnings)
    assert task.audio is not None
    assert not task.audio.whole_track
    assert len(result) == 11 * RATE


async def test_parts_that_stay_apart_are_what_is_new(house: House, composer: Composer) -> None:
    task, _, result = await extended(house, composer, stitch="never")
    assert (result == song(ADDS, 101)).all()
    assert task.audio is not None
    assert task.audio.whole_track is False


async def test_each_window_of_a_chain_is_cut_from_all_there_is_so_far(house: House, composer: Composer) -> None:
    composer.spec = replace(SPEC, lengths=replace(SPEC.lengths, longest_add=ADDS))
    async with at_work(house, composer) as (service, track):
        asked = chain(source=str(track), provider="window", target_seconds=SECONDS + 3 * ADDS)
        task = await finished(service, (await begin(service, asked)).task)
    assert task.audio is not None, task.error
    assert task.audio.file is not None
    whole = load(Path(task.audio.file), "float32")[:, 0]
    assert len(composer.sent) == len(task.steps) == 3, task.warnings
    for step, sent in zip(task.steps, composer.sent, strict=True):
        start = round((step.work.sent_from or 0.0) * RATE)
        assert len(sent) / RATE == pytest.approx(6.0, abs=0.1)
        assert np.abs(whole[start : start + 3 * RATE] - sent[: 3 * RATE]).max() < 2e-4
    assert list(working_files(house)) == []


async def test_a_window_that_is_gone_is_cut_again(house: House) -> None:
    """A machine that takes a step over has no file of the one before."""
    track = save(house.folder / "track.wav", song(SECONDS, 1), RATE, "PCM_16")
    step, settings = running_step(source_file=str(track), source_seconds=SECONDS), settings_in(house.folder)
    decoder = lifespan.Decoder(settings.data_dir)
    first = await with_window(step, SPEC, settings, decoder)
    again = await with_window(replace(step, work=first), SPEC, settings, decoder)
    await anyio.Path(first.sent_file or "").unlink()
    anew = await with_window(replace(step, work=first), SPEC, settings, decoder)
    assert first == again == anew
    assert list(working_files(house)) == [f"{step.task_id}-0-sent.wav"]
