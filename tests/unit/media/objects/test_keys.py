from __future__ import annotations

from pathlib import Path

import pytest

from fermata_mcp.media.objects.keys import content_of, key_in, key_of, name_of_key, safe_name

SHA = "ab" * 32


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("song.flac", "song.flac"),
        ("Привет — до.mp3", "Привет — до.mp3"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "track"),
        ("", "track"),
        ("/", "track"),
        (".bashrc", "track.bashrc"),
        ("a\x00b\nc.wav", "a b c.wav"),
        ("what?#%[1].ogg", "what____1_.ogg"),
        ("x" * 500 + ".flac", "x" * 100 + ".flac"),
        ("é" * 300 + ".m4a", "é" * 50 + ".m4a"),
        ("name.with.a-very-long-ending", "name.with.a-very-long-ending"),
        ("caf\udce9.wav", "café.wav"),
    ],
)
def test_a_name_is_one_that_keys_and_links_can_carry(given: str, kept: str) -> None:
    assert safe_name(given) == kept
    key = key_of(SHA, given)
    assert key_in(Path("/any/where") / key) == key
    assert (content_of(key), name_of_key(key)) == (SHA, kept)


def test_no_key_is_given_twice() -> None:
    assert key_of(SHA, "a.wav") != key_of(SHA, "a.wav")


@pytest.mark.parametrize(
    "path",
    ["/music/a.wav", "", f"objects/{SHA}/a.wav", f"objects/{SHA}/0123456789abcdef/..", f"x/{SHA}/0123456789abcdef/a"],
)
def test_other_paths_hold_none(path: str) -> None:
    assert key_in(path) is None
