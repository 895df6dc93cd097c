"""Short-time spectra of tones that are known."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.features.spectra import BANDS, chroma_weights, decibels, mel_weights, power_spectra
from support.audio_signals import RATE


def _tone(pitch: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize("hop", [128, 256])
def test_frame_i_is_centred_on_its_sample(hop: int) -> None:
    click = np.zeros(20 * hop, np.float32)
    click[7 * hop] = 1
    power = power_spectra(click, 4 * hop, hop, mel_weights(4 * hop, RATE)).sum(1)
    assert len(power) >= 20
    assert power.argmax() == 7


@pytest.mark.parametrize("pitch", [100.0, 440.0, 3000.0])
def test_a_tone_is_in_its_band(pitch: float) -> None:
    weights = mel_weights(1024, RATE)
    power = power_spectra(_tone(pitch), 1024, 256, weights)[4:-4]
    nearest = np.abs(np.fft.rfftfreq(1024, 1 / RATE) - pitch).argmin()
    assert (np.abs(power.argmax(1) - weights[nearest].argmax()) <= 1).all()


@pytest.mark.parametrize("size", [512, 1024, 4096])
def test_each_band_is_a_mean(size: int) -> None:
    weights = mel_weights(size, RATE)
    assert weights.shape == (size // 2 + 1, BANDS)
    assert weights.sum(0) == pytest.approx(np.ones(BANDS), abs=1e-5)


@pytest.mark.parametrize("semitones", range(12))
def test_octaves_are_one_pitch_class(semitones: int) -> None:
    weights = chroma_weights(4096, RATE)
    for octave in (0.5, 1, 2):
        power = power_spectra(_tone(octave * 440 * 2 ** (semitones / 12)), 4096, 1024, weights)
        assert power[4:-4].sum(0).argmax() == semitones


def test_near_silence_does_not_matter() -> None:
    quiet = decibels(np.array([0, 1e-12, 1e-11], np.float32), 1e-9)
    assert np.ptp(quiet) < 0.1
    assert decibels(np.array([1.0], np.float32), 1e-9)[0] == pytest.approx(0, abs=1e-4)
