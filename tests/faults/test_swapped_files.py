"""What was checked is what is used: files that are swapped in between are refused, and nothing else is handed out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fermata_mcp.domain.errors import FermataError, FileNotAllowed, NotFound, TooLarge
from fermata_mcp.domain.task import Task
from fermata_mcp.engine.lifespan import running_engine
from fermata_mcp.engine.service import Service
from fermata_mcp.media.files import Shelf, check_seal, seal_of, sealed_bytes
from fermata_mcp.providers.http.outgoing import content
from fermata_mcp.providers.http.wire import Call
from fermata_mcp.providers.local import provider as local
from fermata_mcp.rearrange.job import Job
from fermata_mcp.rearrange.lengthen import lengthen
from support.asked import begin, extend
from support.engines import House, finished, settings_in
from support.mutants import whole

pytestmark = pytest.mark.anyio
SECRET = b"the secret"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (path := tmp_path / "song.wav").write_bytes(whole("wav", 4))
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (path := tmp_path / "secret.wav").write_bytes(whole("wav", 4) + SECRET)
    return path


def replaced_by_a_link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def replaced_by_a_copy(path: Path, other: Path) -> None:
    shutil.copyfile(other, fresh := path.with_name("fresh"))
    fresh.replace(path)


def written_over(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def taken_away(path: Path, _: Path) -> None:
    path.unlink()


SWAPS = pytest.mark.parametrize("swap", [replaced_by_a_link, replaced_by_a_copy, written_over, taken_away])


@SWAPS
def test_a_seal_holds_for_one_file_with_one_content(song: Path, secret: Path, swap: Any) -> None:
    seal = seal_of(song)
    check_seal(song, seal)
    assert sealed_bytes(song, seal) == song.read_bytes()
    swap(song, secret)
    with pytest.raises(FermataError):
        check_seal(song, seal)
    with pytest.raises((FermataError, FileNotFoundError)):
        sealed_bytes(song, seal)


@SWAPS
async def test_a_swapped_source_is_not_uploaded(song: Path, secret: Path, swap: Any) -> None:
    call = Call("POST", "/upload", file=song, seal=seal_of(song))
    body, _ = await content(call)
    assert body["files"]["file"][1] == whole("wav", 4)
    swap(song, secret)
    with pytest.raises(FermataError, match="file"):
        await content(call)


@SWAPS
def test_a_swapped_source_is_not_lengthened(song: Path, secret: Path, tmp_path: Path, swap: Any) -> None:
    job = Job(song, tmp_path / "longer.wav", 6, seal=seal_of(song))
    swap(song, secret)
    with pytest.raises(FermataError):
        lengthen(job, _unheard)
    assert not job.target.exists()


def _unheard(share: float, message: str) -> None:
    """Nobody listens to how far it is."""


def test_a_source_swapped_during_the_work_gives_no_result(song: Path, secret: Path, tmp_path: Path) -> None:
    job = Job(song, tmp_path / "longer.wav", 6, seal=seal_of(song))

    def swap(_: float, message: str) -> None:
        if message == "listening" and not song.is_symlink():
            replaced_by_a_link(song, secret)

    with pytest.raises(FileNotAllowed, match="checked"):
        lengthen(job, swap)
    assert not job.target.exists()


async def lengthened(service: Service, source: Path) -> Task:
    started = await begin(service, extend(source=str(source), provider="local", add_seconds=2))
    return await finished(service, started.task, 60)


async def test_a_source_swapped_before_the_worker_begins_is_refused_in_words(
    song: Path, secret: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = local._begin  # pyright: ignore[reportPrivateUsage]

    def swap_first(job: Any) -> None:
        replaced_by_a_link(song, secret)
        begin(job)

    monkeypatch.setattr(local, "_begin", swap_first)
    async with house.engine() as service:
        task = await lengthened(service, song)
    assert task.status == "failed"
    assert task.error is not None
    assert task.error.code == "file_not_allowed"


async def test_a_result_that_became_a_link_is_not_handed_out(song: Path, secret: Path, house: House) -> None:
    async with house.server() as client:
        said = await client.call_tool(
            "extend_track", {"source": str(song), "provider": "local", "add_seconds": 2, "wait_seconds": 60}
        )
        view = said.structured_content
        assert view is not None
        address = f"fermata://tasks/{view['task_id']}/audio/0"
        saved = Path(view["audio"]["file"])
        honest: Any = (await client.read_resource(address)).contents[0]
        assert honest.blob
        replaced_by_a_link(saved, secret)
        with pytest.raises(Exception, match="not the file that was saved"):
            await client.read_resource(address)
        again = await client.call_tool("extend_track", {"source": view["task_id"], "provider": "local"})
        assert again.is_error


class TestShelf:
    """Which saved files may be read."""

    def test_its_own_folders_and_what_callers_may_read(self, tmp_path: Path) -> None:
        out, data, music, private = (tmp_path / name for name in ("out", "data", "music", "private"))
        for folder in (out, data, music, private):
            folder.mkdir()
            (folder / "a.wav").write_bytes(SECRET)
        closed = Shelf((out, data), ())
        assert closed.saved(str(out / "a.wav")) == out / "a.wav"
        assert closed.saved(str(data / "a.wav")) == data / "a.wav"
        for shelf in (closed, Shelf((out, data), (music,))):
            with pytest.raises(FileNotAllowed):
                shelf.saved(str(private / "a.wav"))
        assert Shelf((out, data), (music,)).saved(str(music / "a.wav")) == music / "a.wav"
        assert Shelf((out, data), None).saved(str(private / "a.wav")) == private / "a.wav"

    def test_a_folder_that_became_a_link(self, tmp_path: Path) -> None:
        out, private = tmp_path / "out", tmp_path / "private"
        private.mkdir()
        (private / "a.wav").write_bytes(SECRET)
        out.mkdir()
        (out / "chain").symlink_to(private)
        for roots in ((), None):
            with pytest.raises(FileNotAllowed):
                Shelf((out,), roots).saved(str(out / "chain" / "a.wav"))

    def test_an_output_folder_behind_a_link_is_still_ours(self, tmp_path: Path) -> None:
        (real := tmp_path / "disk").mkdir()
        (real / "a.wav").write_bytes(SECRET)
        (out := tmp_path / "out").symlink_to(real)
        assert Shelf((out,), ()).saved(str(out / "a.wav")).read_bytes() == SECRET

    def test_nothing_and_what_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder.wav").mkdir()
        shelf = Shelf((tmp_path,), None)
        with pytest.raises(NotFound):
            shelf.saved(str(tmp_path / "nothing.wav"))
        with pytest.raises(FileNotAllowed):
            shelf.saved(str(tmp_path / "folder.wav"))
        (tmp_path / "large.wav").write_bytes(SECRET)
        with pytest.raises(TooLarge):
            sealed_bytes(tmp_path / "large.wav", most=3)


async def test_the_audio_of_a_task_goes_through_the_same_gate(song: Path, house: House) -> None:
    """Saved in a folder that was ours once, and is not any more."""
    async with house.engine() as service:
        task = await lengthened(service, song)
    assert task.audio is not None
    moved = settings_in(house.folder, output_dir=house.folder / "elsewhere")
    async with running_engine(moved, house.store(), input_roots=(house.folder / "music",)) as service:
        with pytest.raises(FileNotAllowed):
            await lengthened(service, Path(task.id))
    async with house.engine() as service:
        assert (await lengthened(service, Path(task.id))).status == "succeeded"
