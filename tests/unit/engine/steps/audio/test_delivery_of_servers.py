"""What was in the source and what was made for it is in the delivery: of everything that is sent the sound itself, or
whose answer is the sound, by every form of source, once and in a chain."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from emulators.acestep import AceStep
from emulators.audio import RATE, Samples, brought, origin
from emulators.base import Emulator, Job
from emulators.fal import Fal
from emulators.faults import Front
from emulators.paid import every_free
from emulators.sa3 import RATE as STABLE_HZ
from emulators.sa3 import Sa3
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from support.asked import begin, chain, extend
from support.engines import House, finished
from support.looked_for import place_of

pytestmark = pytest.mark.anyio
SOURCE_SECONDS, ADDS_SECONDS = 40.0, 24.0
# A little more than each adds at once; one adds all that is missing in one answer.
TARGETS = {"acestep": 150.0, "acestep-cpp": 150.0, "sa3": 150.0, "fal": 290.0, "elevenlabs": 150.0}
PAID = {"fal": {"fal_key": "key"}, "elevenlabs": {"elevenlabs_api_key": "key"}}
FORMS = ("file", "link", "clip", "task")
# Near the end of what is new, and before the ending that one of them makes of it.
LOOKED_AT = slice(-9 * RATE, -7 * RATE)


def made(emulator: Emulator, job: Job) -> Samples:
    """All that came back for a job."""
    match emulator:
        case AceStep():
            return read(io.BytesIO(emulator.sound(job)))
        case Fal():
            return read(io.BytesIO(emulator.files[f"{job.id}.wav"]))
        case Sa3():
            return brought(job.data["audio"], STABLE_HZ)
        case _:
            return emulator.studio.samples(emulator.sounds[job.id])


def read(file: Any) -> Samples:
    found: tuple[Any, int] = soundfile.read(file, dtype="float32", always_2d=True)
    return brought(*found)


class Counter:
    """Somebody who has music made there."""

    def __init__(self, name: str, emulator: Emulator, service: Service, url: str, folder: Path) -> None:
        self.name, self.emulator, self.service, self.url, self.folder = name, emulator, service, url, folder
        self.provider = name.removesuffix("-cpp")

    async def source(self, form: str) -> tuple[str, Samples]:
        """One of that form, as a caller writes it, and its sound."""
        song = self.emulator.studio.samples(origin("the-song", SOURCE_SECONDS))
        path = self.folder / "song.wav"
        soundfile.write(path, np.stack([np.repeat(song, 2)] * 2, axis=1), 2 * RATE, subtype="PCM_16")
        match form:
            case "file":
                return str(path), song
            case "link":
                self.emulator.host_audio("the-song", origin("the-song", SOURCE_SECONDS))
                return f"{self.url}/audio/the-song.wav", song
            case "clip":
                return "clip:the-song", song
            case _ if "file" in self.service.spec(self.provider).sources:
                task = await self.bought("extend", str(path))
            case _:
                task = await self.bought("extend", "clip:the-song")
        assert task.audio is not None
        return task.id, read(task.audio.file)

    async def bought(self, kind: str, source: str) -> Task:
        asked: dict[str, Any] = {"source": source, "provider": self.provider}
        if self.name in PAID:
            asked["style"] = "warm piano"
        if source.startswith("clip:"):
            asked["continue_at"] = SOURCE_SECONDS
        if kind == "extend":
            request: Any = extend(**asked, add_seconds=ADDS_SECONDS)
        else:
            asked |= {"max_usd": 9} if self.name in PAID else {}
            request = chain(**asked, target_seconds=TARGETS[self.name], max_steps=4)
        return await finished(self.service, (await begin(self.service, request)).task, 60)


@pytest.mark.parametrize("kind", ["extend", "chain"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", every_free())
async def test_nothing_is_missing(name: str, form: str, kind: str, house: House) -> None:
    emulator = every_free()[name]("key" if name in PAID else "")
    emulator.source_seconds = SOURCE_SECONDS
    async with Front(emulator) as url:
        family = name.removesuffix("-cpp")
        led: dict[str, Any] = {f"{family}_base_url": url, **PAID.get(name, {})}
        if name == "fal":
            led["fal_upload_url"] = url
        trusted = tuple(f"{host}:{urlsplit(url).port}" for host in ("localhost", "127.0.0.1"))
        async with house.engine(**led, trusted_hosts=trusted) as service:
            counter = Counter(name, emulator, service, url, house.folder)
            if {"link": "url"}.get(form, form) not in service.spec(counter.provider).sources:
                with pytest.raises(InvalidRequest):
                    await counter.bought(kind, (await counter.source(form))[0])
                assert emulator.submits_seen() == 0
                return
            source, song = await counter.source(form)
            before = len(emulator.ledger.submits)
            task = await counter.bought(kind, source)
    check(task, emulator, song, before)


def check(task: Task, emulator: Emulator, song: Samples, before: int) -> None:
    assert (task.status, task.error) == ("succeeded", None)
    assert task.audio is not None
    assert task.audio.whole_track
    assert emulator.violations == []
    assert emulator.ledger.double_charges() == []
    heard = read(task.audio.file)
    begins, alike = place_of(song[: 4 * RATE], heard)
    assert (begins, alike) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.05))
    jobs = [emulator.jobs[submit["task"]] for submit in emulator.ledger.submits[before:]]
    places = [place_of(made(emulator, job)[LOOKED_AT], heard) for job in jobs]
    assert min(alike for _, alike in places) > 0.9
    assert all(after - earlier > 5 for (earlier, _), (after, _) in pairwise(places)), "the parts are in order"
    assert len(heard) / RATE - places[-1][0] == pytest.approx(9, abs=3)
