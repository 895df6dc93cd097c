"""From a jump to a join: the exact samples, and the blend that is heard least.

Blends of several lengths and places are made on the analysis signal and listened to: the one whose spectrum jumps least
beyond what the track itself does wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.features.spectra import decibels, mel_weights, power_spectra
from fermata_mcp.rearrange.samples import to_float

from .alignment import align_waveform, best_offset

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Floats, Samples

_BLENDS = (0.012, 0.025, 0.05, 0.1, 0.2, 0.4)  # seconds
_LONG_BLENDS = (0.8, 1.6)  # seconds, for places that are not alike
_UNLIKE = 0.5  # share of listeners from which on short blends are enough
_CONTEXT = 0.25  # seconds heard before and after a blend
_LONGER_IS_WORSE = 0.09  # dB per doubling; a short blend smears least
_SPECTRUM_STEP = 0.025  # seconds between the compared spectra
_FINE_REACH = 0.05  # seconds of waveform compared at the full rate


@dataclass(frozen=True)
class Join:
    """One seam, in samples of the source.

    The result plays the source up to `leave - before`, blends into what surrounds `enter` until `leave + after`,
    and goes on from `enter + after`. `confidence` is the share of listeners, 0 to 1, who would not mind.
    """

    leave: int
    enter: int
    before: int
    after: int
    confidence: float

    @property
    def gain(self) -> int:
        """Samples added to the length."""
        return self.leave - self.enter


def blend_weights(size: int) -> Floats:
    """[size] weight of the new side, from nearly 0 to nearly 1 along half a cosine."""
    return 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, size + 2)[1:-1])


def blend(old: Floats, new: Floats) -> Floats:
    """Old into new, [frames, channels] both; power stays constant whatever their correlation."""
    energy = float(np.vdot(old, old)) * float(np.vdot(new, new))
    correlation = float(np.clip(np.vdot(old, new) / np.sqrt(energy + 1e-24), 0, 1))
    weight = blend_weights(len(old))[:, None]
    gain = 1 / np.sqrt((1 - weight) ** 2 + weight**2 + 2 * correlation * weight * (1 - weight))
    return (old * (1 - weight) + new * weight) * gain


class Joiner:
    """Turns jumps of one analysis into joins of its source."""

    def __init__(self, samples: Samples, analysis: Analysis, untouched: int, longest: float) -> None:
        """
        Args:
            untouched: Source frames at the beginning that no blend of the first join may alter.
            longest: Seconds a blend may last, so that two joins in a row leave each other alone.
        """
        self._samples, self._analysis, self._untouched = samples, analysis, untouched
        self._longest = longest
        self._usual_jump = _usual_jump(analysis)

    def join(self, leave_frame: int, lag: float, confidence: float, first: bool) -> Join:
        """The join that leaves at analysis frame `leave_frame` and goes back `lag` analysis samples."""
        analysis = self._analysis
        at = leave_frame * analysis.hop
        gain = self._exact_gain(at, lag)
        leave = analysis.start + at * analysis.step
        floor = self._untouched if first else 0
        leave = max(leave, floor)
        before, after = self._best_blend(leave, gain, confidence, leave - floor)
        return Join(leave, leave - gain, before, after, confidence)

    def _exact_gain(self, at: int, lag: float) -> int:
        """Source samples between both places, aligned by waveform where the waveforms agree."""
        analysis, step = self._analysis, self._analysis.step
        reach, slack = int(0.15 * analysis.rate), int(0.006 * analysis.rate)
        found, likeness = align_waveform(analysis.mono, at, round(lag), reach, slack)
        if likeness < 0.3:
            return round(lag * step)
        return self._align_at_full_rate(analysis.start + at * step, found * step)

    def _align_at_full_rate(self, leave: int, gain: int) -> int:
        samples = self._samples
        reach, slack = int(_FINE_REACH * samples.rate), 2 * self._analysis.step + 2
        start, stop = max(leave - reach, gain + slack), min(leave + reach, samples.frames)
        if stop - start < reach or stop - gain + slack > samples.frames:
            return gain
        there = self._mono(start, stop)
        found, _ = best_offset(there, self._mono(start - gain - slack, stop - gain + slack))
        return gain + slack - found

    def _mono(self, start: int, stop: int) -> F32:
        return to_float(self._samples.read(start, stop)).mean(1)

    def _best_blend(self, leave: int, gain: int, confidence: float, room: int) -> tuple[int, int]:
        """Samples before and after the cut of the blend that is heard least."""
        rate = self._samples.rate
        lengths = _BLENDS + (_LONG_BLENDS if confidence < _UNLIKE else ())
        best, least = (0, min(int(0.012 * rate), self._samples.frames - leave)), np.inf
        for length in (length for length in lengths if length <= self._longest):
            size = int(length * rate)
            for before in {min(size // 2, room), min(size, room)}:
                heard = self._heard(leave, gain, before, size - before)
                score = heard + _LONGER_IS_WORSE * np.log2(length / _BLENDS[0])
                if score < least:
                    best, least = (before, size - before), score
        return best

    def _heard(self, leave: int, gain: int, before: int, after: int) -> float:
        """dB by which the spectrum jumps more at this blend than the track usually does; infinite if it has no room."""
        analysis, step = self._analysis, self._analysis.step
        cut = (leave - analysis.start) // step
        back, first, second = round(gain / step), before // step, after // step
        context = int(_CONTEXT * analysis.rate)
        start, stop = cut - first - context, cut + second + context
        if start - back < 0 or start < 0 or stop - back > len(analysis.mono) or cut + second > len(analysis.mono):
            return np.inf
        mono = analysis.mono
        old, new = mono[cut - first : cut + second], mono[cut - first - back : cut + second - back]
        middle = blend(old[:, None].astype(np.float64), new[:, None].astype(np.float64))[:, 0].astype(np.float32)
        tail = mono[cut + second - back : stop - back]
        return max(
            0.0, self._largest_jump(np.concatenate([mono[start : cut - first], middle, tail])) - self._usual_jump
        )

    def _largest_jump(self, signal: F32) -> float:
        jumps = _spectral_jumps(signal, self._analysis)
        margin = int((_CONTEXT - 0.06 - _SPECTRUM_STEP) * self._analysis.rate / (self._analysis.hop // 2))
        return float(jumps[margin : len(jumps) - margin].max(initial=0))


def _spectral_jumps(signal: F32, analysis: Analysis) -> F32:
    """Mean change in dB over ±25 ms, every half frame."""
    hop = analysis.hop // 2
    weights = mel_weights(analysis.window, analysis.rate)
    mel = decibels(power_spectra(signal, analysis.window, hop, weights), analysis.floor)
    return _changes(mel, analysis.rate / hop)


def _usual_jump(analysis: Analysis) -> float:
    """What the track itself does in its livelier moments."""
    changes = _changes(analysis.mel, analysis.fps)
    return float(np.percentile(changes, 95)) if len(changes) else 1.0


def _changes(mel: F32, fps: float) -> F32:
    reach = max(1, round(_SPECTRUM_STEP * fps))
    smooth = (mel[:-1] + mel[1:]) / 2
    return np.abs(smooth[2 * reach :] - smooth[: -2 * reach]).mean(1)
