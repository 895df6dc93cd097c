"""Inputs as they come: each odd one has a defined outcome, and a failed one leaves nothing behind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata_mcp.domain.errors import InvalidRequest, NotAudio, StoreUnavailable, TooLarge
from fermata_mcp.rearrange import lengthen as lengthen_module
from support.audio_signals import RATE, chord, chord_loop, extend, form, load, noise, save, stereo, untouched_frames

if TYPE_CHECKING:
    from pathlib import Path


def test_silence_stays_silence(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", np.zeros((5 * RATE, 2)))
    result = extend(source, tmp_path / "b.wav", 11.5)
    after = load(tmp_path / "b.wav")
    assert len(after) == round(11.5 * RATE)
    assert not after.any()
    assert result.mode == "silence"
    assert "silent" in result.warnings[0]


def test_too_short_names_the_minimum(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", chord(0, 0.4))
    with pytest.raises(InvalidRequest, match=r"0\.5 s"):
        extend(source, tmp_path / "b.wav", 7)


@pytest.mark.parametrize("length", [0.3, 8.0, math.nan, math.inf, -3.0])
def test_a_length_that_makes_no_sense_is_refused(tmp_path: Path, length: float) -> None:
    source = save(tmp_path / "a.wav", chord_loop(4))
    with pytest.raises((InvalidRequest, TooLarge)):
        extend(source, tmp_path / "b.wav", length)
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize("place", [9.0, -1.0, math.nan])
def test_a_place_outside_the_track_is_refused(tmp_path: Path, place: float) -> None:
    source = save(tmp_path / "a.wav", chord_loop(4))
    with pytest.raises(InvalidRequest):
        extend(source, tmp_path / "b.wav", 12, continue_at=place)


def test_numbers_that_are_none_become_silence(tmp_path: Path) -> None:
    music = stereo(chord_loop(4)).astype(np.float32)
    music[1000:1010] = np.nan
    music[2000] = np.inf
    source = save(tmp_path / "a.wav", music, subtype="FLOAT")
    result = extend(source, tmp_path / "b.wav", 12)
    after = load(tmp_path / "b.wav")
    assert np.isfinite(after).all()
    assert not after[1000:1010].any()
    assert any("no numbers" in warning for warning in result.warnings)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_truncated_files_are_extended_from_what_decodes(tmp_path: Path, suffix: str) -> None:
    whole = save(tmp_path / f"whole.{suffix}", stereo(form("ABAB")))
    source = tmp_path / f"a.{suffix}"
    source.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    result = extend(source, tmp_path / f"b.{suffix}", 20)
    assert abs(result.facts.duration_seconds - 20) < 0.03
    if suffix in {"flac", "mp3"}:  # the headers of the others are corrected by the decoder
        assert "damaged" in result.warnings[0]


def test_what_is_not_audio(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_text("not a sound\n" * 500)
    with pytest.raises(NotAudio):
        extend(source, tmp_path / "b.wav", 12)
    assert not (tmp_path / "b.wav").exists()


def test_too_long_names_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save(tmp_path / "a.wav", chord_loop(4))
    with pytest.raises(TooLarge, match="12 hours"):
        extend(source, tmp_path / "b.wav", 13 * 3600)
    monkeypatch.setattr(lengthen_module, "LONGEST_SOURCE_SECONDS", 5)
    with pytest.raises(TooLarge):
        extend(source, tmp_path / "b.wav", 12)


def test_anti_phase_stereo_is_heard(tmp_path: Path) -> None:
    loop = chord_loop(6)
    plain = extend(save(tmp_path / "a.wav", stereo(loop, loop)), tmp_path / "b.wav", 20)
    against = extend(save(tmp_path / "c.wav", stereo(loop, -loop)), tmp_path / "d.wav", 20)
    assert against.mode == "rearranged"
    assert against.seams[0].confidence == pytest.approx(plain.seams[0].confidence, abs=0.05)


def test_offset_and_clipping_are_kept(tmp_path: Path) -> None:
    music = np.clip(chord_loop(4) * 4 + 0.2, -1, 0.999)
    source = save(tmp_path / "a.wav", music)
    extend(source, tmp_path / "b.wav", 14)
    before, after = load(source), load(tmp_path / "b.wav")
    assert after.mean() == pytest.approx(before.mean(), abs=0.05)
    assert after.max() == before.max()


def test_floats_over_full_scale_are_kept(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", (chord_loop(4) * 8).astype(np.float32), subtype="FLOAT")
    extend(source, tmp_path / "b.wav", 14)
    assert load(tmp_path / "b.wav").max() == pytest.approx(load(source).max(), rel=0.1)
    assert load(tmp_path / "b.wav").max() > 2


def test_noise_has_no_audible_joins(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", noise(12))
    result = extend(source, tmp_path / "b.wav", 30)
    after = load(tmp_path / "b.wav")[: 26 * RATE, 0]  # before any fade
    loudness = np.sqrt((after[: len(after) // 2205 * 2205].reshape(-1, 2205) ** 2).mean(1))
    assert loudness.min() > 0.8 * np.median(loudness)
    assert loudness.max() < 1.25 * np.median(loudness)
    assert result.facts.frames == 30 * RATE


def test_the_fade_out_is_never_in_the_middle(tmp_path: Path) -> None:
    music = form("ABAB")
    music[-4 * RATE :] *= np.linspace(1, 0, 4 * RATE) ** 2
    source = save(tmp_path / "a.wav", music)
    extend(source, tmp_path / "b.wav", 32)
    after = load(tmp_path / "b.wav")[:, 0]
    seconds = np.sqrt((after.reshape(-1, RATE) ** 2).mean(1))
    assert seconds[:-4].min() > 0.5 * np.median(seconds)


@pytest.mark.parametrize("folder", ["a file", "missing"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, folder: str) -> None:
    source = save(tmp_path / "a.wav", chord_loop(4))
    (tmp_path / "a file").write_text("")
    with pytest.raises(StoreUnavailable):
        extend(source, tmp_path / folder / "b.wav", 12)


def test_the_untouched_beginning_is_told(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav", form("ABAB"))
    result = extend(source, tmp_path / "b.wav", 24)
    kept = untouched_frames(result)
    assert (load(source)[:kept] == load(tmp_path / "b.wav")[:kept]).all()


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(length=st.floats(12.001, 40), sections=st.text("ABC", min_size=4, max_size=4))
def test_any_length_of_any_form_is_exact(
    tmp_path_factory: pytest.TempPathFactory, length: float, sections: str
) -> None:
    folder = tmp_path_factory.mktemp("form")
    source = save(folder / "a.wav", form(sections, 3.0))
    result = extend(source, folder / "b.wav", length)
    assert len(load(folder / "b.wav")) == round(length * RATE)
    assert all(0 <= seam.enter < seam.leave <= 12.01 and 0 <= seam.confidence <= 1 for seam in result.seams)
