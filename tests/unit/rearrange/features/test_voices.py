"""Where a detector is listened to, and what becomes of what it says."""

from __future__ import annotations

import numpy as np
import pytest

from fermata_mcp.rearrange.features.spectra import BANDS
from fermata_mcp.rearrange.features.voices import RATE, detector, find_voices
from support.voices import talk_over_music

_OURS, _HOP = 22050, 256


class Ears:
    """Hears a voice wherever a signal is above zero, and remembers how much it was given."""

    def __init__(self, speech: float = 1.0) -> None:
        self.seconds = 0.0
        self._speech = speech

    def detect_probs(self, audio: np.ndarray) -> np.ndarray:
        assert audio.dtype == np.float32
        self.seconds += len(audio) / RATE
        cells = audio[: len(audio) // 160 * 160].reshape(-1, 160).mean(1)
        heard = (cells > 0.2).astype(np.float32)
        return np.stack([heard * self._speech, heard * (1 - self._speech), 1 - heard], axis=1)


def _signal(*voiced: tuple[float, float], seconds: float = 60.0) -> np.ndarray:
    signal = np.zeros(round(seconds * _OURS), np.float32)
    for start, stop in voiced:
        signal[round(start * _OURS) : round(stop * _OURS)] = 0.5
    return signal


def _found(signal: np.ndarray, ears: Ears) -> tuple[np.ndarray, float]:
    mel = np.zeros((len(signal) // _HOP, BANDS), np.float32)
    return find_voices(signal, _OURS, mel, _HOP, ears)


@pytest.mark.parametrize("start", [0.0, 11.3, 24.0, 50.0])
def test_a_voice_is_found_to_a_quarter_of_a_second(start: float) -> None:
    presence, _ = _found(_signal((start, start + 8)), Ears())
    at = np.arange(len(presence)) * _HOP / _OURS
    assert presence[(at > start + 0.25) & (at < start + 7.75)].min() > 0.7
    assert presence[(at < start - 0.25) | (at > start + 8.25)].max(initial=0) < 0.3


def test_a_track_without_voices_is_only_probed() -> None:
    ears = Ears()
    presence, spoken = _found(_signal(), ears)
    assert presence.max() == 0
    assert spoken == 0
    assert ears.seconds <= 60 * 0.26


def test_what_is_sung_is_a_voice_and_no_speech() -> None:
    for speech, share in ((1.0, 1.0), (0.2, 0.0)):
        presence, spoken = _found(_signal((0, 60)), Ears(speech))
        assert presence.mean() > 0.7
        assert spoken == share


@pytest.mark.parametrize("seconds", [0.05, 0.6, 3.0, 7.0])
def test_short_signals_are_heard_too(seconds: float) -> None:
    presence, _ = _found(_signal((0, seconds), seconds=seconds), Ears())
    assert len(presence) == round(seconds * _OURS) // _HOP
    assert np.isfinite(presence).all()


def test_the_real_detector_tells_talk_from_music() -> None:
    ears = detector()
    if ears is None:
        pytest.skip("needs the extra voice")
    sound = talk_over_music("_t_t", 6.0)[::2].astype(np.float32)
    presence, _ = find_voices(sound, _OURS, np.zeros((len(sound) // _HOP, BANDS), np.float32), _HOP, ears)
    assert presence.shape == (len(sound) // _HOP,)
    assert ((presence >= 0) & (presence <= 1.01)).all()
