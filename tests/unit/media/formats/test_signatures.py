"""What a file is called by its bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.media.formats.signatures import in_words, signature_in, signature_of
from support.encoded import RECIPES, encoded, music

WORDS = {
    "aac in m4a": "AAC in MP4", "alac of 16 bits": "Apple Lossless in MP4", "opus in webm": "Opus in WebM",
    "opus in mka": "Opus in Matroska", "flac in ogg": "FLAC in Ogg", "flac of 32 bits": "32-bit in FLAC",
    "wma": "WMA (ASF)", "aac in adts": "AAC (ADTS)", "mp3 in wav": "MP3 in WAV", "alac in caf": "Apple Lossless in CAF",
    "wavpack": "WavPack", "true audio": "True Audio", "a film in mov": "Apple Lossless in MP4",
}  # fmt: skip
NONE = (
    b"", b"\0" * 64, b"hello, this is text", b"The free one is text", b"#!AMR stands here", b"MAC addresses",
    b"MP+ is a sign", b"DSD is a word", b"{\"a\": 1}", b"<html><body>", b"\x89PNG\r\n\x1a\n" + bytes(30),
    b"PK\x03\x04" + bytes(30), b"%PDF-1.7", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"GIF89a" + bytes(30),
    b"MZ\x90" + bytes(64),
    b"RIFF\0\0\0\0WEBPVP8 ", b"\x7fELF" + bytes(60), b"SQLite format 3\0",
)  # fmt: skip


@pytest.mark.parametrize("kind", WORDS)
def test_it_is_named_in_words(kind: str, tmp_path: Path) -> None:
    recipe = RECIPES[kind]
    path = encoded(tmp_path / "song", recipe, music(0.2, recipe.rate))
    found = signature_in(path)
    assert found is not None
    assert in_words(path, found) == WORDS[kind]


@pytest.mark.parametrize("kind", ["flac of 32 bits", "aac in adts"])
def test_a_tag_in_front_is_passed_over(kind: str, tmp_path: Path) -> None:
    path = encoded(tmp_path / "song", RECIPES[kind], music(0.2))
    plain = signature_in(path)
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x02\x01" + bytes(257) + path.read_bytes())
    assert signature_in(path) == plain


@pytest.mark.parametrize("start", NONE)
def test_what_is_no_audio_has_none(start: bytes) -> None:
    assert signature_of(start) is None


def test_a_file_that_is_gone_has_none(tmp_path: Path) -> None:
    assert signature_in(tmp_path / "gone") is None
