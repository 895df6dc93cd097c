"""What was in the source and what was paid for is in the delivery, or a warning says what is missing: every provider,
form of source, kind of task, and way in which the provider answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from emulators import audio as sounds
from emulators.apiin import Apiin
from emulators.audio import RATE, Piece, Recipe, origin
from emulators.base import Emulator
from emulators.paid import Paid, named
from fermata_mcp.domain.errors import InvalidRequest
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from support.asked import begin, chain, extend
from support.engines import House, finished
from support.looked_for import place_of
from support.paid import ALL
from support.shop import trading

APIIN = named("apiin")
SUNOAPI = named("sunoapi")
pytestmark = pytest.mark.anyio
SOURCE_SECONDS, ADDS_SECONDS, STEPS = 20.0, 10.0, 4
# Three extensions, whether each starts at the end or two seconds before it.
TARGET_SECONDS = SOURCE_SECONDS + 2.4 * ADDS_SECONDS
SOURCES = ("file", "link", "clip", "listed clip", "task")
LACKS = re.compile(r"only hold the new part|may be the whole track|could not be (joined|saved)")
Samples = NDArray[np.float32]
Returns = Literal["whole", "segment", "in turn", "other way round"]


@dataclass
class Counter:
    """A provider that answers in one way, and somebody who buys there.

    Attributes:
        source: What is to be lengthened, as a caller writes it.
        heard: What its audio is.
    """

    paid: Paid
    emulator: Emulator
    service: Service
    url: str
    folder: Path
    source: str = ""
    heard: Recipe = ()

    async def offer(self, form: str) -> None:
        """Have a source of that form."""
        self.heard = origin("the-song", SOURCE_SECONDS)
        match form:
            case "file":
                self.source = str(self._file())
            case "link":
                self.source = self._link()
            case "clip" | "listed clip":
                self.source, self.heard = self._clip()
                if isinstance(self.emulator, Apiin) and form == "listed clip":
                    self.emulator.list_earlier(self.source[5:].partition("/")[0], SOURCE_SECONDS)
            case _:
                await self._task()

    def _file(self) -> Path:
        path = self.folder / "song.wav"
        path.write_bytes(self.emulator.studio.render(self.heard, "wav"))
        return path

    def _link(self) -> str:
        self.emulator.host_audio("the-song", self.heard)
        link = f"{self.url}/audio/the-song.wav"
        if hasattr(self.emulator, "tracks"):
            vars(self.emulator)["tracks"][link] = self.heard
        return link

    def _clip(self) -> tuple[str, Recipe]:
        """One that the account made elsewhere: nobody here knows its length, or anything else of it."""
        source = str(self.paid.call["source"])
        name = source.partition(":")[2].replace("/", "-")
        return source, origin(name, SOURCE_SECONDS)

    async def _task(self) -> None:
        """An earlier one at the same provider, whose file is here."""
        returns, self.emulator.extend_returns = self.emulator.extend_returns, "whole"
        asked = extend(**self.paid.call, provider=self.paid.name, stitch="never")
        made = await finished(self.service, (await begin(self.service, asked)).task)
        assert made.status == "succeeded", made.error
        self.emulator.extend_returns = returns
        self.source, self.heard = made.id, _recipes(self.emulator)[0]

    async def buy(self, kind: str) -> Task:
        common: dict[str, Any] = {"source": self.source, "provider": self.paid.name, **self.paid.besides}
        point = self.paid.call.get("continue_at")
        if self.source.startswith("clip:") and point is not None:
            common["continue_at"] = point
        if kind == "extend":
            return await finished(self.service, (await begin(self.service, extend(**common))).task)
        target = sum(piece.stop - piece.start for piece in self.heard) / RATE + TARGET_SECONDS - SOURCE_SECONDS
        asked = chain(**common, target_seconds=target, max_steps=STEPS)
        return await finished(self.service, (await begin(self.service, asked)).task, 30)


def _recipes(emulator: Emulator) -> list[Recipe]:
    """The first clip of every job that was paid for, oldest first."""
    paid_for = [emulator.jobs[submit["task"]] for submit in emulator.ledger.submits]
    return [emulator.sounds[job.data["clips"][0]] for job in paid_for]


def parts_made(emulator: Emulator, heard: Recipe) -> list[Recipe]:
    """The new music of every paid step, each once, oldest first."""
    known = {piece.origin for piece in heard}
    found: dict[str, Recipe] = {}
    for recipe in _recipes(emulator):
        last = recipe[-1]
        if last.origin not in known:
            found.setdefault(last.origin, (Piece(last.origin, 0, last.stop),))
    return list(found.values())


def audio_of(task: Task) -> Samples:
    assert task.audio is not None
    assert task.audio.file is not None
    read: Any = soundfile.read  # pyright: ignore[reportUnknownMemberType]
    samples, rate = read(task.audio.file, dtype="float32", always_2d=True)
    assert rate == RATE
    return samples.mean(axis=1)


def is_whole(task: Task, counter: Counter, parts: list[Recipe]) -> bool:
    """Whether the file begins as the source does, and has the beginning of every paid part in order, and the end."""
    heard, samples = audio_of(task), counter.emulator.studio.samples
    begin = place_of(samples(counter.heard)[: 2 * RATE], heard)
    if begin[1] < 0.9 or begin[0] > 0.1:
        return False
    places: list[float] = []
    for part in parts:
        at, alike = place_of(samples(part)[RATE // 10 : RATE], heard)
        if alike < 0.9:
            return False
        places.append(at)
    assert places == sorted(places), "the parts are in order"
    assert all(after - before > 1 for before, after in pairwise(places))
    end = place_of(samples(parts[-1])[-RATE:], heard)
    return end[1] > 0.9 and abs(end[0] + 1 - len(heard) / RATE) < 0.1


@pytest.mark.parametrize(
    ("kind", "returns"),
    [
        ("extend", "whole"),
        ("extend", "segment"),
        ("chain", "whole"),
        ("chain", "segment"),
        ("chain", "in turn"),
        ("chain", "other way round"),
    ],
)
@pytest.mark.parametrize(
    ("paid", "form"),
    [(paid, form) for paid in ALL for form in SOURCES if form != "listed clip" or paid is APIIN],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
async def test_nothing_is_missing_without_a_word(
    paid: Paid, form: str, kind: str, returns: Returns, house: House
) -> None:
    emulator = paid.emulator("key")
    emulator.extend_returns, emulator.audio_format = returns, "wav"
    emulator.source_seconds, emulator.adds_seconds = SOURCE_SECONDS, ADDS_SECONDS
    if paid.name == "musicapi-producer":
        emulator.apply_script({"set": {"longest_new_seconds": ADDS_SECONDS}})
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, url):
        counter = Counter(paid, emulator, service, url, house.folder)
        await counter.offer(form)
        if {"link": "url", "listed clip": "clip"}.get(form, form) not in service.spec(paid.name).sources:
            with pytest.raises(InvalidRequest):
                await counter.buy(kind)
            assert emulator.submits_seen() == 0
            return
        before = emulator.submits_seen()
        task = await counter.buy(kind)
    check(task, counter, emulator.submits_seen() - before)


def check(task: Task, counter: Counter, submits: int) -> None:
    assert task.status in ("succeeded", "partial"), task.error
    assert counter.emulator.violations == []
    assert counter.emulator.ledger.double_charges() == []
    parts = parts_made(counter.emulator, counter.heard)
    assert parts
    whole = is_whole(task, counter, parts)
    assert task.audio is not None
    told = [said for said in task.warnings if LACKS.search(said)]
    if task.audio.whole_track:
        assert whole, (task.warnings, submits)
    if not whole:
        assert told, task.warnings
        assert len(parts) == 1, "nothing is paid after the whole can no longer be delivered"


@pytest.mark.parametrize("returns", ["whole", "segment"])
async def test_silence_is_joined_and_named(returns: Returns, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of nothing, paid for: it is in its place, and nobody has to find out by listening."""
    real = vars(sounds)["_endless"]

    def only_the_song(name: str, stop: int) -> Samples:
        return real(name, stop) * np.float32(name == "the-song")

    monkeypatch.setattr(sounds, "_endless", only_the_song)
    emulator = SUNOAPI.emulator("key")
    emulator.extend_returns, emulator.audio_format, emulator.adds_seconds = returns, "wav", 1.0
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, url):
        counter = Counter(SUNOAPI, emulator, service, url, house.folder)
        await counter.offer("file")
        task = await counter.buy("extend")
    assert task.audio is not None
    assert task.audio.whole_track is (True if returns == "segment" else task.audio.whole_track)
    assert place_of(emulator.studio.samples(counter.heard)[: 2 * RATE], audio_of(task))[0] < 0.1
    assert any("silent" in said for said in task.warnings) == (returns == "segment")


@pytest.mark.parametrize("adds", [2.0, 20.0])
async def test_a_part_as_long_as_its_source_is_a_part(adds: float, house: House) -> None:
    emulator = SUNOAPI.emulator("key")
    emulator.extend_returns, emulator.audio_format, emulator.adds_seconds = "segment", "wav", adds
    async with trading(house, "sunoapi", emulator, uploads=True) as (service, url):
        counter = Counter(SUNOAPI, emulator, service, url, house.folder)
        await counter.offer("file")
        task = await counter.buy("extend")
    check(task, counter, emulator.submits_seen())
    assert task.audio is not None
    assert task.audio.duration_seconds == pytest.approx(SOURCE_SECONDS + adds, abs=0.1)
