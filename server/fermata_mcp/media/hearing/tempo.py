"""How fast music is, and how many beats its bars have: by the rise of its spectrum, and how that repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32: TypeAlias = NDArray[np.float32]

HOP, _SIZE = 512, 2048
# The tempo that people hear first, and octaves around it: D. Ellis, "Beat Tracking by Dynamic Programming" (2007).
_USUAL_BPM, _SPREAD = 120.0, 0.9
_SLOWEST, _FASTEST = 50.0, 220.0
# Of the envelope's own power. Chosen on made-up beats and on noise: noise stays below 0.1.
_FEWEST_REPEATS = 0.15
_CLEARLY_MORE = 1.15
# Between a tone (0.0005) or noise (0.016) and soft music (0.19).
_LEAST_RISES = 0.03


def tempo_of(mono: F32, rate: float) -> tuple[int | None, str | None]:
    """Beats a minute, and beats in a bar (`3` or `4`); None where it cannot be told.

    Args:
        mono: [samples].
        rate: Hz.
    """
    rises = _rises(mono)
    if float(rises.std()) < _LEAST_RISES:
        return None, None
    repeats = _repeats(rises)
    fps = rate / HOP
    lags = np.arange(round(60 * fps / _FASTEST), round(60 * fps / _SLOWEST) + 1)
    if len(repeats) <= 4 * lags[-1]:
        return None, None
    liked = np.exp(-0.5 * (np.log2(60 * fps / lags / _USUAL_BPM) / _SPREAD) ** 2)
    best = int(lags[np.argmax(repeats[lags] * liked)])
    if repeats[best] < _FEWEST_REPEATS:
        return None, None
    # Four beats later its place is known four times as well.
    beat = _peak(repeats, 4 * best) / 4
    return round(60 * fps / beat), _beats(repeats, beat)


def _rises(mono: F32) -> F32:
    """[frames] how much louder all parts of the spectrum become, without its slow changes."""
    frames = np.lib.stride_tricks.sliding_window_view(mono, _SIZE)[::HOP]
    spectra = np.log1p(100 * np.abs(np.fft.rfft(frames * np.hanning(_SIZE).astype(np.float32))))
    rises = np.maximum(0, np.diff(spectra, axis=0)).mean(1)
    return (rises - rises.mean()).astype(np.float32)


def _repeats(rises: F32) -> F32:
    """Autocorrelation by lag, 1 at 0."""
    spectrum = np.fft.rfft(rises, 2 * len(rises))
    found = np.fft.irfft(np.abs(spectrum) ** 2)[: len(rises)]
    return (found / max(float(found[0]), 1e-9)).astype(np.float32)


def _peak(repeats: F32, near: int) -> float:
    """The lag of the peak around `near`, between frames."""
    reach = max(2, near // 32)
    top = near - reach + int(np.argmax(repeats[near - reach : near + reach + 1]))
    left, mid, right = (float(repeats[at]) for at in (top - 1, top, min(top + 1, len(repeats) - 1)))
    bend = left - 2 * mid + right
    return top + (0.5 * (left - right) / bend if bend < 0 else 0.0)


def _beats(repeats: F32, beat: float) -> str | None:
    three, four = (float(repeats[round(count * beat)]) for count in (3, 4))
    if max(three, four) < _FEWEST_REPEATS:
        return None
    return "3" if three > _CLEARLY_MORE * four else "4" if four > _CLEARLY_MORE * three else None
