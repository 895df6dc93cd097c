"""Where some sound is to be found in another."""

from __future__ import annotations

import numpy as np

from emulators.audio import RATE, Samples


def place_of(sound: Samples, heard: Samples) -> tuple[float, float]:
    """Second of `heard` at which `sound` begins, and how much alike they are there (1 is the same)."""
    size = 1 << (len(heard) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(sound, size).conj(), size)[: len(heard)]
    squares = np.concatenate([[0.0], np.cumsum(heard.astype(np.float64) ** 2), np.full(len(sound), np.nan)])
    energy = np.sqrt(np.maximum(squares[len(sound) :][: len(heard)] - squares[: len(heard)], 1e-9))
    alike = np.nan_to_num(product / (energy * np.sqrt(np.sum(sound.astype(np.float64) ** 2))))
    best = int(np.argmax(alike))
    return best / RATE, float(alike[best])
