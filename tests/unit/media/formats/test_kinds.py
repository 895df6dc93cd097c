"""What a file is by its first bytes, and what an address says of it."""

from __future__ import annotations

import pytest

from fermata_mcp.media.formats.kinds import media_type, name_in, sniff, suffix_in, suffix_of

STARTS = {
    b"RIFF\x00\x00\x00\x00WAVEfmt ": ".wav",
    b"RF64\xff\xff\xff\xffWAVE": ".wav",
    b"ID3\x04": ".mp3",
    b"\xff\xfb\x90\x00": ".mp3",
    b"fLaC\x00": ".flac",
    b"OggS\x00": ".ogg",
    b"\x00\x00\x00\x20ftypM4A ": ".m4a",
    b"RIFF\x00\x00\x00\x00AVI ": None,
    b"\xff\xff\xff\xff": None,
    b"\xff\xfb": None,
    b"<html>": None,
    b"": None,
}


@pytest.mark.parametrize(("start", "suffix"), STARTS.items())
def test_the_first_bytes_tell(start: bytes, suffix: str | None) -> None:
    assert sniff(start) == suffix


@pytest.mark.parametrize(
    ("start", "said", "suffix"),
    [
        (b"\x00\x01", "audio/mpeg", ".mp3"),
        (b"fLaC", "audio/mpeg", ".flac"),  # bytes before words
        (b" \n<html>", "audio/mpeg", None),  # a page is none, whatever it is called
        (b'{"error": 1}', "audio/mpeg", None),
        (b"\x00\x01", "text/html", None),
        (b"\x00\x01", None, None),
    ],
)
def test_what_a_server_says_counts_where_bytes_say_nothing(start: bytes, said: str | None, suffix: str | None) -> None:
    assert suffix_of(start, said) == suffix


def test_addresses() -> None:
    assert suffix_in("https://a.test/x/My%20Song.MP3?a=b.wav") == ".mp3"
    assert suffix_in("https://a.test/x/song.notasuffix") == ""
    assert name_in("https://a.test/x/My%20Song.mp3") == "My Song"
    assert name_in("https://a.test/") == "a.test"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.wav", "audio/wav"),
        ("A.WAV", "audio/wav"),
        ("a.flac", "audio/flac"),
        ("a.ogg", "audio/ogg"),
        ("a.opus", "audio/ogg"),
        ("a.mp3", "audio/mpeg"),
        ("a.m4a", "audio/mp4"),
        ("a.aiff", "audio/aiff"),
        ("a.b.aif", "audio/aiff"),
        ("a", "application/octet-stream"),
        ("wav", "application/octet-stream"),
    ],
)
def test_hosts_are_told_what_a_file_holds(name: str, kind: str) -> None:
    assert media_type(name) == kind
