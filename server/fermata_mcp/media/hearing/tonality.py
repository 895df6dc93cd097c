"""The key of music: which of its pitch classes are how strong, held against what listeners expect of each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32: TypeAlias = NDArray[np.float32]

_SIZE, _HOP = 8192, 4096
_LOWEST, _HIGHEST = 80.0, 2200.0  # Hz, where chords live
NAMES = ("A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab")
# C. Krumhansl, "Cognitive Foundations of Musical Pitch" (1990), from the keynote on.
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# Correlations. Chosen on made-up chords and on noise: a wrong key told is worse than none.
_LEAST_LIKE, _LEAST_AHEAD = 0.6, 0.03


def key_of(mono: F32, rate: float) -> str | None:
    """The key, such as `D major`; None where it cannot be told.

    Args:
        mono: [samples].
        rate: Hz.
    """
    classes = _pitch_classes(mono, rate)
    if classes is None:
        return None
    found = sorted(
        (float(np.corrcoef(np.roll(profile, tonic), classes)[0, 1]), f"{NAMES[tonic]} {mode}")
        for mode, profile in _PROFILES.items()
        for tonic in range(12)
    )
    (second, _), (best, name) = found[-2:]
    return name if best >= _LEAST_LIKE and best - second >= _LEAST_AHEAD else None


def _pitch_classes(mono: F32, rate: float) -> F32 | None:
    """[12] strength of each pitch class from A on; None where nothing sounds."""
    if len(mono) < _SIZE:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(mono, _SIZE)[::_HOP]
    heard = np.sqrt(np.abs(np.fft.rfft(frames * np.hanning(_SIZE).astype(np.float32)))).mean(0)
    frequencies = np.fft.rfftfreq(_SIZE, 1 / rate)
    used = (frequencies > _LOWEST) & (frequencies < _HIGHEST)
    # What is there all along is no note: hiss, hum, the sum of all.
    above = np.maximum(0, heard - _around(heard))
    classes = np.zeros(12, np.float32)
    pitches = np.round(12 * np.log2(frequencies[used] / 440)).astype(int) % 12
    np.add.at(classes, pitches, above[used])
    return classes if float(classes.std()) > 1e-6 else None


def _around(heard: F32) -> F32:
    """The level around each frequency."""
    width = 31
    return np.convolve(heard, np.full(width, 1 / width, np.float32), "same").astype(np.float32)
