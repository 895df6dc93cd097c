"""From a jump to a crossfade: the exact samples, and the length and place at which it is heard least.

Crossfades of several lengths and places are made on the analysis signal and compared: the one whose spectrum changes
least beyond what the track itself does wins. The change is spectral flux in absolute value, in dB of mel bands
(S. Dixon, "Onset Detection Revisited", DAFx 2006).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.media.encoding.peaks import blended
from fermata_mcp.rearrange.features.spectra import decibels, mel_weights, power_spectra
from fermata_mcp.rearrange.samples import to_float

from .alignment import align_waveform, best_offset

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Floats, Samples

# Chosen 2026-11-22 when the engine was written; benchmarks/quality.py has judged them on the 26 tracks of
# fetch_music.TUNED since, and only `_UNLIKE` was changed.
_LENGTHS = (0.012, 0.025, 0.05, 0.1, 0.2, 0.4)  # seconds
_LONG_LENGTHS = (0.8, 1.6)  # seconds, for places that are not alike
_UNLIKE = 0.5  # share of listeners from which on short ones are enough
_CONTEXT = 0.25  # seconds compared before and after a crossfade
_LONGER_IS_WORSE = 0.09  # dB per doubling; a short crossfade smears least
_SPECTRUM_STEP = 0.025  # seconds between the compared spectra
_ALIGNED = 0.3  # correlation from which waveforms are aligned
_FINE_REACH = 0.05  # seconds of waveform compared at the full rate
_SHIFT, _AS_GOOD = 0.006, 0.02  # seconds, and correlation, by which a lag may be off to meet a length exactly


@dataclass(frozen=True)
class Crossfade:
    """How one seam is made, in sample frames of the source.

    The result plays the source up to `leave - before`, fades over into what surrounds `enter` until `leave + after`,
    and goes on from `enter + after`.

    Attributes:
        leave: Frame at which the cut leaves.
        enter: Frame at which it goes on.
        before: Frames before the cut in which both are heard.
        after: Frames after it in which both are heard.
        confidence: Share of listeners, 0 to 1, who would not mind.
    """

    leave: int
    enter: int
    before: int
    after: int
    confidence: float

    @property
    def lag(self) -> int:
        """Frames jumped back, and so added to the length; negative where it jumps forward."""
        return self.leave - self.enter


def crossfade_weights(size: int) -> Floats:
    """[size] weight of the new side, from nearly 0 to nearly 1 along half a cosine."""
    return 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, size + 2)[1:-1])


def crossfade(old: Floats, new: Floats, full: float = np.inf) -> Floats:
    """`old` [frames, channels] faded over into `new`, of the same shape, which the result has too.

    No sample comes to `full` scale that neither side has there.

    Power stays constant whatever their correlation: equal gain where they are alike, equal power where they are not
    (M. Fink, M. Holters, U. Zölzer, "Signal-Matched Power-Complementary Cross-Fading and Dry-Wet Mixing", DAFx 2016).
    """
    energy = float(np.vdot(old, old)) * float(np.vdot(new, new))
    correlation = float(np.clip(np.vdot(old, new) / np.sqrt(energy + 1e-24), 0, 1))
    weight = crossfade_weights(len(old))[:, None]
    gain = 1 / np.sqrt((1 - weight) ** 2 + weight**2 + 2 * correlation * weight * (1 - weight))
    if full == np.inf:
        return (old * (1 - weight) + new * weight) * gain
    return blended(old, new, weight, gain, full)


class Crossfader:
    """Turns jumps of one analysis into crossfades of its source."""

    def __init__(self, samples: Samples, analysis: Analysis, untouched: int, longest: float) -> None:
        """
        Args:
            samples: The source.
            analysis: Of a stretch of it, which holds every jump.
            untouched: Source frames at the beginning that the first crossfade may not alter.
            longest: Seconds a crossfade may last, so that two in a row leave each other alone.
        """
        self._samples, self._analysis, self._untouched = samples, analysis, untouched
        self._longest = longest
        self._usual_flux = _usual_flux(analysis)

    def fit(self, leave_frame: int, lag: float, confidence: float, first: bool) -> Crossfade:
        """The one that leaves at analysis frame `leave_frame` and goes back `lag` analysis samples."""
        analysis = self._analysis
        at = leave_frame * analysis.hop
        exact = self._exact_lag(at, lag)
        leave = analysis.start + at * analysis.step
        floor = self._untouched if first else 0
        leave = max(leave, floor)
        before, after = self._least_audible(leave, exact, confidence, leave - floor)
        return Crossfade(leave, leave - exact, before, after, confidence)

    def nudged(self, crossfade: Crossfade, frames: int) -> Crossfade | None:
        """The same one that adds so many `frames` more, where that is not heard; else None.

        Where both sides are one waveform, the lag is what the waveform says; where they are not, a shift of a few
        milliseconds is none of time.
        """
        if abs(frames) > _SHIFT * self._samples.rate:
            return None
        shifted = replace(crossfade, enter=crossfade.enter - frames)
        last = self._samples.frames - shifted.after
        if not shifted.before <= shifted.enter <= last:
            return None
        before, after = (self._agreement(one.leave, one.lag) for one in (crossfade, shifted))
        return shifted if after > before - _AS_GOOD or before < _ALIGNED else None

    def _agreement(self, leave: int, lag: int) -> float:
        """Normalised correlation of the waveforms around both places."""
        reach = int(_FINE_REACH * self._samples.rate)
        before = min(reach, leave, leave - lag)
        after = min(reach, self._samples.frames - max(leave, leave - lag))
        there = self._mono(leave - before, leave + after).astype(np.float64)
        here = self._mono(leave - lag - before, leave - lag + after).astype(np.float64)
        energy = float(np.vdot(there, there)) * float(np.vdot(here, here))
        return float(np.vdot(there, here)) / float(np.sqrt(energy + 1e-24))

    def _exact_lag(self, at: int, lag: float) -> int:
        """Source samples between both places, aligned by waveform where the waveforms agree."""
        analysis, step = self._analysis, self._analysis.step
        reach, slack = int(0.15 * analysis.rate), int(0.006 * analysis.rate)
        aligned, correlation = align_waveform(analysis.mono, at, round(lag), reach, slack)
        if correlation < _ALIGNED:
            return round(lag * step)
        return self._align_at_full_rate(analysis.start + at * step, aligned * step)

    def _align_at_full_rate(self, leave: int, lag: int) -> int:
        """`lag`, and what it is, in source samples."""
        samples = self._samples
        reach, slack = int(_FINE_REACH * samples.rate), 2 * self._analysis.step + 2
        start, stop = max(leave - reach, lag + slack), min(leave + reach, samples.frames)
        if stop - start < reach or stop - lag + slack > samples.frames:
            return lag
        there = self._mono(start, stop)
        offset, _ = best_offset(there, self._mono(start - lag - slack, stop - lag + slack))
        return lag + slack - offset

    def _mono(self, start: int, stop: int) -> F32:
        """[samples] the mean of all channels at the full rate."""
        return to_float(self._samples.read(start, stop)).mean(1)

    def _least_audible(self, leave: int, lag: int, confidence: float, room: int) -> tuple[int, int]:
        """Source samples before and after the cut of the crossfade that is heard least."""
        rate = self._samples.rate
        lengths = _LENGTHS + (_LONG_LENGTHS if confidence < _UNLIKE else ())
        best, least = (0, min(int(0.012 * rate), self._samples.frames - max(leave, leave - lag))), np.inf
        for length in (length for length in lengths if length <= self._longest):
            size = int(length * rate)
            for before in {min(size // 2, room), min(size, room)}:
                audibility = self._audibility(leave, lag, before, size - before)
                score = audibility + _LONGER_IS_WORSE * np.log2(length / _LENGTHS[0])
                if score < least:
                    best, least = (before, size - before), score
        return best

    def _audibility(self, leave: int, lag: int, before: int, after: int) -> float:
        """dB by which the spectrum changes more in it than the track usually does; infinite if it has no room."""
        analysis, step = self._analysis, self._analysis.step
        cut = (leave - analysis.start) // step
        back, first, second = round(lag / step), before // step, after // step
        context = int(_CONTEXT * analysis.rate)
        start, stop = cut - first - context, cut + second + context
        if start - back < 0 or start < 0 or stop - back > len(analysis.mono) or cut + second > len(analysis.mono):
            return np.inf
        mono = analysis.mono
        old, new = mono[cut - first : cut + second], mono[cut - first - back : cut + second - back]
        middle = crossfade(old[:, None].astype(np.float64), new[:, None].astype(np.float64))[:, 0].astype(np.float32)
        tail = mono[cut + second - back : stop - back]
        return max(
            0.0, self._largest_flux(np.concatenate([mono[start : cut - first], middle, tail])) - self._usual_flux
        )

    def _largest_flux(self, signal: F32) -> float:
        """In dB, within `signal` [samples] without the context at its ends."""
        flux = _spectral_flux(signal, self._analysis)
        margin = int((_CONTEXT - 0.06 - _SPECTRUM_STEP) * self._analysis.rate / (self._analysis.hop // 2))
        return float(flux[margin : len(flux) - margin].max(initial=0))


def _spectral_flux(signal: F32, analysis: Analysis) -> F32:
    """[half frames] mean change of `signal` [samples] in dB over ±25 ms."""
    hop = analysis.hop // 2
    weights = mel_weights(analysis.window, analysis.rate)
    mel = decibels(power_spectra(signal, analysis.window, hop, weights), analysis.floor)
    return _changes(mel, analysis.rate / hop)


def _usual_flux(analysis: Analysis) -> float:
    """dB; what the track itself does in its livelier moments."""
    changes = _changes(analysis.mel, analysis.fps)
    return float(np.percentile(changes, 95)) if len(changes) else 1.0


def _changes(mel: F32, fps: float) -> F32:
    """[frames - 1 - twice the reach] mean absolute change of `mel` [frames, bands] dB over ±25 ms."""
    reach = max(1, round(_SPECTRUM_STEP * fps))
    smooth = (mel[:-1] + mel[1:]) / 2
    return np.abs(smooth[2 * reach :] - smooth[: -2 * reach]).mean(1)
