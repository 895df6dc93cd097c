"""The fallback: the track again from its beginning, in time where it has a pulse, else through a long crossfade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.alignment import peak_offset
from fermata_mcp.rearrange.transitions.crossfade import Crossfade

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Samples

# Chosen 2026-11-22; not tuned.
_PULSE = 0.35  # autocorrelation of the onsets from which there is a pulse
_SLOWEST = 0.25  # seconds, the shortest pulse looked for
_SHORTEST, _LONGEST = 0.004, 1.0  # seconds of a crossfade
_CONFIDENCE = 0.3
_ROUNDING = 0.03  # seconds by which a clip may miss a whole number of pulses


def repeat_crossfades(samples: Samples, analysis: Analysis, frames: int, place: int | None) -> tuple[Crossfade, ...]:
    """Crossfades that repeat the source until it fills `frames`; leaving at frame `place` if that is given."""
    crossfade = _in_time(samples, analysis, place) or _at_length(samples, place)
    count = -(-(frames - samples.frames) // crossfade.lag)
    return (crossfade,) * count


def _in_time(samples: Samples, analysis: Analysis, place: int | None) -> Crossfade | None:
    """From the last whole pulse back to the beginning."""
    period = _pulse_seconds(analysis)
    if period is None:
        return None
    end = (samples.frames if place is None else place) / samples.rate
    pulses = int((end + _ROUNDING) / period)
    leave = min(samples.frames, round(pulses * period * samples.rate))
    if place is not None or abs(leave - samples.frames) < _ROUNDING * samples.rate:
        leave = samples.frames if place is None else place
    after = int(_SHORTEST * samples.rate)
    return Crossfade(leave, 0, 0, after, _CONFIDENCE) if leave > 4 * after else None


def _at_length(samples: Samples, place: int | None) -> Crossfade:
    """From near the end, or from `place`, over as long as the source allows."""
    size = max(2, min(samples.frames // 3, int(_LONGEST * samples.rate)))
    if place is None or place < size:
        return Crossfade(samples.frames - size, 0, 0, size, _CONFIDENCE)
    return Crossfade(place, 0, 0, size, _CONFIDENCE)


def _pulse_seconds(analysis: Analysis) -> float | None:
    """Distance of the strongest regular onsets, if there are any."""
    onset = analysis.onset - analysis.onset.mean()
    shortest, longest = int(_SLOWEST * analysis.fps), analysis.frames // 2
    if longest - shortest < 4:
        return None
    correlation = _autocorrelation(onset)[: longest + 1]
    peak = shortest + int(np.argmax(correlation[shortest:longest]))
    if correlation[peak] < _PULSE:
        return None
    return (peak + peak_offset(correlation, peak)) / analysis.fps


def _autocorrelation(values: F32) -> F32:
    """[lags] of `values` [n], n lags from 0 on, 1 at lag 0; by the overlap, so that long lags are not smaller."""
    size = 1 << (2 * len(values)).bit_length()
    spectrum = np.fft.rfft(values, size)
    power = spectrum.real**2 + spectrum.imag**2
    product = np.fft.irfft(power, size)[: len(values)]
    overlap = np.arange(len(values), 0, -1) / len(values)
    return (product / (product[0] + 1e-9) / overlap).astype(np.float32)
