"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.media import atomic
from fermata_mcp.media.atomic import sweep, whole_file

HOUR_AGO = 3600


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_it_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    with whole_file(target) as part:
        part.write_bytes(b"new")
        assert not target.exists()
        assert part.parent == tmp_path
    assert (names(tmp_path), target.read_bytes()) == (["song.wav"], b"new")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_what_was_there_stays_when_the_writing_fails(error: type[BaseException], tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    target.write_bytes(b"old")

    def write() -> None:
        with whole_file(target) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert (names(tmp_path), target.read_bytes()) == (["song.wav"], b"old")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644), (0o027, 0o640)])
def test_the_mode_follows_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "song.wav") as part:
            part.write_bytes(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "song.wav").stat().st_mode) == mode


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_was_taken_meanwhile(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the file system has no links."""
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    target = tmp_path / "song.wav"
    with whole_file(target, replace=False) as part:
        part.write_bytes(b"first")

    def take() -> None:
        with whole_file(target, replace=False) as part:
            part.write_bytes(b"second")

    with pytest.raises(FileExistsError):
        take()
    assert (names(tmp_path), target.read_bytes()) == (["song.wav"], b"first")


def _no_links(self: Path, target: Path) -> None:
    raise PermissionError(1, "Operation not permitted")


FILLED = """
import resource, sys
from pathlib import Path
from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.media.atomic import whole_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with whole_file(Path(sys.argv[1])) as part:
        part.write_bytes(bytes(2000))
except StoreUnavailable as error:
    print(error)
"""


def test_a_full_disk_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLED, tmp_path / "song.wav"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"store_unavailable: there is no room left in {tmp_path}. Next: free some space")
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be written"), whole_file(tmp_path / "gone" / "song.wav"):
        pytest.fail("nothing can be written")


def test_folders_that_cannot_be_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows opens no folders; the file is whole all the same."""
    opened = os.open

    def no_folders(path: Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", no_folders)
    with whole_file(tmp_path / "song.wav") as part:
        part.write_bytes(b"new")
    assert names(tmp_path) == ["song.wav"]


# --- what the dead left -----------------------------------------------------------------------------------------------


def left_by(folder: Path, process: int | str, seconds_ago: float = HOUR_AGO) -> Path:
    part = folder / f".fermata-{process}-0123abcd.part"
    part.write_bytes(b"half")
    then = part.stat().st_mtime - seconds_ago
    os.utime(part, (then, then))
    return part


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_the_dead_left_goes(tmp_path: Path, dead: int) -> None:
    left_by(tmp_path, dead)
    kept = [left_by(tmp_path, os.getpid()), left_by(tmp_path, "x"), left_by(tmp_path, 10**30)]
    sweep(tmp_path)
    assert names(tmp_path) == sorted(part.name for part in kept)


def test_a_fresh_part_of_an_unknown_process_may_be_written_beyond_a_wall(tmp_path: Path, dead: int) -> None:
    part = left_by(tmp_path, dead, seconds_ago=0)
    sweep(tmp_path)
    assert part.exists()
    sweep(tmp_path, ended=dead)
    assert not part.exists()


def test_where_nobody_can_tell_who_lives_a_day_must_pass(
    tmp_path: Path, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, asking with os.kill would end the process."""
    monkeypatch.setattr(atomic.sys, "platform", "win32")
    monkeypatch.delattr(os, "kill")
    left_by(tmp_path, dead, seconds_ago=2 * 86_400)
    kept = left_by(tmp_path, os.getpid())
    sweep(tmp_path)
    assert names(tmp_path) == [kept.name]
