"""Finished work whose audio cannot be had: it stays finished, says so, and is fetched as soon as it can be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import soundfile

from emulators.faults import Fault, Front
from emulators.paid import Paid
from fermata_mcp.domain.task import Task
from support.engines import House, finished
from support.paid import ALL
from support.processes import seconds_of
from support.shop import Shop, quick, trading

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("paid", ALL, ids=lambda one: one.name)
OFTEN = 10_000
PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.1"
METADATA = "http://169.254.169.254/latest/meta-data"
BAD: dict[str, tuple[Callable[[], Fault], str]] = {
    "404": (lambda: Fault.answer(404, "gone"), "expired"),
    "410": (lambda: Fault.answer(410, "gone"), "expired"),
    "403": (lambda: Fault.answer(403, "<html>Attention Required!</html>"), "expired"),
    "page": (lambda: Fault.answer(200, "<html>Sorry</html>"), "not audio"),
    "page called audio": (lambda: Fault.answer(200, "<html>Sorry</html>", content_type="audio/mpeg"), "not audio"),
    "words": (lambda: Fault.answer(200, "plain words", content_type="text/plain"), "not audio"),
    "json": (lambda: Fault.answer(200, {"error": 1}), "not audio"),
    "empty": (lambda: Fault.answer(200, "", content_type="audio/mpeg"), "empty"),
    "truncated": (lambda: Fault.wire("half_body"), "did not send"),
    "reset": (lambda: Fault.wire("reset"), "did not send"),
    "closed": (lambda: Fault.wire("close"), "did not send"),
    "503": (lambda: Fault.answer(503, "<html>"), "cannot send"),
    "a gigabyte of nothing": (lambda: Fault.wire("huge"), "not audio"),
    "a bomb": (lambda: Fault.wire("gzip_bomb"), "not audio"),
    "private": (lambda: Fault.answer(302, "", location=METADATA), "169.254"),
    "round and round": (lambda: Fault.answer(302, "", location="/audio/round.wav"), "redirects more than"),
}


@dataclass
class AudioShop(Shop):
    url: str

    async def done(self) -> Task:
        return await finished(self.service, await self.start())

    def files(self) -> list[str]:
        out = self.house.folder / "out"
        return sorted(file.name for file in out.rglob("*")) if out.exists() else []


@asynccontextmanager
async def shop(paid: Paid, house: House) -> AsyncGenerator[AudioShop]:
    emulator = quick(paid)
    async with trading(house, paid.family, emulator, uploads=paid.uploads) as (service, url):
        yield AudioShop(paid, house, service, emulator, url)
    assert emulator.violations == []
    assert len(emulator.ledger.submits) == 1


def check_missing(task: Task, words: str) -> None:
    """The work is done and paid for; its audio is told to be missing, and why."""
    assert (task.status, task.error, task.held) == ("succeeded", None, 0)
    assert task.clips
    assert task.audio is None or task.audio.file is None
    assert all(clip.file is None and clip.url for clip in task.clips)
    assert any(words in warning and "get_task" in warning for warning in task.warnings), task.warnings


@EACH
@pytest.mark.parametrize("bad", BAD)
async def test_audio_that_cannot_be_had_is_fetched_later(paid: Paid, bad: str, house: House) -> None:
    fault, words = BAD[bad]
    async with shop(paid, house) as at:
        at.emulator.script("audio", fault(), OFTEN)
        task = await at.done()
        check_missing(task, words)
        assert at.files() == []

        at.emulator.faults.clear()
        await at.service.fetch_missing(task.id)
        task = await at.service.get(task.id)
        assert task.audio is not None
        assert task.audio.file is not None
        assert task.clips[0].duration_seconds == pytest.approx(seconds_of(_path(task)), abs=0.01)
        assert not [name for name in at.files() if ".part" in name]


def _path(task: Task) -> Path:
    return Path((task.audio and task.audio.file) or "")


@EACH
@pytest.mark.parametrize("form", ["wav", "mp3", "flac"])
async def test_half_a_file_is_as_long_as_it_is(paid: Paid, form: str, house: House) -> None:
    """The answer is whole, the file is not: what is told is what can be heard."""
    async with shop(paid, house) as at:
        at.emulator.audio_format, at.emulator.cut_audio = form, True
        task = await at.done()
        assert task.status == "succeeded", task.error
        assert task.audio is not None
        assert task.audio.file is not None
        assert task.audio.duration_seconds == pytest.approx(heard_seconds(_path(task)), abs=0.3)


def heard_seconds(path: Path) -> float:
    """What decodes until it breaks off."""
    frames = 0
    with soundfile.SoundFile(path) as file, suppress(soundfile.LibsndfileError):
        while count := len(file.read(1024, "float32")):
            frames += count
    return frames / file.samplerate


@EACH
async def test_a_redirect_to_this_machine_is_not_followed(paid: Paid, house: House) -> None:
    """Only the provider's own address was named by the operator; another port here is private."""
    elsewhere = paid.emulator("key")
    async with Front(elsewhere) as there, shop(paid, house) as at:
        at.emulator.script("audio", Fault.answer(302, "", location=f"{there}/audio/a.wav"), OFTEN)
        check_missing(await at.done(), "127.0.0.1")
        assert elsewhere.seen == []


class Network:
    """Names lead where a test says, each answer once and the last for ever; only the emulator can be reached."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.connected: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        real: Any = anyio.connect_tcp
        port = int(url.rpartition(":")[2])

        async def look_up(host: Any, port: Any, **_: Any) -> Any:
            address = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            return [(2, 1, 6, "", (address, port))]

        async def connect(remote_host: str, remote_port: int, **more: Any) -> Any:
            if remote_port == port:
                return await real(remote_host, remote_port, **more)
            self.connected.append(remote_host)
            raise OSError("no network in tests")

        monkeypatch.setattr(anyio, "getaddrinfo", look_up)
        monkeypatch.setattr(anyio, "connect_tcp", connect)


@EACH
@pytest.mark.parametrize(
    ("answers", "reached", "words"),
    [([PRIVATE], set[str](), "not a public address"), ([PUBLIC, "127.0.0.1"], {PUBLIC}, "not a public address")],
    ids=["private", "changes"],
)
async def test_links_are_looked_up_once_and_only_public_addresses_are_reached(
    paid: Paid, answers: list[str], reached: set[str], words: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked and private afterwards leads nowhere but to the checked address."""
    network = Network(*answers)
    async with shop(paid, house) as at:
        at.emulator.audio_host = "https://cdn.test"
        network.install(monkeypatch, at.url)
        check_missing(await at.done(), words)
    assert set(network.connected) == reached
