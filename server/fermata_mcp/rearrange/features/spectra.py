"""Short-time spectra: the few transforms that the analysis and the crossfades share."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32

BANDS = 32
# Chosen 2026-11-22 when the engine was written; not tuned.
_LOWEST, _HIGHEST = 40.0, 9000.0  # Hz, where music tells places apart
_CHROMA_LOWEST, _CHROMA_HIGHEST = 80.0, 2200.0  # Hz, where chords live
_BATCH = 512  # frames transformed at once, to stay in the processor's cache


def power_spectra(signal: F32, size: int, hop: int, weights: F32, roots: int = 0) -> F32:
    """Power spectra of frames centred every `hop` samples, summed by `weights`.

    Args:
        signal: [samples] mono.
        size: Window length in samples (Hann).
        hop: Samples between frames.
        weights: [size // 2 + 1, bands].
        roots: How often the square root is taken before summing, so that what is soft counts too.

    Returns:
        [frames, bands], frame i centred on sample i * hop.
    """
    window = np.hanning(size).astype(np.float32)
    padded = np.pad(signal, (size // 2, size // 2 + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    out = np.empty((len(frames), weights.shape[1]), np.float32)
    for i in range(0, len(frames), _BATCH):
        spectrum = np.fft.rfft(frames[i : i + _BATCH] * window)
        power = spectrum.real**2 + spectrum.imag**2
        for _ in range(roots):
            np.sqrt(power, out=power)
        out[i : i + _BATCH] = power @ weights
    return out


@cache
def mel_weights(size: int, rate: float) -> F32:
    """[size // 2 + 1, BANDS] triangular filters equally spaced in mel, each of sum 1; `rate` in Hz."""
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    edges = _mel_edges(min(_HIGHEST, rate / 2))
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - low) / (mid - low)
    falling = (high - frequencies[:, None]) / (high - mid)
    weights = np.maximum(np.minimum(rising, falling), 0)
    empty = np.flatnonzero(~weights.any(0))
    weights[np.abs(frequencies[:, None] - mid[empty]).argmin(0), empty] = 1
    return (weights / weights.sum(0)).astype(np.float32)


@cache
def chroma_weights(size: int, rate: float) -> F32:
    """[size // 2 + 1, 12] share of each frequency in the twelve pitch classes from A on; `rate` in Hz."""
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    weights = np.zeros((len(frequencies), 12), np.float32)
    used = np.flatnonzero((frequencies > _CHROMA_LOWEST) & (frequencies < _CHROMA_HIGHEST))
    pitch = (12 * np.log2(frequencies[used] / 440)) % 12
    below = pitch.astype(int)
    weights[used, below % 12] = 1 - (pitch - below)
    weights[used, (below + 1) % 12] = pitch - below
    return weights


def mel_centres(rate: float) -> F32:
    """[BANDS] Hz at which the filters of `mel_weights` are strongest."""
    return _mel_edges(min(_HIGHEST, rate / 2))[1:-1]


def decibels(power: F32, floor: float) -> F32:
    """`power` [any shape] as dB, with `floor` (a power) added so that near-silence does not matter."""
    return (10 * np.log10(power + np.float32(floor))).astype(np.float32)


def _mel_edges(highest: float) -> F32:
    """[BANDS + 2] Hz, by the formula of D. O'Shaughnessy, "Speech Communication" (1987)."""
    bottom, top = (2595 * math.log10(1 + hz / 700) for hz in (_LOWEST, highest))
    mels = np.linspace(bottom, top, BANDS + 2)
    return (700 * (np.power(10, mels / 2595) - 1)).astype(np.float32)
