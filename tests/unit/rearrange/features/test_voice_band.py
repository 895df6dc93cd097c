"""Talk is told from music by the band it lies in alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fermata_mcp.rearrange.features.spectra import decibels, mel_weights, power_spectra
from fermata_mcp.rearrange.features.voice_band import heard_in_band
from support.audio_signals import RATE, chord_loop
from support.voices import talk, talk_over_music

if TYPE_CHECKING:
    from support.audio_signals import Sound


def _heard(sound: Sound) -> np.ndarray:
    step = RATE // 22050
    mono = sound.reshape(-1, step).mean(1).astype(np.float32)
    power = power_spectra(mono, 1024, 256, mel_weights(1024, RATE / step))
    floor = float(np.percentile(power, 95)) * 1e-5 + 1e-9
    return heard_in_band(decibels(power, floor), RATE / step)


def test_talk_is_a_voice_and_chords_are_none() -> None:
    assert np.mean(_heard(talk(8.0)) > 0.5) > 0.8
    assert np.mean(_heard(chord_loop(4)) > 0.5) < 0.3


@pytest.mark.parametrize("parts", ["_t_t", "t_t_", "__tt"])
def test_talk_over_music_is_found_where_it_is(parts: str) -> None:
    heard = _heard(talk_over_music(parts))
    means = [float(piece.mean()) for piece in np.array_split(heard, len(parts))]
    spoken = [mean for mean, part in zip(means, parts, strict=True) if part == "t"]
    assert min(spoken) > max(mean for mean, part in zip(means, parts, strict=True) if part == "_") + 0.2
