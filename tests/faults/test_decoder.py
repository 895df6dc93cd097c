"""Hostile audio hurts one process of its own: the server lives, answers, remembers, and ends when it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from emulators.paid import named
from fermata_mcp.domain.errors import InternalError, NotAudio
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.service import Service
from fermata_mcp.media.decoding import client as decoding
from fermata_mcp.media.decoding.client import Decoder, Undecodable
from fermata_mcp.media.files import sealed_bytes
from support.asked import begin, extend
from support.engines import House, eventually, finished
from support.liars import flac_bomb
from support.looks import Tally, look_at_mutants
from support.mutants import whole
from support.processes import SERVERS_OF_TESTS, needs_proc
from support.shop import quick, trading

SONIC = named("musicapi-sonic")
pytestmark = pytest.mark.anyio
DIES = "import os, signal, sys; print(flush=True); sys.stdin.readline(); os.kill(os.getpid(), signal.{})"
HANGS = "import sys; print(flush=True); [None for _ in iter(sys.stdin.read, '')]; import time; time.sleep(10**6)"
SHORT_TEMPERED = (
    "import sys; from fermata_mcp.media.decoding import process; process.IDLE_SECONDS = 0.01; sys.exit(process.main())"
)
BABBLES = "print(flush=True); input(); print('{}'); input()"
BOMBS = 42
MUTANTS = 300
MIB = 1 << 20


@asynccontextmanager
async def decoding_in(folder: Path) -> AsyncGenerator[Decoder]:
    made = Decoder(folder / "data")
    try:
        yield made
    finally:
        await made.aclose()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (path := tmp_path / "song.wav").write_bytes(whole("wav"))
    return path


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    """A small file that keeps a decoder busy for many seconds."""
    (path := tmp_path / "bomb.flac").write_bytes(flac_bomb(11.5))
    assert path.stat().st_size < MIB
    return path


def speak(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(decoding, "COMMAND", [sys.executable, "-c", program])


def children() -> set[int]:
    """Processes that were started by this one and are not gone; a database for other tests is none of them."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(number) for one in listed for number in one.read_text().split()} - SERVERS_OF_TESTS


def runs(process: int) -> bool:
    """Whether it is there, and not only its exit code."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment_of(process: int) -> str:
    return Path(f"/proc/{process}/environ").read_text()


def memory() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- what a file may do -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGXCPU"])
async def test_a_file_that_ends_the_decoder_is_never_decoded_again(
    number: str, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        speak(patch, DIES.format(number))
        async with decoding_in(tmp_path) as decoder:
            with pytest.raises(Undecodable, match="decoder"):
                await decoder.probe(song)
    (copy := tmp_path / "another name.wav").write_bytes(whole("wav"))
    (other := tmp_path / "other.wav").write_bytes(whole("wav", 3))
    async with decoding_in(tmp_path) as decoder:  # the next start of the program
        for path in (song, copy):
            with pytest.raises(Undecodable):
                await decoder.probe(path)
            heard = await decoder.hear(path)
            assert (heard.seconds, heard.decodable) == (None, False)
            assert "unexamined" in (heard.note or "")
        assert (await decoder.probe(other)).duration_seconds == 3


async def test_a_file_that_keeps_the_decoder_busy_is_given_up(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, HANGS)
    monkeypatch.setattr(decoding, "PATIENCE", 0.01)
    async with decoding_in(tmp_path) as decoder:
        with pytest.raises(Undecodable, match="too long"):
            await decoder.probe(song)


async def test_an_answer_that_is_none_is_the_files_fault(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, BABBLES)
    async with decoding_in(tmp_path) as decoder:
        with pytest.raises(Undecodable):
            await decoder.probe(song)


async def test_a_decoder_that_cannot_start_is_no_files_fault(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with decoding_in(tmp_path) as decoder:
        with monkeypatch.context() as patch:
            speak(patch, "raise SystemExit(3)")
            with pytest.raises(InternalError):
                await decoder.probe(song)
            patch.setattr(decoding, "COMMAND", [str(tmp_path / "nothing")])
            with pytest.raises(InternalError):
                await decoder.probe(song)
        assert (await decoder.probe(song)).duration_seconds == 2


async def test_a_decoder_that_left_for_want_of_work_is_replaced_without_blame(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, SHORT_TEMPERED)
    async with decoding_in(tmp_path) as decoder:
        for _ in range(5):
            assert (await decoder.probe(song)).duration_seconds == 2
            await eventually(_nobody_left)


async def _nobody_left() -> bool:
    return not any(runs(number) for number in children())


async def test_damaged_files_end_in_words(tmp_path: Path) -> None:
    """A short run of `python -m chaos.mutants`."""
    tally = Tally()
    async with decoding_in(tmp_path) as decoder:
        await look_at_mutants(decoder, tmp_path, range(MUTANTS), tally)
    assert tally.odd == []
    assert tally.files == MUTANTS
    assert tally.read > MUTANTS / 10
    assert sum(tally.refused.values()) > MUTANTS / 10


async def test_an_mp3_of_ones_and_a_tag_is_refused(tmp_path: Path) -> None:
    async with decoding_in(tmp_path) as decoder:
        for start in (b"", b"ID3\x04\x00\x00\x00\x00\x00\x00", whole("mp3")[:400]):
            (path := tmp_path / "ones.mp3").write_bytes(start + b"\xff" * 5_000_000)
            with pytest.raises(NotAudio):
                await decoder.probe(path)
            assert not (await decoder.hear(path)).decodable


# --- what the server goes on doing --------------------------------------------------------------------------


@needs_proc
async def test_many_bombs_hold_up_nothing(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time; memory stays, others run, and honest files have their turn."""
    monkeypatch.setattr(decoding, "PATIENCE", 0.03)
    ticks, most, began = 0, 0, memory()

    async def tick() -> None:
        nonlocal ticks, most
        while True:
            ticks, most = ticks + 1, max(most, len(children()))
            await anyio.sleep(0.005)

    data, before = flac_bomb(11.5), 0
    async with decoding_in(tmp_path) as decoder, anyio.create_task_group() as group:
        group.start_soon(tick)
        async with anyio.create_task_group() as looks:
            for number in range(BOMBS):
                (path := tmp_path / f"{number}.flac").write_bytes(data + bytes(number + 1))
                looks.start_soon(decoder.hear, path)
        before = ticks
        monkeypatch.setattr(decoding, "PATIENCE", 180)
        assert (await decoder.hear(song)).seconds == 2
        group.cancel_scope.cancel()
    assert before > BOMBS, "the loop was held up"
    assert most <= decoding.AT_ONCE + 1, "more processes than promised"
    assert memory() - began < 64 * MIB


