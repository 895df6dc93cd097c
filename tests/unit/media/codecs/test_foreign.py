"""What libsndfile does not read is read to the sample, by whichever library is here, and never from anywhere else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from fermata_mcp.domain.errors import NotAudio, TooLarge
from fermata_mcp.media import audio
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.codecs import libraries
from fermata_mcp.media.codecs.program import Ffmpeg
from fermata_mcp.media.codecs.pyav import PyAv
from fermata_mcp.media.codecs.targets import kept
from support.encoded import RECIPES, Recipe, as_samples, encoded, music, needs_ffmpeg, shift, without_any

BOTH = [pytest.param(PyAv, id="pyav"), pytest.param(Ffmpeg, id="ffmpeg", marks=needs_ffmpeg)]
# An ffmpeg of 2023 reads no FLAC of 32 bits.
OLD = {"flac of 32 bits"}


@pytest.fixture(params=BOTH)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[PyAv | Ffmpeg]:
    monkeypatch.setattr("fermata_mcp.media.codecs.foreign.library", request.param)
    monkeypatch.setattr(audio, "_known", type(audio._known)())  # pyright: ignore[reportPrivateUsage]
    return request.param


@pytest.mark.parametrize("kind", RECIPES)
def test_every_kind_is_read_to_the_sample(kind: str, library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    if library is Ffmpeg and kind in OLD:
        pytest.skip("not by every ffmpeg")
    recipe, sound = RECIPES[kind], music(rate=RECIPES[kind].rate)
    path = encoded(tmp_path / f"a{recipe.ending}", recipe, sound)
    facts = probe(path)
    assert (facts.sample_rate, facts.channels, facts.picture) == (recipe.rate, 2, recipe.picture)
    assert facts.lossless is recipe.lossless
    with open_audio(path) as opened:
        data = opened.read(dtype="float32", always_2d=True)
        assert len(data) == opened.frames == facts.frames
        if recipe.lossless:
            opened.seek(0)
            samples = as_samples(recipe, sound)
            assert np.array_equal(opened.read(dtype=samples.dtype.name, always_2d=True), samples)
    if recipe.exact:
        assert facts.frames == len(sound)
        assert shift(data, sound) == 0
    assert abs(facts.frames - len(sound)) <= recipe.extra
    assert kept(facts).ending == recipe.result
    assert kept(facts).same == (recipe.result == recipe.ending and recipe.codec != "libmp3lame")


@pytest.mark.parametrize("kind", ["aac in m4a", "alac of 24 bits", "opus in webm", "wma"])
def test_every_place_is_reached_exactly(kind: str, library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    recipe = RECIPES[kind]
    path = encoded(tmp_path / f"a{recipe.ending}", recipe, music(rate=recipe.rate))
    with open_audio(path) as opened:
        whole = opened.read(dtype="float32", always_2d=True)
        for start in (30_000, 100, 20_001, 20_001, len(whole) - 5, 0):
            assert opened.seek(start) == start
            assert np.array_equal(opened.read(4_097, "float32", True), whole[start : start + 4_097])
        assert len(opened.read(10, "float32", True)) == 10
    with open_audio(path) as opened:
        blocks = [opened.read(1_000, "float32", True) for _ in range(len(whole) // 1_000 + 2)]
    assert np.array_equal(np.concatenate(blocks), whole)


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _without_edits(data: bytes) -> bytes:
    return data.replace(b"edts", b"free")


@pytest.mark.parametrize("channels", [1, 6, 8])
def test_channels(channels: int, library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.m4a", RECIPES["aac in m4a"], music(channels=channels))
    facts = probe(path)
    assert facts.channels == channels
    assert facts.layout == {1: "mono", 6: "5.1"}.get(channels, facts.layout)
    with open_audio(path) as opened:
        assert shift(opened.read(dtype="float32", always_2d=True), music(channels=channels)) == 0


@pytest.mark.parametrize(("kind", "least"), [("opus in webm", 0.5), ("wma", 0.5), ("aac in adts", 0.5)])
def test_what_is_cut_is_read_up_to_there(kind: str, least: float, library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    recipe, sound = RECIPES[kind], music(3.0, RECIPES[kind].rate)
    path = encoded(tmp_path / f"a{recipe.ending}", recipe, sound)
    path.write_bytes(_cut(path.read_bytes()))
    assert least * len(sound) < probe(path).frames < len(sound)


def test_a_film_in_pieces_tells_nothing_and_is_read_whole(library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    sound = music()
    path = encoded(tmp_path / "a.m4a", RECIPES["aac in m4a"], sound)
    path.write_bytes(_without_edits(path.read_bytes()))
    assert probe(path).frames == len(sound) + 1024  # nobody knows any more what the encoder put in front


def test_one_stream_of_several_is_heard_and_told(library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.mka", RECIPES["flac in mka"], music(0.5), sounds=2)
    facts = probe(path)
    assert facts.frames == round(0.5 * 44_100)
    assert "2 audio streams" in (facts.note or "")


@pytest.mark.parametrize(
    ("kind", "rest"), [*product(("aac in m4a", "wma", "opus in webm"), (60, 400)), ("aac in adts", 60)]
)
def test_what_only_begins_like_audio_is_refused_in_words(
    kind: str, rest: int, library: type[PyAv | Ffmpeg], tmp_path: Path
) -> None:
    recipe = RECIPES[kind]
    path = encoded(tmp_path / f"a{recipe.ending}", recipe, music(0.5, recipe.rate))
    path.write_bytes(path.read_bytes()[:rest])
    with pytest.raises(NotAudio, match=r"a\.\w+ "):
        probe(path)


def test_names_are_never_addresses_or_options(library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    made = encoded(tmp_path / "a.m4a", RECIPES["aac in m4a"], music(0.5))
    for name in ("-i.m4a", "http:x.m4a", "concat:a|b.m4a", "%03d.m4a", "a\nb.m4a", "\udcff.m4a"):
        shutil.copyfile(made, tmp_path / name)
        assert probe(tmp_path / name).frames == round(0.5 * 44_100)


LISTS: dict[str, Callable[[Path], str]] = {
    "a.m3u8": lambda path: f"#EXTM3U\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": lambda path: f"ffconcat version 1.0\nfile '{path}'\n",
    "a.m4a": lambda path: f"#EXTM3U\n{path}\n",
    "a.sdp": lambda path: "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "a.xspf": lambda path: f"<?xml version='1.0'?><playlist><location>{path}</location></playlist>",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_files_is_no_audio(name: str, library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    inside = encoded(tmp_path / "secret.m4a", RECIPES["aac in m4a"], music(0.5))
    (tmp_path / name).write_text(LISTS[name](inside))
    with pytest.raises(NotAudio):
        probe(tmp_path / name)


def test_what_is_too_long_is_not_counted_to_its_end(
    library: type[PyAv | Ffmpeg], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "MOST_SAMPLES", 10_000)
    with pytest.raises(TooLarge):
        probe(encoded(tmp_path / "a.m4a", RECIPES["aac in m4a"], music()))


def test_what_is_louder_than_full_scale_is_kept_and_never_wraps(library: type[PyAv | Ffmpeg], tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.m4a", Recipe(".m4a", "ipod", "aac", "fltp", ".m4a", kbps=256), music() * 4)
    with open_audio(path) as opened:
        floats = opened.read(dtype="float32", always_2d=True)
        assert float(np.abs(floats).max()) > 1.2
        opened.seek(0)
        whole = opened.read(dtype="int16", always_2d=True)
    assert np.array_equal(np.sign(whole[np.abs(floats) > 1]), np.sign(floats[np.abs(floats) > 1]))


@pytest.mark.parametrize("kind", RECIPES)
def test_without_any_library_the_format_and_the_ways_are_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES[kind]
    path = encoded(tmp_path / "a.bin", recipe, music(0.5, recipe.rate))
    without_any(monkeypatch)
    assert not libraries.has_library()
    if kind == "mp3 in wav":
        assert probe(path).frames > 20_000
        return
    with pytest.raises(libraries.NoDecoder) as refused:
        probe(path)
    words = {
        "aac": "AAC", "alac": "Apple Lossless", "libopus": "Opus", "flac": "FLAC", "wavpack": "WavPack",
        "tta": "True Audio", "pcm_s16le": "PCM", "wmav2": "WMA", "libmp3lame": "MP3", "ac3": "AC-3",
    }  # fmt: skip
    assert words[recipe.codec] in refused.value.message
    assert "fermata-mcp[formats]" in refused.value.hint
    assert "ffmpeg" in refused.value.hint
    assert "convert" in refused.value.hint


@pytest.mark.parametrize("here", [True, False])
def test_what_is_no_audio_is_told_what_would_be_read(
    here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not here:
        without_any(monkeypatch)
    (path := tmp_path / "a.wav").write_bytes(b"words " * 500)
    with pytest.raises(NotAudio) as refused:
        probe(path)
    assert "WAV, FLAC, OGG, MP3, AIFF, CAF" in refused.value.hint
    assert ("m4a" in refused.value.hint) is here
