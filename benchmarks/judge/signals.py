"""What the judge hears: the analysis signal and its features on a fine grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

HOP, WINDOW = 256, 1024  # samples of the analysis signal
TONE_WINDOW = 4096
ANALYSIS_RATE = 22050  # Hz, at most about 1.4 times that
BANDS, GROUPS = 40, 4
RANGE = 60.0  # dB below the track's loud parts that are told apart
_BLOCK = 4096  # frames per FFT batch


@dataclass(frozen=True)
class Scale:
    """Where dB begin, taken from the original and used for the result too.

    mel: lowest mel power that counts; power: lowest mean square that counts.
    """

    mel: float
    power: float


@dataclass(frozen=True)
class Features:
    """Frames of one piece, `step` seconds apart; frame i is centred on second i * step.

    mel: [frames, BANDS] dB over the scale's floor.
    chroma: [frames, 12] square roots of pitch class shares, each row of length 1 (or 0 in silence).
    onset: [frames, GROUPS] dB by which bands rise, summed per group of bands.
    power: [frames] mean square.
    scale: the floors used.
    """

    step: float
    mel: Array
    chroma: Array
    onset: Array
    power: Array
    scale: Scale

    @property
    def frames(self) -> int:
        return len(self.mel)


def cancels(samples: Array) -> bool:
    """Whether two channels [samples, 2] are so opposed that their difference has to be heard instead of their mean."""
    if samples.ndim == 1 or samples.shape[1] != 2:
        return False
    left, right = samples[:, 0], samples[:, 1]
    return float(np.square(left - right).mean()) > 4 * float(np.square(left + right).mean())


def to_mono(samples: Array, difference: bool = False) -> Array:
    """[samples, channels] to [samples], the mean or half the difference."""
    if samples.ndim == 1:
        return samples.astype(np.float32)
    if difference:
        return (samples[:, 0] - samples[:, 1]).astype(np.float32) / 2
    return (samples @ np.full(samples.shape[1], 1 / samples.shape[1], np.float32)).astype(np.float32)


def features(mono: Array, rate: int, scale: Scale | None = None) -> Features:
    """Features of `mono` [samples]; without a scale its own is made."""
    factor = max(1, round(rate / ANALYSIS_RATE))
    signal = block_mean(mono, factor)
    low = rate / factor
    mel, power = _mel_power(signal, low)
    scale = scale or _own_scale(mel, power)
    decibels = 10 * np.log10(np.maximum(mel, scale.mel) / scale.mel)
    rises = np.maximum(np.diff(decibels, axis=0, prepend=decibels[:1]), 0)
    onset = rises.reshape(len(rises), GROUPS, BANDS // GROUPS).mean(axis=2)
    return Features(HOP / low, decibels, _chroma(signal, low, len(mel), scale), onset, power, scale)


def block_mean(signal: Array, factor: int) -> Array:
    """[samples] to [samples // factor], each the mean of `factor`."""
    if factor == 1:
        return signal
    kept = len(signal) // factor * factor
    return signal[:kept].reshape(-1, factor).mean(axis=1)


def _mel_power(signal: Array, rate: float) -> tuple[Array, Array]:
    """[frames, BANDS] mel power and [frames] mean square."""
    bank = _mel_bank(rate)
    window = np.hanning(WINDOW).astype(np.float32)
    mels: list[Array] = []
    powers: list[Array] = []
    for frames in _framed(signal, WINDOW, HOP):
        powers.append(np.square(frames).mean(axis=1))
        mels.append(np.square(np.abs(np.fft.rfft(frames * window, axis=1))).astype(np.float32) @ bank)
    return np.concatenate(mels), np.concatenate(powers)


def _chroma(signal: Array, rate: float, count: int, scale: Scale) -> Array:
    """[count, 12] from every fourth frame, repeated."""
    bank = _chroma_bank(rate)
    window = np.hanning(TONE_WINDOW).astype(np.float32)
    rows: list[Array] = []
    for frames in _framed(signal, TONE_WINDOW, 4 * HOP):
        spectra = np.sqrt(np.abs(np.fft.rfft(frames * window, axis=1))).astype(np.float32)
        shares = np.square(spectra @ bank)
        loud = np.square(frames).mean(axis=1) > scale.power
        rows.append(np.sqrt(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)) * loud[:, None])
    return np.repeat(np.concatenate(rows), 4, axis=0)[:count]


def _framed(signal: Array, window: int, hop: int) -> list[Array]:
    """Batches [some, window] of frames centred on multiples of `hop`."""
    padded = np.pad(signal, (window // 2, window // 2 + hop)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(signal) + 1 : hop]
    return [frames[start : start + _BLOCK] for start in range(0, len(frames), _BLOCK)]


def _own_scale(mel: Array, power: Array) -> Scale:
    below = 10 ** (-RANGE / 10)
    loud_mel, loud_power = float(np.quantile(mel.max(axis=1), 0.95)), float(np.quantile(power, 0.95))
    return Scale(max(loud_mel * below, 1e-9), max(loud_power * below, 1e-10))


def _mel_bank(rate: float) -> Array:
    """[bins, BANDS] triangles, equally wide on the mel scale from 40 Hz to 10 kHz, each divided by its width."""
    low, high = (1127 * float(np.log1p(hertz / 700)) for hertz in (40.0, min(10_000.0, 0.48 * rate)))
    mels: Array = np.linspace(low, high, BANDS + 2)
    edges = 700 * np.expm1(mels / 1127)
    bins = np.fft.rfftfreq(WINDOW, 1 / rate)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rising, falling))
    # the lowest bands are narrower than a bin: give each at least its nearest bin
    nearest = np.abs(bins - edges[1:-1]).argmin(axis=0)
    bank[nearest, np.arange(BANDS)] = np.maximum(bank[nearest, np.arange(BANDS)], 0.5)
    return (bank / bank.sum(axis=0)).astype(np.float32)


def _chroma_bank(rate: float) -> Array:
    """[bins, 12] which pitch class a bin from 80 Hz to 4 kHz belongs to."""
    bins = np.fft.rfftfreq(TONE_WINDOW, 1 / rate)
    heard = (bins > 80) & (bins < 4000)
    classes = np.round(12 * np.log2(np.maximum(bins, 1) / 440)).astype(int) % 12
    return (np.eye(12, dtype=np.float32)[classes] * heard[:, None]).astype(np.float32)
