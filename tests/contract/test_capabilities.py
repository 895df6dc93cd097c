"""Every cell of the printed capability table, in both directions: what it says works, and nothing else does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract.rig import KINDS, SAMPLES, Rig
from contract.rigs import RIGS
from contract.table import read_table
from contract.wire_rig import WireRig
from emulators.audio import origin
from emulators.base import Emulator
from emulators.faults import Front
from emulators.paid import every_free
from fermata_mcp.domain.credits import amount_of
from fermata_mcp.domain.errors import InvalidRequest, MissingKey, TooLarge, UnsupportedField
from fermata_mcp.domain.requests.fields import OURS
from fermata_mcp.domain.requests.request import ExtendRequest
from fermata_mcp.domain.task import SourceFacts, Task
from fermata_mcp.engine.service import Service
from support import hosts
from support.asked import begin, extend, make_plan
from support.engines import House, finished
from support.processes import write_beat
from support.shop import trading

pytestmark = pytest.mark.anyio
TABLE = read_table()
PARAMETERS = sorted(set(ExtendRequest.model_fields) - OURS)
NAMES = [rig.name for rig in RIGS]
SECONDS = 6.0
NEVER = 10.0**6
NATIVE = {"brandNewField": 7}
FREE_KINDS = ("poll", "greeting", "balance")
EACH = pytest.mark.parametrize("rig", RIGS, ids=NAMES)


@dataclass
class Counter:
    """Where one provider's work is asked for, by a caller who knows its sources."""

    rig: Rig
    house: House
    service: Service
    emulator: Emulator | None
    sources: Mapping[str, str]

    async def start(self, kind: str, **fields: Any) -> Task:
        asked = extend(source=self.sources[kind], provider=self.rig.name, **fields)
        return (await begin(self.service, asked)).task

    async def quoted(self, kind: str, **fields: Any) -> Task:
        asked = extend(source=self.sources[kind], provider=self.rig.name, **fields)
        return (await self.service.prepare(asked)).task

    async def done(self, kind: str, **fields: Any) -> Task:
        task = await finished(self.service, await self.start(kind, **fields))
        assert task.status == "succeeded", task.error
        return task

    def was_told(self, word: str) -> bool:
        """Whether this stands in what was submitted."""
        assert self.emulator is not None
        return any(word.encode() in seen.body for seen in self.emulator.seen if seen.kind == "submit")

    def sent(self) -> dict[str, Any]:
        """The body that was paid for; joining what it brought may follow it."""
        assert self.emulator is not None
        assert isinstance(self.rig, WireRig)
        return dict(self.rig.inner(self.emulator.ledger.submits[0]["body"]))

    async def untouched(self) -> bool:
        """Nothing was sent but questions, which are free, and nothing was recorded."""
        seen = [] if self.emulator is None else [one for one in self.emulator.seen if one.kind not in FREE_KINDS]
        return not seen and not (await self.service.tasks(None, None, 9, None)).tasks


@asynccontextmanager
async def counter(rig: Rig, house: House) -> AsyncGenerator[Counter]:
    write_beat(house.track, SECONDS)
    sources = {"file": str(house.track), "clip": "clip:seed-clip/1", "task": "tsk_" + "0" * 32}
    if rig.name in every_free():
        async with own_server(rig, house, sources) as at:
            yield at
        return
    if not isinstance(rig, WireRig):
        page = hosts.answer(house.track.read_bytes(), "audio/wav")
        async with hosts.serving(page) as host, house.engine(trusted_hosts=tuple(host.trusted)) as service:
            yield Counter(rig, house, service, None, sources | {"url": host.url("/a.wav")})
        return
    emulator = rig.emulator()
    family = rig.variables[0].removesuffix("_API_KEY").lower()
    emulator.host_audio("mine", origin("mine", 20.0))
    emulator.adds_seconds, emulator.audio_format = 2.0, "wav"  # quick to render
    async with trading(house, family, emulator, uploads=rig.uploads) as (service, url):
        yield Counter(rig, house, service, emulator, sources | {"url": f"{url}/audio/mine.mp3"})


@asynccontextmanager
async def own_server(rig: Rig, house: House, sources: Mapping[str, str]) -> AsyncGenerator[Counter]:
    """One that people run themselves, at the address that sets it up; or one that is sent a window of a file."""
    key, *addresses = getattr(rig, "variables", ("", str(rig.spec.set_by)))
    emulator = every_free()[rig.name]("emulator-key" if key else "")
    page = hosts.answer(house.track.read_bytes(), "audio/wav")
    async with hosts.serving(page) as host, Front(emulator) as url:
        led: dict[str, Any] = dict.fromkeys(map(str.lower, addresses), url) | (
            {key.lower(): emulator.key} if key else {}
        )
        trusted = (*host.trusted, f"localhost:{urlsplit(url).port}")
        async with house.engine(trusted_hosts=trusted, **led) as service:
            yield Counter(rig, house, service, emulator, {**sources, "url": host.url("/a.wav")})


