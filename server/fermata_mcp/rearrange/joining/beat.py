"""The pulse of what came before, and whether what follows keeps it.

The period is the first strong peak of the autocorrelation of onsets; how both sides lie in it is compared by their
onsets folded into one period (M. Müller, "Fundamentals of Music Processing", 2015, chapter 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.alignment import peak_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fermata_mcp.rearrange.samples import F32, Floats

# Chosen 2026-11-28; judged by benchmarks/generated_joins.py.
_SHORTEST, _LONGEST = 0.25, 1.25  # seconds of a period
_PULSE, _NEARLY = 0.25, 0.85  # correlation from which there is one, and share of the best that is as good
_PERIODS = 4  # over which its length is measured
_AROUND = 4.5  # seconds of onsets on either side
_STEADY = 0.025  # seconds by which what came before may itself be off its pulse
_ON, _FOLDED = 0.6, 0.45  # share of the best agreement that is on the pulse, and the least that the best has to be


@dataclass(frozen=True)
class Beat:
    """A steady pulse: `period` in frames, `fps` frames a second."""

    period: float
    fps: float

    def off(self, onset: F32, leave: int, enter: int) -> float:
        """Seconds by which the onsets from frame `enter` on are early or late after frame `leave`."""
        agrees = self._agreement(onset, leave, enter)
        if agrees is None:
            return 0.0
        return min(map(abs, _peaks(agrees, _ON, self.period)), default=0.0) / self.fps

    def shift(self, onset: F32, leave: int, enter: int) -> float | None:
        """Frames by which what is at `enter` should begin later; None where it is on the pulse, or there is none."""
        agrees = self._agreement(onset, leave, enter)
        if agrees is None or agrees[0] >= _ON * agrees.max():
            return None
        return min(_peaks(agrees, _NEARLY, self.period), key=abs, default=None)

    def _agreement(self, onset: F32, leave: int, enter: int) -> Floats | None:
        """[period] how well both sides agree if the second is so many frames later; None without a clear best."""
        around, bins = int(_AROUND * self.fps), round(self.period)
        before = _folded(onset[max(0, leave - around) : leave][::-1], self.period, bins, backwards=True)
        after = _folded(onset[enter : enter + around], self.period, bins, backwards=False)
        if before is None or after is None:
            return None
        before, after = before - np.mean(before), after - np.mean(after)
        agrees: Floats = np.fft.irfft(np.fft.rfft(before) * np.conj(np.fft.rfft(after)), bins)
        scale = np.sqrt(float(np.vdot(before, before)) * float(np.vdot(after, after))) + 1e-9
        return agrees / scale if agrees.max() / scale > _FOLDED else None


def beat_of(onset: F32, fps: float) -> Beat | None:
    """Of onset strengths [frames]; None where there is no pulse."""
    centred = np.maximum(onset[-int(12 * fps) :], 0).astype(np.float64)
    centred -= centred.mean()
    least, most = int(_SHORTEST * fps), int(_LONGEST * fps)
    if len(centred) < 4 * most:
        return None
    size = 1 << (2 * len(centred)).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    raw = np.fft.irfft(power, size)[: len(centred) // 2]
    found = raw / np.maximum(1, len(centred) - np.arange(len(raw)))
    found /= found[0] + 1e-12
    peaks = [at for at in range(least, most) if found[at] >= found[at - 1] and found[at] >= found[at + 1]]
    best = max((found[at] for at in peaks), default=0.0)
    if best < _PULSE:
        return None
    beat = Beat(_longer(found, next(at for at in peaks if found[at] >= _NEARLY * best)), fps)
    middle = len(onset) - int(_AROUND * fps)
    return beat if beat.off(onset, middle, middle) <= _STEADY else None


def _longer(found: Floats, period: int) -> float:
    """`period` to a fraction, by where it comes again some periods later."""
    at, length = float(period), float(period)
    for times in range(1, _PERIODS + 1):
        near = round(length * times)
        if near + 3 >= len(found):
            break
        peak = near - 2 + int(np.argmax(found[near - 2 : near + 3]))
        at = peak + peak_offset(found, peak)
        length = at / times
    return length


def _folded(onset: F32, period: float, bins: int, *, backwards: bool) -> NDArray[np.float64] | None:
    """[bins] mean onset strength by place in the period, counted from the join."""
    if len(onset) < 2 * period:
        return None
    when = (-1 - np.arange(len(onset))) if backwards else np.arange(len(onset))
    places = np.floor(np.mod(when, period) * bins / period).astype(np.int64) % bins
    weights = np.maximum(onset, 0)
    summed = np.bincount(places, weights, bins) / np.maximum(1, np.bincount(places, minlength=bins))
    smooth = np.array([0.25, 0.5, 0.25])
    return np.convolve(np.concatenate([summed[-1:], summed, summed[:1]]), smooth, "valid")


def _peaks(agrees: Floats, share: float, period: float) -> list[float]:
    """Frames, from minus half a period to half of it, at which `agrees` peaks with that share of the best."""
    values: list[float] = agrees.tolist()
    least, found = share * max(values), list[float]()
    for at, (left, mid, right) in enumerate(
        zip(values[-1:] + values[:-1], values, values[1:] + values[:1], strict=True)
    ):
        if mid >= max(left, right, least):
            place = at + peak_offset(np.array([left, mid, right]), 1)
            found.append(place - period if place > period / 2 else place)
    return found
