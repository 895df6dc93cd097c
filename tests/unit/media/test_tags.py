"""Tags are written into a file that replaces the old one whole."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mutagen
import numpy as np
import pytest
import soundfile

from fermata_mcp.media.tags import label

KINDS = ("flac", "ogg", "mp3")
DIES = """
import os, signal, sys
from pathlib import Path
import mutagen
from fermata_mcp.media.tags import label
def save(tags, name=None, *rest, **more):
    with open(name or tags.filename, "r+b") as file:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
kind = type(mutagen.File(sys.argv[1], easy=True))
kind.save = save
label(Path(sys.argv[1]), "Title", "Origin")
"""


@pytest.fixture(params=KINDS)
def song(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"song.{request.param}"
    write: Any = soundfile.write  # pyright: ignore[reportUnknownMemberType]
    write(path, np.random.default_rng(1).normal(0, 0.1, 22050), 22050)
    return path


def opened(path: Path) -> Any:
    return cast("Any", mutagen).File(path, easy=True)


def tags_of(path: Path) -> Any:
    return opened(path).tags


def test_the_old_file_is_replaced_and_not_written_to(song: Path) -> None:
    before, twin = song.read_bytes(), song.with_name("twin")
    twin.hardlink_to(song)
    label(song, "Title", "Origin")
    assert twin.read_bytes() == before
    assert "Title" in str(tags_of(song))
    assert soundfile.info(song).frames >= 22050
    assert sorted(song.parent.iterdir()) == sorted([song, twin])


def broken(error: OSError) -> Callable[..., None]:
    def save(tags: Any, name: str | None = None, *rest: Any, **more: Any) -> None:
        with Path(name or tags.filename).open("r+b") as file:
            file.write(b"half")
        raise error

    return save


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_full_disk_leaves_the_file_as_it_was(song: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = song.read_bytes()
    kind = cast("Any", type(cast("object", opened(song))))
    monkeypatch.setattr(kind, "save", broken(OSError(number, os.strerror(number))))
    label(song, "Title", "Origin")
    assert song.read_bytes() == before
    assert list(song.parent.iterdir()) == [song]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_leaves_the_file_as_it_was(song: Path) -> None:
    before = song.read_bytes()
    done = subprocess.run([sys.executable, "-c", DIES, str(song)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert song.read_bytes() == before
