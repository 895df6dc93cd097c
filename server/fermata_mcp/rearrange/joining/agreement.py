"""Where two recordings hold the same music: the shift between them, and how much louder one is.

The shift is the one under which the overlap of both is least likely to agree by chance: the log-likelihood ratio of
correlated against uncorrelated samples, which weighs how well they agree by how long they do. Differences of samples
are compared, as neighbouring samples of music resemble one another whatever the music is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.alignment import best_offset

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

# Chosen 2026-11-28; judged by benchmarks/generated_joins.py.
_RATE = 11_025  # Hz, nearly: what every encoder keeps
_SHORTEST = 0.012  # seconds of overlap below which nothing is claimed
_LIKELY = 40.0  # least log-likelihood ratio of what agrees
_CORRELATED, _SHORT, _LONG_SECONDS = 0.2, 0.65, 0.5  # least correlation over so long, and over next to nothing
_SURELY = 0.45  # correlation from which, over so long, nothing else has to be less likely
_CLEARLY, _APART = 1.5, 0.001  # by which it has to be likelier than any other, and seconds from which that is another
_FINE_SECONDS = 0.3  # of overlap compared at the full rate
_GAIN_SECONDS, _MOST_GAIN = 3.0, 4.0  # of overlap from which levels are taken, and the most they may differ (12 dB)


@dataclass(frozen=True)
class Agreement:
    """`new[i]` is `old[i + shift]`, as far as both hold the same.

    Attributes:
        shift: Samples.
        correlation: How well they agree there, 0 to 1.
        gain: What `new` is to be multiplied by to be as loud as `old`.
    """

    shift: int
    correlation: float
    gain: float


def agreement(old: F32, new: F32, about: int, slack: int, rate: float) -> Agreement | None:
    """Where `old` [samples] and `new` [samples] agree, with a shift of `about` more or less `slack` samples.

    None where they hold nothing that is the same.
    """
    step = max(1, round(rate / _RATE))
    rough = _rough(_sharp(old, step), _sharp(new, step), round(about / step), slack // step + 1, rate / step)
    if rough is None:
        return None
    shift = _fine(old, new, rough[0] * step, 2 * step, round(_FINE_SECONDS * rate))
    return Agreement(shift, rough[1], _gain(*_overlap(old, new, shift, round(_GAIN_SECONDS * rate))))


def local_agreement(old: F32, new: F32, shift: int, places: Ints, reach: int, rate: float) -> Floats:
    """[places] correlation of `new` and `old` within `reach` samples of each of `places` [samples of `old`]."""
    step = max(1, round(rate / _RATE))
    one, other = _sharp(old, step), _sharp(new, step)
    return np.array([_at(one, other, round(shift / step), round(place / step), reach // step) for place in places])


def _at(old: F32, new: F32, shift: int, place: int, reach: int) -> float:
    start, stop = max(0, shift, place - reach), min(len(old), len(new) + shift, place + reach)
    if stop - start < reach // 2:
        return 0.0
    there = old[start:stop].astype(np.float64)
    best = 0.0
    for near in (-1, 0, 1):  # the rounding of the shift
        first = max(0, start - shift + near)
        here = new[first : first + len(there)].astype(np.float64)
        if len(here) == len(there):
            best = max(best, _normalised(there, here))
    return best


def _normalised(one: Floats, other: Floats) -> float:
    return float(np.vdot(one, other)) / float(np.sqrt(np.vdot(one, one) * np.vdot(other, other) + 1e-20))


def _sharp(signal: F32, step: int) -> F32:
    """`signal` [samples] at a lower rate, as differences of neighbours."""
    used = signal[: len(signal) // step * step].reshape(-1, step).mean(1)
    return np.diff(used, prepend=used[:1])


def _rough(old: F32, new: F32, about: int, slack: int, rate: float) -> tuple[int, float] | None:
    """The likeliest shift, and the correlation there."""
    shifts = np.arange(about - slack, about + slack + 1)
    start, stop = np.maximum(0, shifts), np.minimum(len(old), len(new) + shifts)
    length = np.maximum(0, stop - start)
    start, stop = np.minimum(start, len(old)), np.maximum(np.minimum(stop, len(old)), 0)
    size = 1 << (len(old) + len(new)).bit_length()
    products = np.fft.irfft(np.fft.rfft(old, size) * np.conj(np.fft.rfft(new, size)), size)[shifts % size]
    energy = _between(old, start, stop) * _between(new, start - shifts, stop - shifts)
    correlation = np.clip(products / np.sqrt(np.maximum(energy, 1e-18)), 0, 0.9999)
    correlation[(length < _SHORTEST * rate) | (energy < 1e-14)] = 0
    likely = -0.5 * length * np.log1p(-(correlation**2))
    best = int(np.argmax(likely))
    short = max(0.0, 1 - length[best] / (_LONG_SECONDS * rate))
    if correlation[best] < _CORRELATED + (_SHORT - _CORRELATED) * short or likely[best] < _LIKELY:
        return None
    if (short or correlation[best] < _SURELY) and likely[best] < _CLEARLY * _next_best(
        likely, best, round(_APART * rate)
    ):
        return None
    return int(shifts[best]), float(correlation[best])


def _next_best(likely: Floats, best: int, apart: int) -> float:
    """The highest other peak: a held note agrees with itself at every one of its periods."""
    peaks = (likely[1:-1] >= likely[:-2]) & (likely[1:-1] >= likely[2:])
    peaks[max(0, best - 1 - apart) : best + apart] = False
    return float(likely[1:-1][peaks].max(initial=0))


def _between(signal: F32, start: Ints, stop: Ints) -> Floats:
    """[n] energy of `signal` [samples] from `start` to `stop` [n]."""
    summed = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64))])
    first, last = np.clip(start, 0, len(signal)), np.clip(stop, 0, len(signal))
    return summed[np.maximum(first, last)] - summed[first]


def _overlap(old: F32, new: F32, shift: int, most: int) -> tuple[F32, F32]:
    """The same `most` samples of both, in the middle of where they overlap."""
    start, stop = max(0, shift), min(len(old), len(new) + shift)
    cut = max(0, stop - start - most) // 2
    return old[start + cut : stop - cut], new[start + cut - shift : stop - cut - shift]


def _fine(old: F32, new: F32, shift: int, slack: int, most: int) -> int:
    """`shift` to the sample, by `most` samples of the overlap."""
    start, stop = max(0, shift + slack), min(len(old), len(new) + shift - slack)
    size = min(stop - start, most)
    if size < 4 * slack:
        return shift
    first = start + (stop - start - size) // 2
    hay = new[first - shift - slack : first + size - shift + slack]
    offset, _ = best_offset(old[first : first + size], hay)
    return shift + slack - offset


def _gain(old: F32, new: F32) -> float:
    energy = float(np.vdot(new, new))
    found = float(np.sqrt(float(np.vdot(old, old)) / energy)) if energy > 1e-9 else 1.0
    return found if 1 / _MOST_GAIN <= found <= _MOST_GAIN else 1.0
