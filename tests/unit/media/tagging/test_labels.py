"""Tags and cover art survive; what is saved says where it comes from, in a file that replaces the old one whole."""

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
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TIT2, TLEN
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from fermata_mcp.media.tagging.labels import label
from fermata_mcp.media.tagging.model import title_of_result
from support.audio_signals import RATE, chord_loop, extend, save

pytestmark = pytest.mark.usefixtures("brief_search")

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2000)


def _tags(path: Path) -> Any:
    file = cast("Any", mutagen).File(path)
    assert file is not None
    return file.tags


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_vorbis_comments(tmp_path: Path, suffix: str) -> None:
    source = save(tmp_path / f"a.{suffix}", chord_loop(3))
    file = cast("Any", mutagen).File(source)
    file["title"], file["artist"], file["odd-key"] = "Song", ["One", "Two"], "ü"
    file.save()
    extend(source, tmp_path / f"b.{suffix}", 9)
    tags = _tags(tmp_path / f"b.{suffix}")
    assert tags["title"] == ["Song (extended)"]
    assert tags["artist"] == ["One", "Two"]
    assert tags["odd-key"] == ["ü"]


def test_flac_cover(tmp_path: Path) -> None:
    source = save(tmp_path / "a.flac", chord_loop(3))
    file = cast("Any", FLAC(source))
    picture = cast("Any", Picture())
    picture.data, picture.mime, picture.type = PICTURE, "image/png", 3
    file.add_picture(picture)
    file.save()
    extend(source, tmp_path / "b.flac", 9)
    assert [p.data for p in cast("Any", FLAC(tmp_path / "b.flac")).pictures] == [PICTURE]


@pytest.mark.parametrize(("suffix", "kind"), [("mp3", MP3), ("wav", WAVE)])
def test_id3_with_cover(tmp_path: Path, suffix: str, kind: type[MP3] | type[WAVE]) -> None:
    source = save(tmp_path / f"a.{suffix}", chord_loop(3))
    file = cast("Any", kind(source))
    file.add_tags()
    for frame in (TIT2(text=["Song"]), TALB(text=["Album"]), TLEN(text=["6000"]), APIC(data=PICTURE, mime="image/png")):
        file.tags.add(frame)
    file.save()
    result = extend(source, tmp_path / f"b.{suffix}", 9)
    tags = _tags(tmp_path / f"b.{suffix}")
    assert tags["TIT2"].text == ["Song (extended)"]
    assert tags["TALB"].text == ["Album"]
    assert tags.getall("APIC")[0].data == PICTURE
    assert "TLEN" not in tags
    assert abs(result.facts.frames - 9 * RATE) <= 0.03 * RATE


def test_wav_text_fields(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    with soundfile.SoundFile(str(source), "w", RATE, 1) as file:
        file.title, file.artist = "Song", "Somebody"
        file.write(chord_loop(3))
    extend(source, tmp_path / "b.wav", 9)
    with soundfile.SoundFile(str(tmp_path / "b.wav")) as file:
        assert (file.title, file.artist, file.frames) == ("Song (extended)", "Somebody", 9 * RATE)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_wanted_title_replaces_the_old(tmp_path: Path, suffix: str) -> None:
    source = save(tmp_path / f"a.{suffix}", chord_loop(3))
    extend(source, tmp_path / f"b.{suffix}", 9, title="New\x00 one\n\x1b[31m" + "x" * 300)
    tags = _tags(tmp_path / f"b.{suffix}")
    title = str(tags["TIT2"].text[0] if "TIT2" in tags else tags["title"][0])
    assert title.startswith("New")
    assert title.isprintable()
    assert len(title) <= 200


def test_no_title_is_invented() -> None:
    assert title_of_result(None, None) is None
    assert title_of_result("Song", None) == "Song (extended)"
    assert title_of_result("Song", "Other") == "Other"
    assert title_of_result("Song (extended)", None) == "Song (extended)"
    assert title_of_result("Song (extended)", None, shorter=True) == "Song (shortened)"
    assert len(title_of_result("x" * 400, None) or "") == 200


def test_broken_tags_do_not_cost_the_audio(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.mp3", chord_loop(3)).read_bytes()
    source = tmp_path / "a.mp3"
    source.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x20" + b"TIT2\x00\x00\x00\x7f\x00\x00\xff" + bytes(21) + whole)
    result = extend(source, tmp_path / "b.mp3", 9)
    assert abs(result.facts.duration_seconds - 9) < 0.03


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
@pytest.mark.parametrize("title", ["Dämmerung", None])
def test_saved_audio_is_labelled(tmp_path: Path, suffix: str, title: str | None) -> None:
    """And what it said before stays."""
    path = save(tmp_path / f"a.{suffix}", chord_loop(1))
    easy = cast("Any", mutagen).File(path, easy=True)
    if easy.tags is None:
        easy.add_tags()
    easy["title"], easy["artist"] = "Old", "Somebody"
    easy.save()
    label(path, title, "Fermata")
    tags = cast("Any", mutagen).File(path, easy=True).tags
    assert (tags["title"], tags["artist"], tags["encodedby"]) == ([title or "Old"], ["Somebody"], ["Fermata"])


@pytest.mark.parametrize(
    "content", [b"", b"words" * 100, b"ID3\x04\x00\x00\x00\x00\x7f\x7f" + bytes(50), b"fLaC" + bytes(60)]
)
def test_what_cannot_be_labelled_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    label(path, "Title", "Fermata")
    assert path.read_bytes() == content


KINDS = ("flac", "ogg", "mp3")
DIES = """
import os, signal, sys
from pathlib import Path
import mutagen
from fermata_mcp.media.tagging.labels import label
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
