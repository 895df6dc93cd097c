"""How long the music in an MP4 file is, by its edits or by a note of iTunes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.mp4 import MP4

from fermata_mcp.media.audio import probe
from fermata_mcp.media.formats.mp4 import movie_sound
from support.encoded import RATE, RECIPES, encoded, music


def song(folder: Path, kind: str = "aac in m4a") -> Path:
    return encoded(folder / "song.m4a", RECIPES[kind], music())


@pytest.mark.parametrize(
    ("kind", "codec", "picture"),
    [("aac in m4a", "mp4a", False), ("alac of 24 bits", "alac", False), ("a film in mp4", "mp4a", True)],
)
def test_what_it_holds(kind: str, codec: str, picture: bool, tmp_path: Path) -> None:
    found = movie_sound(song(tmp_path, kind))
    assert found is not None
    assert (found.codec, found.picture) == (codec, picture)
    assert found.seconds is not None
    assert round(found.seconds * RATE) == len(music())


def test_a_note_of_itunes_counts(tmp_path: Path) -> None:
    """Files of iTunes have no edits, and say in a tag what is music."""
    path, frames = song(tmp_path), len(music())
    path.write_bytes(path.read_bytes().replace(b"edts", b"free"))
    assert probe(path).frames == frames + 1024
    tagged: Any = MP4(str(path))
    if tagged.tags is None:
        tagged.add_tags()
    note = f" 00000000 00000400 {-frames % 1024:08X} {frames:016X}" + " 00000000" * 8
    tagged["----:com.apple.iTunes:iTunSMPB"] = note.encode()
    tagged.save()
    found = movie_sound(path)
    assert found is not None
    assert found.seconds is not None
    assert round(found.seconds * RATE) == frames
    assert probe(path).frames == frames


@given(st.binary(max_size=200), st.integers(0, 199))
def test_any_bytes_can_be_looked_at(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    folder = tmp_path_factory.mktemp("junk")
    data = bytearray(
        b"\0\0\0\x14ftypM4A \0\0\0\0M4A \0\0\0\xa0moov\0\0\0\x50trak\0\0\0\x30mdia\0\0\0\x20mdhd" + bytes(99)
    )
    data[at : at + len(junk)] = junk
    (path := folder / "a.m4a").write_bytes(data)
    movie_sound(path)


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\0\0\0\x08moov", b"\0\0\0\x01moov", b"\xff" * 64])
def test_what_has_no_sound_has_none(data: bytes, tmp_path: Path) -> None:
    (path := tmp_path / "a.m4a").write_bytes(data)
    assert movie_sound(path) is None
