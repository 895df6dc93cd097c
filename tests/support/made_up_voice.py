"""A voice that says nothing: syllables of a source and moving formants, for tests that must know where somebody speaks.

G. Fant, "Acoustic Theory of Speech Production" (1960).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .audio_signals import RATE

if TYPE_CHECKING:
    from .audio_signals import Sound

_SYLLABLE = 0.22  # seconds
_FORMANTS = ((300, 800), (900, 2300), (2300, 3000))  # Hz between which each wanders
_WIDTH = 120.0  # Hz


def babble(seconds: float, seed: int = 1, rate: int = RATE) -> Sound:
    """[samples] of somebody who speaks without a pause; another seed says something else."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    targets = np.arange(0, seconds + _SYLLABLE, _SYLLABLE)
    pitch = np.interp(time, targets, rng.uniform(100, 150, len(targets)))
    formants = [np.interp(time, targets, rng.uniform(low, high, len(targets))) for low, high in _FORMANTS]
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.zeros(len(time))
    for harmonic in range(1, 30):
        resonances = [1 / (1 + np.square((harmonic * pitch - formant) / _WIDTH)) for formant in formants]
        voice += np.sum(resonances, axis=0) * np.sin(harmonic * phase) / np.sqrt(harmonic)
    opening = 0.55 - 0.45 * np.cos(2 * np.pi * time / _SYLLABLE)
    return 0.2 * voice * opening / np.abs(voice).max()
