"""What is written is what its ending says, as long as it was given, by whichever library is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fermata_mcp.domain.errors import NotSupported
from fermata_mcp.media.audio import open_audio, probe
from fermata_mcp.media.codecs.program import Ffmpeg
from fermata_mcp.media.codecs.pyav import PyAv
from fermata_mcp.media.codecs.targets import FORMS, Target, kept, target
from fermata_mcp.media.codecs.writing import Spending, writer
from fermata_mcp.media.facts import AudioFacts
from fermata_mcp.media.formats.kinds import sniff
from support.encoded import RATE, heard, music, needs_ffmpeg, shift, told_seconds, without_any

BOTH = [pytest.param(PyAv, id="pyav"), pytest.param(Ffmpeg, id="ffmpeg", marks=needs_ffmpeg)]
BLOCK = 10_007


def wanted(container: str, subtype: str, ending: str, rate: int = RATE) -> Target:
    return Target(ending, container, subtype, rate, same=True)


def write(path: Path, to: Target, data: Any, kbps: float | None = None) -> Path:
    with writer(path, to, to.container, data.shape[1], None, Spending(kbps=kbps)) as file:
        for start in range(0, len(data), BLOCK):
            file.write(data[start : start + BLOCK])
    return path


@pytest.fixture(params=BOTH)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[PyAv | Ffmpeg]:
    monkeypatch.setattr("fermata_mcp.media.codecs.writing.library", request.param)
    return request.param


@pytest.mark.parametrize(
    ("frames", "channels"),
    [(RATE, 1), (RATE + 1, 2), (1024 * 41, 6), (1024 * 41 + 1023, 8), (1024 * 41, 1), (1024 * 41 + 1023, 2)],
)
@pytest.mark.parametrize(("ending", "subtype", "rate"), [(".m4a", "AAC", RATE), (".webm", "OPUS", 48_000)])
@needs_ffmpeg
def test_another_decoder_hears_it_in_its_place(
    ending: str, subtype: str, rate: int, frames: int, channels: int, library: type[Any], tmp_path: Path
) -> None:
    sound = music(2.0, rate, channels)[:frames].astype(np.float32)
    path = write(
        tmp_path / f"a{ending}", wanted(FORMS[ending].container, subtype, ending, rate), sound, 96.0 * channels
    )
    data, its_rate = heard(path)
    assert (its_rate, data.shape[1]) == (rate, channels)
    assert shift(data, sound) == 0
    assert 0 <= len(data) - frames < 1024  # ffmpeg itself plays the last frame of AAC to its end
    if ending == ".m4a":
        assert round(told_seconds(path) * rate) == frames
    assert probe(path).frames == frames


@pytest.mark.parametrize(
    ("container", "subtype", "ending", "kind", "bits"),
    [
        ("M4A", "ALAC_16", ".m4a", "int16", 16),
        ("M4A", "ALAC_24", ".m4a", "int32", 24),
        ("OGG", "PCM_16", ".oga", "int16", 16),
        ("OGG", "PCM_24", ".oga", "int32", 24),
        pytest.param("FLAC", "PCM_32", ".flac", "int32", 32, id="flac of 32 bits"),
    ],
)
def test_lossless_is_bit_exact(
    container: str, subtype: str, ending: str, kind: str, bits: int, library: type[Any], tmp_path: Path
) -> None:
    if library is Ffmpeg and bits == 32:
        pytest.skip("not by every ffmpeg")
    dice = np.random.default_rng(3)
    width = np.dtype(kind).itemsize * 8
    data = (dice.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (30_011, 2)) << width - bits).astype(kind)
    path = write(tmp_path / f"a{ending}", wanted(container, subtype, ending), data)
    with open_audio(path) as opened:
        assert np.array_equal(opened.read(dtype=kind, always_2d=True), data)
    facts = probe(path)
    assert (facts.container, facts.subtype) == (container, subtype)
    assert (kept(facts).ending, kept(facts).same) == (ending, True)


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_content_and_ending_agree(ending: str, rate: int, tmp_path: Path) -> None:
    given = AudioFacts(1.0, rate, rate, 2, "WAV", "FLOAT", ".wav")
    to = target(given, ending)
    assert to is not None
    sound = music(1.0, to.rate).astype(np.float32)
    path = write(tmp_path / f"a{ending}", to, sound)
    start = path.read_bytes()[:4096]
    named = {".oga": ".ogg", ".opus": ".ogg", ".aif": ".aiff"}
    assert sniff(start) == named.get(ending, ending)
    assert (b"OpusHead" in start or b"A_OPUS" in start) == (ending in (".opus", ".webm"))
    facts = probe(path)
    assert facts.frames == len(sound)
    assert (kept(facts).ending, kept(facts).same) == (ending, True)


@pytest.mark.parametrize("bits", [np.int16, np.int32, np.float32, np.float64])
def test_every_type_of_samples_can_be_given(bits: type[Any], library: type[Any], tmp_path: Path) -> None:
    sound = music(0.5)
    data = (sound * -float(np.iinfo(bits).min)).astype(bits) if np.issubdtype(bits, np.integer) else sound.astype(bits)
    path = write(tmp_path / "a.m4a", wanted("M4A", "ALAC_16", ".m4a"), data)
    with open_audio(path) as opened:
        assert np.abs(opened.read(dtype="float64", always_2d=True) - sound).max() < 2**-14


def test_the_bit_rate_is_not_lower_than_was_asked(library: type[Any], tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    sound = (0.2 * dice.standard_normal((4 * RATE, 2))).astype(np.float32)
    for kbps in (96.0, 160.0, 256.0):
        path = write(tmp_path / f"{kbps}.m4a", wanted("M4A", "AAC", ".m4a"), sound, kbps)
        assert path.stat().st_size * 8 / 4 / 1000 > 0.95 * kbps


def test_what_went_wrong_leaves_through_the_block(library: type[Any], tmp_path: Path) -> None:
    to = wanted("M4A", "AAC", ".m4a")

    def fail() -> None:
        with writer(tmp_path / "a.m4a", to, to.container, 2, None, Spending()) as file:
            file.write(music(0.3).astype(np.float32))
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        fail()


def test_a_folder_that_is_not_there_is_an_error_of_the_system(library: type[Any], tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        write(tmp_path / "no" / "a.m4a", wanted("M4A", "AAC", ".m4a"), np.zeros((10 * RATE, 2), np.float32))


def test_without_any_library_it_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_any(monkeypatch)
    to = wanted("M4A", "AAC", ".m4a")
    with pytest.raises(NotSupported, match=r"\.m4a"), writer(tmp_path / "a.m4a", to, "M4A", 2, None, Spending()):
        pass
