"""One string becomes a source, or a refusal that says what to give instead."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fermata_mcp.domain.errors import FermataError, InvalidRequest
from fermata_mcp.domain.source import (
    KIND_WORDS,
    MAX_LENGTH,
    ClipSource,
    FileSource,
    Source,
    TaskSource,
    UrlSource,
    parse_source,
)

TASK_ID = "tsk_" + "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("/music/song.flac", FileSource("/music/song.flac")),
        ("  /music/song.flac\n", FileSource("/music/song.flac")),
        ("~/song.mp3", FileSource("~/song.mp3")),
        ("song.wav", FileSource("song.wav")),
        ("C:\\Music\\song.wav", FileSource("C:\\Music\\song.wav")),
        ("/music/Тема № 1 🎵.ogg", FileSource("/music/Тема № 1 🎵.ogg")),
        ("/music/a%20b.wav", FileSource("/music/a%20b.wav")),
        ("file:///music/a%20b.wav", FileSource("/music/a b.wav")),
        ("FILE:///music/a.wav", FileSource("/music/a.wav")),
        ("file://localhost/music/a.wav", FileSource("/music/a.wav")),
        ("https://example.com/a.mp3?x=1#t", UrlSource("https://example.com/a.mp3?x=1#t")),
        ("HTTPS://example.com/a.mp3", UrlSource("HTTPS://example.com/a.mp3")),
        ("http://example.com/a.mp3", UrlSource("http://example.com/a.mp3")),
        (TASK_ID, TaskSource(TASK_ID)),
        (f"{TASK_ID}/0", TaskSource(TASK_ID, 0)),
        (f"{TASK_ID}/12", TaskSource(TASK_ID, 12)),
        ("clip:abc-123", ClipSource("abc-123")),
        ("clip:origin_task/1", ClipSource("origin_task/1")),
        ("clip: abc ", ClipSource("abc")),
    ],
)
def test_every_form_of_the_contract(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * (MAX_LENGTH + 1),
        "/music/a\x00.wav",
        "/music/a\nb.wav",
        "/music/\x1b[31mred.wav",
        "tsk_",
        "tsk_123",
        TASK_ID.upper().replace("TSK", "tsk"),
        f"{TASK_ID}/-1",
        f"{TASK_ID}/9999",
        f"{TASK_ID}/1/2",
        "clip:",
        "clip:   ",
        "https://",
        "https:///a.mp3",
        "file://elsewhere/music/a.wav",
        "ftp://example.com/a.mp3",
        "spotify://track/1",
    ],
)
def test_what_is_no_source_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_source(text)
    assert refused.value.hint.endswith(".")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("text", ["https://[", "http://[::1/a.mp3", "https://ex\u2100mple.com/a.mp3", "file://[/a.wav"])
def test_addresses_that_cannot_be_taken_apart_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_source(text)


@pytest.mark.parametrize("text", ["file:///music/a%00.wav", "file:///music/a%0Ab.wav", "file:///music/%1b[31m.wav"])
def test_control_characters_cannot_hide_behind_percent_signs(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_source(text)


def parsed_or_refused(text: str) -> Source | FermataError:
    try:
        return parse_source(text)
    except FermataError as error:
        return error


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@example("https://[")
@example("\ud800")
def test_any_text_is_a_source_or_our_own_refusal(text: str) -> None:
    assert type(parsed_or_refused(text)) in {*KIND_WORDS, InvalidRequest}


@given(
    st.sampled_from(["http", "https", "file", "ftp", "clip", "tsk_"]),
    st.sampled_from([":", "://", ":///", ""]),
    st.text(max_size=60),
)
def test_near_misses_of_every_form_are_ours_too(scheme: str, mark: str, rest: str) -> None:
    assert type(parsed_or_refused(scheme + mark + rest)) in {*KIND_WORDS, InvalidRequest}