@needs_proc
async def test_who_waits_may_leave_at_once(bomb: Path, song: Path, tmp_path: Path) -> None:
    """Cancelling ends the process; the file is not blamed, and others are served."""
    async with decoding_in(tmp_path) as decoder:
        busy = children()
        async with anyio.create_task_group() as group:
            group.start_soon(decoder.hear, bomb)
            await eventually(lambda: _more_than(busy))
            group.cancel_scope.cancel()
        assert children() <= busy
        assert (await decoder.probe(song)).duration_seconds == 2
        assert (await decoder.probe(bomb)).duration_seconds > 11 * 3600


async def _more_than(busy: set[int]) -> bool:
    return bool(children() - busy)


@needs_proc
async def test_a_decoder_has_no_keys_and_no_terminal(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNOAPI_API_KEY", "very-secret")
    before = children()
    async with decoding_in(tmp_path) as decoder:
        await decoder.probe(song)
        (process,) = children() - before
        assert "very-secret" not in environment_of(process)
        assert os.getsid(process) == process


ORPHAN = """
import os, sys, anyio
from pathlib import Path
from fermata_mcp.media.decoding.client import Decoder

async def main():
    decoder = Decoder(Path(sys.argv[1]) / "data")
    await decoder.warm()
    child = decoder._idle[0]
    print(child.process.pid, flush=True)
    async with anyio.create_task_group() as group:
        group.start_soon(decoder.hear, Path(sys.argv[2]))
        await anyio.sleep(0.2)
        os._exit(0)

anyio.run(main)
"""


@needs_proc
async def test_a_busy_decoder_ends_with_its_server(bomb: Path, tmp_path: Path) -> None:
    run = await anyio.run_process([sys.executable, "-c", ORPHAN, tmp_path, bomb])

    async def gone() -> bool:
        return not runs(int(run.stdout))

    await eventually(gone)


LIGHT = """
import sys, anyio
from pathlib import Path
import fermata_mcp.app, fermata_mcp.engine, fermata_mcp.media
from fermata_mcp.media.decoding.client import Decoder

async def main():
    decoder, song = Decoder(Path(sys.argv[1]) / "data"), Path(sys.argv[2])
    await decoder.probe(song)
    await decoder.hear(song)
    await decoder.likeness(song, song, 0.0, 1.0)
    joined = await decoder.join(song, song, 1.0, 1.0, 1.0, Path(sys.argv[1]) / "joined")
    await decoder.label(joined.path, "Title", "Origin")
    await decoder.aclose()

anyio.run(main)
print([name for name in ("numpy", "soundfile", "mutagen") if name in sys.modules])
"""


def test_a_server_never_imports_what_decodes(song: Path, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT, tmp_path, song], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr, run.returncode) == ("[]", "", 0)


# --- what was paid for is delivered -------------------------------------------------------------------------


@asynccontextmanager
async def paid_for(house: House) -> AsyncGenerator[tuple[Service, Task]]:
    """A task of a paid provider that is over, in an engine that goes on."""
    async with trading(house, SONIC.family, quick(SONIC)) as (service, _):
        started = await begin(service, extend(**{**SONIC.call, "provider": SONIC.name}))
        yield service, await finished(service, started.task)


async def test_paid_audio_that_ends_the_decoder_is_delivered_as_it_came(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, DIES.format("SIGSEGV"))
    async with paid_for(house) as (_, task):
        assert task.status == "succeeded", task.error
        assert task.audio is not None
        assert task.audio.file is not None
        assert sealed_bytes(Path(task.audio.file))[:4] == b"RIFF"
        assert any("unexamined" in said for said in task.warnings), task.warnings


async def test_paid_audio_is_fetched_again_when_no_decoder_could_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = decoding.COMMAND
    monkeypatch.setattr(decoding, "COMMAND", ["/nowhere/at/all"])
    async with paid_for(house) as (service, task):
        assert task.status == "succeeded", task.error
        assert task.audio is None or task.audio.file is None
        monkeypatch.setattr(decoding, "COMMAND", ours)

        async def is_here() -> bool:
            await service.fetch_missing(task.id)
            audio = (await service.get(task.id)).audio
            return audio is not None and audio.file is not None

        await eventually(is_here)