def cases(row: str, words: list[str]) -> list[Any]:
    """Rig, word, and whether the cell of the row says it."""
    return [
        pytest.param(rig, word, word in TABLE[row][rig.name].replace("`", "").split(", "), id=f"{rig.name}-{word}")
        for rig in RIGS
        for word in words
    ]


def test_no_row_and_no_provider_is_left_out() -> None:
    assert set(TABLE) == {
        "needs", "sources", "parameters", "options", "price of an extension", "shortest source", "longest source",
        "longest result", "verified",
    }  # fmt: skip
    assert all(sorted(cells) == sorted(NAMES) for cells in TABLE.values())
    assert set(SAMPLES) == set(PARAMETERS)


@EACH
async def test_needs(rig: Rig, house: House) -> None:
    needed = TABLE["needs"][rig.name].strip("`")
    async with house.engine() as service:
        if needed == "nothing":
            await begin(service, extend(source=str(house.track), provider=rig.name))
            return
        source = "clip:seed-clip/1" if "clip" in rig.kinds else str(house.track)
        if "clip" not in rig.kinds:
            write_beat(house.track, SECONDS)
        with pytest.raises(MissingKey) as refused:
            await begin(service, extend(source=source, provider=rig.name, **rig.full))
        assert needed in str(refused.value)
        assert (await service.tasks(None, None, 9, None)).tasks == ()
    async with counter(rig, house) as at:
        kind = "clip" if "clip" in rig.kinds else "file"
        await at.done(kind, **_least(rig, kind))


def _least(rig: Rig, kind: str = "clip") -> dict[str, Any]:
    """What an extension needs beside its source; of a clip nobody knows the length."""
    least = next(iter(rig.sources.values()))
    placed = rig.at_once or (rig.spec.point.needed and not rig.spec.custom.needs)
    return {**least.fields, **({"continue_at": 18.0} if placed and kind == "clip" else {})}


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rig", "kind", "taken"), cases("sources", list(KINDS)))
async def test_sources(rig: Rig, kind: str, taken: bool, house: House) -> None:
    async with counter(rig, house) as at:
        if not taken:
            with pytest.raises(InvalidRequest, match=f"cannot take a {kind}"):
                await at.start(kind)
            assert await at.untouched()
        elif kind == "task":
            await _a_task_is_taken(at)
        else:
            task = await at.done(kind, **_least(rig, kind))
            assert _reached(at, kind), task


def _as_it_is(rig: Rig) -> bool:
    """Whether its source is sent whole, and the body of a submit can be read here."""
    return isinstance(rig, WireRig) and rig.spec.window is None


def _reached(at: Counter, kind: str) -> bool:
    if at.emulator is None or not _as_it_is(at.rig):
        return at.emulator is None or at.emulator.submits_seen() == 1
    if kind == "file":
        return any(at.house.track.read_bytes() in seen.body for seen in at.emulator.seen if seen.kind == "upload")
    bodies = json.dumps([submit["body"] for submit in at.emulator.ledger.submits])
    return at.sources[kind].removeprefix("clip:").partition("/")[0] in bodies


async def _a_task_is_taken(at: Counter) -> None:
    kind = "clip" if "clip" in at.rig.kinds else "file"
    first = await at.done(kind, **_least(at.rig, kind))
    again = extend(source=first.id, provider=at.rig.name, **_least(at.rig, "task"))
    second = await finished(at.service, (await begin(at.service, again)).task)
    assert second.status == "succeeded", second.error
    assert first.audio is not None
    assert second.source.duration_seconds == first.audio.duration_seconds
    continued = first.clips if at.rig.spec.extends_joined else first.steps[0].clips
    assert second.source.clip == continued[0].provider_clip_id


# --- parameters and options -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rig", "name", "taken"), cases("parameters", PARAMETERS))
async def test_parameters(rig: Rig, name: str, taken: bool, house: House) -> None:
    kind = next(iter(rig.only_for.get(name, rig.sources)))
    async with counter(rig, house) as at:
        if not taken:
            with pytest.raises(UnsupportedField, match=name):
                await at.start(kind, **_least(rig), **{name: SAMPLES[name][0]})
            assert await at.untouched()
        elif at.emulator is None:
            await _a_worker_heeds(at, name)
        elif not _as_it_is(rig):
            await at.done(
                kind,
                **(
                    _least(rig, kind)
                    | dict(rig.besides.get(name, {"add_seconds": 4.0}))
                    | {name: {"continue_at": 3.0}.get(name, rig.samples[name][0])}
                ),
            )
            assert at.emulator.violations == []
        else:
            value = rig.samples[name][0]
            rival = {"lyrics": "prompt"}.get(name)
            full = {key: given for key, given in rig.full_for(name).items() if key != rival}
            await at.done(kind, **({} if full else _least(rig, kind)), **(full | {name: value}))
            assert at.sent()[rig.wire[name]] == value
            assert at.emulator.violations == []


