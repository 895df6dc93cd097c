"""Whether a file holds all that its container promises, told from headers alone."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import soundfile

from fermata_mcp.media.formats.containers import is_all_there
from support.processes import write_music


@pytest.mark.parametrize("kind", ["wav", "ogg", "flac", "mp3"])
def test_whole_files_are_whole(kind: str, tmp_path: Path) -> None:
    assert is_all_there(write_music(tmp_path / f"a.{kind}", 1))


@pytest.mark.parametrize(("kind", "is_told"), [("wav", True), ("ogg", True), ("flac", False), ("mp3", False)])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_what_is_cut_is_told_where_the_container_counts(kind: str, is_told: bool, share: float, tmp_path: Path) -> None:
    path = write_music(tmp_path / f"a.{kind}", 1)
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    assert is_all_there(path) != is_told


def test_a_length_that_was_never_filled_in_promises_nothing(tmp_path: Path) -> None:
    path = write_music(tmp_path / "a.wav", 1)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    for length in (0, 0xFFFFFFFF):
        data[at : at + 4] = struct.pack("<I", length)
        path.write_bytes(data)
        assert is_all_there(path)
    assert soundfile.info(str(path)).samplerate == 8000


def test_boxes(tmp_path: Path) -> None:
    path, head = tmp_path / "a.m4a", struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0)
    for body, whole in (
        (struct.pack(">I4s", 16, b"mdat") + bytes(8), True),
        (struct.pack(">I4s", 0, b"mdat") + bytes(3), True),
        (struct.pack(">I4sQ", 1, b"mdat", 20) + bytes(4), True),
        (struct.pack(">I4s", 17, b"mdat") + bytes(8), False),
        (struct.pack(">I4s", 7, b"mdat"), False),
        (b"\x00\x00", False),
    ):
        path.write_bytes(head + body)
        assert is_all_there(path) == whole, body
