"""What the music is like, on both grids of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.audio_signals import RATE, chord_loop, clicks, noise, save, stereo
from support.jumps import analysed

if TYPE_CHECKING:
    from pathlib import Path


def test_every_feature_has_its_shape(tmp_path: Path) -> None:
    analysis = analysed(save(tmp_path / "a.wav", stereo(chord_loop(4))))
    frames, cells = analysis.frames, analysis.cells
    assert (analysis.mel.shape, analysis.onsets.shape, analysis.power.shape) == ((frames, 32), (frames, 4), (frames,))
    assert (analysis.chroma.shape, analysis.level.shape, analysis.long_level.shape) == ((cells, 12), (cells,), (cells,))
    assert frames / analysis.fps == pytest.approx(analysis.seconds, abs=0.05)
    assert analysis.seconds == pytest.approx(8, abs=0.001)
    assert np.linalg.norm(analysis.chroma, axis=1) == pytest.approx(np.ones(cells), abs=1e-3)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_onsets_are_where_they_sound_at_any_rate(tmp_path: Path, rate: int) -> None:
    analysis = analysed(save(tmp_path / "a.wav", clicks(6, 0.5, rate), rate))
    strongest = np.flatnonzero(analysis.onset > 3) / analysis.fps
    off = np.abs(strongest - np.round(strongest / 0.5) * 0.5)
    assert len(strongest) > 8
    assert off.max() < 0.05


def test_a_tone_is_in_its_pitch_class(tmp_path: Path) -> None:
    time = np.arange(5 * RATE) / RATE
    analysis = analysed(save(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * time)))
    assert set(analysis.chroma[2:-2].argmax(1).tolist()) == {0}, "counted from A on"


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_is_known(tmp_path: Path, level: float) -> None:
    assert analysed(save(tmp_path / "a.wav", level * noise(3), subtype="FLOAT")).silent


def test_what_cancels_out_is_analysed_by_one_channel(tmp_path: Path) -> None:
    assert not analysed(save(tmp_path / "a.wav", stereo(noise(3), -noise(3)))).silent