async def _a_worker_heeds(at: Counter, name: str) -> None:
    value = {"title": "Longer", "continue_at": 3.0, "add_seconds": 4.0}[name]
    task = await at.done("file", **{name: value})
    clip = task.clips[0]
    found = {
        "title": clip.title == value,
        "continue_at": (clip.continue_at or 0) >= 3.0,
        "add_seconds": abs((clip.duration_seconds or 0) - SECONDS - 4) < 0.01,
    }
    assert found[name]


@EACH
async def test_options(rig: Rig, house: House) -> None:
    taken = TABLE["options"][rig.name]
    async with counter(rig, house) as at:
        kind = next(iter(rig.sources))
        if taken != "any":
            with pytest.raises(UnsupportedField, match=r"options\.brandNewField"):
                await at.start(kind, options=NATIVE)
            named = re.findall(r"(\w+) \(([^)]*)\)", taken)
            assert named or taken == "none"
            for name, values in named:
                for value in values.split(", "):
                    assert (await at.quoted(kind, options={name: value})).status == "queued"
                with pytest.raises(InvalidRequest, match=name):
                    await at.start(kind, options={name: "brandNewValue"})
            assert await at.untouched()
            return
        native = dict.fromkeys(rig.native, 7) if isinstance(rig, WireRig) else NATIVE
        await finished(at.service, await at.start(kind, options=native, **_least(rig)))
        assert all(map(at.was_told, native))
        if not isinstance(rig, WireRig) or rig.native.keys() != NATIVE.keys():
            return
        assert at.emulator is not None
        bodies = [rig.inner(seen.json()) for seen in at.emulator.seen if seen.kind == "submit"]
        assert [body["brandNewField"] for body in bodies] == [7]


# --- money and limits -------------------------------------------------------------------------------------------------


@EACH
async def test_credits(rig: Rig, house: House) -> None:
    cell = TABLE["price of an extension"][rig.name].removesuffix(" credits")
    low, _, high = ("0" if cell == "free" else cell).partition("-")
    if rig.spec.unit == "usd":
        await _dollars(rig, house, cell)
        return
    async with counter(rig, house) as at:
        task = await at.done(next(iter(rig.sources)), **_least(rig), stitch="never")
        assert (task.quote.low / 1000, task.quote.high / 1000) == (float(low), float(high or low))
        taken = 0.0 if at.emulator is None else at.emulator.ledger.submits[0]["amount"]
        assert float(low) <= taken <= float(high or low)
        assert (await at.service.credits(rig.name)).spent["credits"].spent_today == float(high or low)


async def _dollars(rig: Rig, house: House, cell: str) -> None:
    """By length: the cell says the price, and what is taken lies in the quote."""
    assert rig.spec.price_of("extend").in_full.replace(" an extension", "") in cell
    async with counter(rig, house) as at:
        task = await at.done(next(iter(rig.sources)), **_least(rig))
        assert at.emulator is not None
        taken, spent = at.emulator.ledger.submits[0]["amount"], (await at.service.credits(rig.name)).spent["usd"]
        assert amount_of(task.quote.low, "usd") <= taken <= spent.spent_today <= task.quote.most


def _limit(row: str, rig: Rig) -> float:
    cell = TABLE[row][rig.name]
    return NEVER if cell == "none known" else float(cell.removesuffix(" s"))


def _planned(rig: Rig, known: float, **fields: Any) -> None:
    make_plan(extend(provider=rig.name, **fields), rig.spec, SourceFacts(ref="/a.wav", duration_seconds=known))


@EACH
def test_shortest_source(rig: Rig) -> None:
    limit = _limit("shortest source", rig)
    _planned(rig, max(limit, 0.01))
    if limit:
        with pytest.raises(InvalidRequest, match="needs at least"):
            _planned(rig, limit - 0.01)


@EACH
def test_longest_source(rig: Rig) -> None:
    limit = _limit("longest source", rig)
    _planned(rig, limit)
    if limit < NEVER:
        with pytest.raises(TooLarge, match="takes at most"):
            _planned(rig, limit + 0.01)


@EACH
def test_longest_result(rig: Rig) -> None:
    limit = _limit("longest result", rig)
    if limit == NEVER:
        assert rig.spec.lengths.longest_result == float("inf")
        return
    _planned(rig, 100.0, add_seconds=limit - 100)
    with pytest.raises(TooLarge, match="makes at most"):
        _planned(rig, 100.0, add_seconds=limit - 99.9)


@pytest.mark.parametrize(("seconds", "taken"), [(0.5, True), (0.49, False)])
async def test_real_files_meet_the_same_limit(seconds: float, taken: bool, house: House) -> None:
    """The shortest file for `local`, measured and not told."""
    write_beat(house.track, seconds)
    async with house.engine() as service:
        asked = extend(source=str(house.track), provider="local", dry_run=True)
        if taken:
            assert (await service.prepare(asked)).task.status == "queued"
            return
        with pytest.raises(InvalidRequest, match="needs at least"):
            await begin(service, asked)


@EACH
def test_verified(rig: Rig) -> None:
    """No paid adapter may claim more than its documentation; the free one is run here."""
    live = "real audio" if rig.spec.here else "not live"
    assert live in TABLE["verified"][rig.name]
    assert TABLE["verified"][rig.name] == rig.spec.verified
