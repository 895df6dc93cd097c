"""Which format a result has: its source's, where that can be written exactly, or the one that was asked for."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest

from fermata_mcp.media.codecs.targets import ENDINGS, FORMS, kept, most_channels, target, writable
from fermata_mcp.media.facts import AudioFacts

Given = dict[str, Any]


def facts(container: str, subtype: str, suffix: str, rate: int = 44_100, **more: Any) -> AudioFacts:
    given: Given = {"kind": None, "picture": False} | more
    return AudioFacts(1.0, rate, rate, 2, container, subtype, suffix, **given)


FOREIGN: Given = {"kind": "float32"}
SAME: list[tuple[str, str, str, Given]] = [
    ("WAV", "PCM_16", ".wav", {}), ("WAVEX", "PCM_24", ".wav", {}), ("FLAC", "PCM_24", ".flac", {}),
    ("OGG", "VORBIS", ".ogg", {}), ("OGG", "OPUS", ".opus", {}), ("OGG", "OPUS", ".ogg", {}),
    ("MP3", "MPEG_LAYER_III", ".mp3", {}), ("AIFF", "PCM_16", ".aif", {}), ("CAF", "ALAC_16", ".caf", {}),
    ("VOC", "PCM_U8", ".voc", {}), ("M4A", "AAC", ".m4a", FOREIGN), ("M4A", "AAC", ".m4b", FOREIGN),
    ("M4A", "ALAC_24", ".m4a", FOREIGN), ("MATROSKA", "OPUS", ".webm", FOREIGN), ("OGG", "PCM_16", ".oga", FOREIGN),
    ("FLAC", "PCM_32", ".flac", FOREIGN),
]  # fmt: skip
OTHERS: list[tuple[str, str, str, Given, str, str]] = [
    ("ASF", "WMAV2", ".wma", FOREIGN, ".m4a", "exact"), ("AAC", "AAC", ".aac", FOREIGN, ".m4a", "exact"),
    ("AMR", "AMR_NB", ".amr", FOREIGN, ".m4a", "exact"), ("MATROSKA", "OPUS", ".mka", FOREIGN, ".opus", "exact"),
    ("MATROSKA", "VORBIS", ".webm", FOREIGN, ".ogg", "exact"), ("APE", "PCM_16", ".ape", FOREIGN, ".flac", "exact"),
    ("WV", "FLOAT", ".wv", FOREIGN, ".wav", "exact"), ("M4A", "ALAC_32", ".m4a", FOREIGN, ".wav", "exact"),
    ("M4A", "AAC", ".mp4", FOREIGN | {"picture": True}, ".m4a", "picture"),
    ("MATROSKA", "OPUS", ".webm", FOREIGN | {"picture": True}, ".opus", "picture"),
    ("AVI", "MPEG_LAYER_III", ".avi", FOREIGN | {"picture": True}, ".mp3", "picture"),
    ("FLAC", "PCM_16", ".mp3", {}, ".flac", "called .mp3"), ("M4A", "AAC", ".wav", FOREIGN, ".m4a", "called .wav"),
    ("MP3", "MPEG_LAYER_III", ".wav", {}, ".mp3", "called .wav"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "subtype", "suffix", "more"), SAME)
def test_a_result_is_what_its_source_is(container: str, subtype: str, suffix: str, more: Given) -> None:
    found = kept(facts(container, subtype, suffix, **more))
    assert (found.ending, found.subtype, found.same, found.warning) == (suffix, subtype, True, None)


@pytest.mark.parametrize(("container", "subtype", "suffix", "more", "ending", "said"), OTHERS)
def test_or_it_is_said_why_it_is_not(
    container: str, subtype: str, suffix: str, more: Given, ending: str, said: str
) -> None:
    found = kept(facts(container, subtype, suffix, **more))
    assert found.ending == ending
    assert said in (found.warning or "")
    assert ending in (found.warning or "")


@pytest.mark.parametrize("suffix", ["", ".bin", ".song"])
def test_a_name_that_says_nothing_is_given_its_ending_in_silence(suffix: str) -> None:
    found = kept(facts("WAV", "PCM_16", suffix))
    assert (found.ending, found.warning) == (".wav", None)


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize(("container", "subtype", "suffix", "more"), SAME)
def test_an_ending_that_was_asked_for_is_what_is_written(
    container: str, subtype: str, suffix: str, more: Given, ending: str
) -> None:
    found = target(facts(container, subtype, suffix, **more), ending)
    assert found is not None
    assert found.ending == ending or found.same
    assert found.warning is None


@pytest.mark.parametrize("ending", sorted(ENDINGS - set(FORMS)))
def test_one_that_cannot_be_written_is_none(ending: str) -> None:
    given = facts("VOC", "PCM_U8", ".voc")
    assert target(given, ending) is None


@pytest.mark.parametrize(
    ("subtype", "ending", "expected"),
    [
        ("VORBIS", ".wav", "PCM_24"), ("PCM_16", ".flac", "PCM_16"), ("ALAC_16", ".wav", "PCM_16"),
        ("ALAC_20", ".flac", "PCM_24"), ("FLOAT", ".flac", "PCM_24"), ("FLOAT", ".wav", "FLOAT"),
        ("PCM_32", ".wav", "PCM_32"), ("ULAW", ".flac", "PCM_16"), ("PCM_U8", ".aiff", "PCM_16"),
    ],
)  # fmt: skip
def test_nothing_is_lost_where_it_can_be_held(subtype: str, ending: str, expected: str) -> None:
    found = target(facts("OTHER", subtype, ".x", kind="int32"), ending)
    assert found is not None
    assert found.subtype == expected


@pytest.mark.parametrize(
    ("rate", "ending", "expected"),
    [(44_100, ".opus", 48_000), (44_100, ".mp3", 44_100), (96_000, ".mp3", 48_000), (192_000, ".m4a", 48_000),
     (96_000, ".flac", 96_000), (16_000, ".webm", 16_000), (22_255, ".m4a", 24_000)],
)  # fmt: skip
def test_rates_that_a_format_has_not_become_those_that_it_has(rate: int, ending: str, expected: int) -> None:
    found = target(facts("WAV", "PCM_16", ".wav", rate), ending)
    assert found is not None
    assert found.rate == expected


def test_what_is_told_of_channels_and_endings() -> None:
    given = facts("WAV", "PCM_16", ".wav")
    assert [most_channels(target(given, ending) or kept(given)) for ending in (".mp3", ".flac", ".wav")] == [2, 8, None]
    assert ".m4a" in writable(with_library=True)
    assert ".m4a" not in writable(with_library=False)
    assert ".wav" in writable(with_library=False)


@pytest.mark.parametrize(
    ("name", "container", "subtype", "ending"),
    [
        ("a.wav", "WAV", "PCM_16", ".wav"), ("a.WAVE", "WAVEX", "PCM_16", ".wave"),
        ("a.mp3", "FLAC", "PCM_16", ".flac"),
        ("3f1c9e", "WAV", "PCM_16", ".wav"), ("a.ogg", "OGG", "OPUS", ".ogg"), ("a.mp3", "OGG", "OPUS", ".opus"),
        ("a.opus", "OGG", "VORBIS", ".ogg"), ("a.aif", "AIFF", "PCM_16", ".aif"), ("a.xyz", "SVX", "PCM_S8", ".xyz"),
        ("a.mp2", "MP3", "MPEG_LAYER_II", ".mp3"), ("song v1.2", "FLAC", "PCM_24", ".flac"),
    ],
)  # fmt: skip
def test_the_ending_follows_the_content(name: str, container: str, subtype: str, ending: str) -> None:
    assert kept(facts(container, subtype, PurePath(name).suffix.lower())).ending == ending
