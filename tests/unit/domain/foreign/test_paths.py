"""Paths as text: stored, sent and shown, also where a name is no UTF-8."""

from __future__ import annotations

import pytest

from fermata_mcp.domain.foreign.paths import of_address, read, shown, written

ODD = "/music/\udcff song.wav"


@pytest.mark.parametrize("path", ["/music/a.wav", "/music/a %41 b.wav", "/müsic/♫.wav", ODD, ""])
def test_what_is_written_is_read_again(path: str) -> None:
    assert read(written(path)) == path
    written(path).encode()


def test_only_what_is_no_text_becomes_an_address() -> None:
    assert written("/music/a b.wav") == "/music/a b.wav"
    assert written(ODD) == "file:///music/%FF%20song.wav"
    assert of_address("/music/%FF%20song.wav") == ODD


def test_it_is_shown_as_words() -> None:
    assert shown(ODD) == "/music/\\udcff song.wav"
