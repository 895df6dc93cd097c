"""Old tasks and caches: what goes, and above all what stays."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fermata_mcp.config import load_settings
from fermata_mcp.domain.change import Change
from fermata_mcp.domain.task import Audio, SourceFacts, Task
from fermata_mcp.engine.audio.opening import library_of
from fermata_mcp.engine.clock import Clock
from fermata_mcp.engine.steps import moves
from fermata_mcp.engine.upkeep.purging import Purging, Wanted
from fermata_mcp.store.sqlite.store import SqliteStore
from support.rows import ME, created, only_step, stored

pytestmark = pytest.mark.anyio
HOUR = 3_600_000


@pytest.fixture
async def purging(tmp_path: Path, anyio_backend: str) -> AsyncGenerator[Purging]:
    settings = load_settings(data_dir=tmp_path / "data", output_dir=tmp_path / "music")
    for folder in ("data/audio", "data/analysis", "data/previews", "music", "own"):
        (tmp_path / folder).mkdir(parents=True)
    store = SqliteStore(settings.data_dir / "fermata.db")
    yield Purging(store, settings, Clock(), ME, library_of(settings, store, Clock()))
    await store.close()


def a_file(path: Path, size: int = 10) -> Path:
    path.write_bytes(bytes(size))
    return path


async def finished(purging: Purging, file: Path, *, ago: int = HOUR) -> Task:
    """A task of an hour ago that delivered `file`."""
    at = purging.clock.now() - ago
    task = await created(purging.store, now=at)
    step = await only_step(purging.store, task)
    patch = moves.ended("succeeded", at) | {
        "audio": Audio(file=str(file), url=None, duration_seconds=1, whole_track=True)
    }
    done = Change(step.id, frozenset({"queued"}), None, {"state": "cancelled", "due_at": None}, task=patch)
    assert await purging.store.apply(done, now=at)
    os.utime(file, (at / 1000, at / 1000))
    return await stored(purging.store, task)


WANTED = Wanted(60, audio=True, caches=False)


async def test_audio_only_if_it_is_asked_for(purging: Purging) -> None:
    file = a_file(purging.settings.output_dir / "a.wav")
    task = await finished(purging, file)
    working = a_file(purging.settings.data_dir / "audio" / f"{task.id}-source.mp3")
    found = await purging.find(Wanted(60, audio=False, caches=False))
    assert (found.working.paths, found.audio.bytes) == ((working,), 10)
    gone = await purging.carry_out(found, audio=False)
    assert [one.id for one in gone.tasks] == [task.id]
    assert file.is_file()
    assert not working.exists()
    assert await purging.store.get(task.id) is None


async def test_with_the_audio(purging: Purging) -> None:
    file = a_file(purging.settings.output_dir / "a.wav")
    await finished(purging, file)
    await purging.carry_out(await purging.find(WANTED), audio=True)
    assert not file.exists()


async def test_what_is_the_persons_own_stays(purging: Purging, tmp_path: Path) -> None:
    """Saved elsewhere, changed since, a link, or the source of what goes on."""
    elsewhere, changed, needed = (
        a_file(tmp_path / "own" / "a.wav"), a_file(purging.settings.output_dir / "b.wav"),
        a_file(purging.settings.output_dir / "c.wav"),
    )  # fmt: skip
    for file in (elsewhere, changed, needed):
        await finished(purging, file)
    os.utime(changed)
    source = SourceFacts(ref=str(needed), duration_seconds=1, file=str(needed), identity="c")
    await created(purging.store, now=purging.clock.now(), source=source)
    link = purging.settings.output_dir / "d.wav"
    link.symlink_to(elsewhere)
    await finished(purging, link)
    gone = await purging.carry_out(await purging.find(WANTED), audio=True)
    assert (len(gone.tasks), gone.audio.paths) == (4, ())
    assert all(file.is_file() for file in (elsewhere, changed, needed, link))


async def test_what_was_made_and_lies_among_the_working_files_alone_stays_with_its_task(purging: Purging) -> None:
    await finished(purging, a_file(purging.settings.data_dir / "audio" / "only.mp3"))
    found = await purging.find(Wanted(60, audio=False, caches=True))
    assert (found.tasks, found.kept, found.caches.paths) == ((), 1, ())


async def test_too_young(purging: Purging) -> None:
    await finished(purging, a_file(purging.settings.output_dir / "a.wav"), ago=1000)
    assert (await purging.find(WANTED)).tasks == ()


async def test_what_began_to_be_needed_meanwhile_stays(purging: Purging) -> None:
    file = a_file(purging.settings.output_dir / "a.wav")
    task = await finished(purging, file)
    found = await purging.find(WANTED)
    await purging.store.remove([task.id], principal=ME, before=purging.clock.now(), counted_since=0)
    gone = await purging.carry_out(found, audio=True)
    assert (gone.tasks, gone.audio.paths) == ((), ())
    assert file.is_file()


async def test_caches(purging: Purging) -> None:
    """What is made anew; interrupted downloads only if nothing needs them, and not those of this minute."""
    data = purging.settings.data_dir
    task = await created(purging.store, now=purging.clock.now())
    caches = [a_file(data / "analysis" / "a.npz"), a_file(data / "previews" / "b.opus")]
    lost = a_file(data / "audio" / "stp_0-0-ab.mp3")
    kept = [a_file(data / "audio" / f"{task.id}-source.mp3"), a_file(data / "audio" / f"{task.steps[0].id}-0-cd.mp3")]
    long_ago = time.time() - 2 * 86_400
    for file in (lost, *kept):
        os.utime(file, (long_ago, long_ago))
    kept += [a_file(data / "audio" / "stp_1-0-ef.mp3"), data / "fermata.db"]
    found = await purging.find(Wanted(None, audio=False, caches=True))
    assert sorted(found.caches.paths) == sorted([*caches, lost])
    await purging.carry_out(found, audio=False)
    assert not any(file.exists() for file in (*caches, lost))
    assert all(file.is_file() for file in kept)


async def test_what_belongs_to_another_stays(purging: Purging) -> None:
    """Their working files, and the sources of what they have going, whoever asks for the caches to go."""
    data = purging.settings.data_dir
    theirs = await created(purging.store, now=purging.clock.now(), principal="somebody else")
    kept = [
        a_file(data / "audio" / f"{theirs.id}-source.mp3"),
        a_file(data / "audio" / f"{theirs.steps[0].id}-0-a.mp3"),
    ]
    for file in kept:
        old = time.time() - 2 * 86_400
        os.utime(file, (old, old))
    found = await purging.find(Wanted(60, audio=True, caches=True))
    await purging.carry_out(found, audio=True)
    assert all(file.is_file() for file in kept)
    assert await purging.store.get(theirs.id) is not None
