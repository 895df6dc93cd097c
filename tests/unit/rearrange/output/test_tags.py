"""Tags and cover art survive; the title says that the track is extended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import mutagen
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TIT2, TLEN
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from fermata_mcp.rearrange.output.tags import extended_title
from support.audio_signals import RATE, chord_loop, extend, save

if TYPE_CHECKING:
    from pathlib import Path

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
    assert extended_title(None, None) is None
    assert extended_title("Song", None) == "Song (extended)"
    assert extended_title("Song", "Other") == "Other"
    assert len(extended_title("x" * 400, None) or "") == 200


def test_broken_tags_do_not_cost_the_audio(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.mp3", chord_loop(3)).read_bytes()
    source = tmp_path / "a.mp3"
    source.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x20" + b"TIT2\x00\x00\x00\x7f\x00\x00\xff" + bytes(21) + whole)
    result = extend(source, tmp_path / "b.mp3", 9)
    assert abs(result.facts.duration_seconds - 9) < 0.03
