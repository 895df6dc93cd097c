"""How far apart two alike places are: by onsets to a fraction of a frame, by waveform to the sample.

Both are normalised cross-correlation, of onset strengths and of samples; J. P. Lewis, "Fast Normalized
Cross-Correlation" (1995). A peak is found between two values by a parabola through three
(J. O. Smith, "Spectral Audio Signal Processing", 2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.features.spectra import BANDS

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

# Chosen 2026-11-22 when the engine was written; those of the pulse the same day, judged by benchmarks/quality.py on the
# 26 tracks of fetch_music.TUNED.
_REACH = 2.5  # seconds of onsets compared on either side
_SLACK = 0.075  # seconds the lag may be off beyond a cell
_PULSE_REACH, _PULSE_AROUND = 0.45, 4.0  # seconds: lags looked at for the pulse, and onsets compared on either side
_PULSE, _ON_PULSE = 0.25, 0.6  # correlation from which there is a pulse, and share of the best one that is on it
_SHORTEST = 256  # samples; shorter stretches correlate by chance


def align_onsets(analysis: Analysis, leave: Ints, enter: Ints) -> Floats:
    """[jumps] lags in analysis samples at which the onsets around frames `leave` and `enter` [jumps] agree best."""
    rhythm = _rhythm(analysis)
    slack = max(3, int(_SLACK * analysis.fps)) + analysis.cell // 2
    reach = int(_REACH * analysis.fps)
    lags = [_best_lag(rhythm, p, q, reach, slack) for p, q in zip(leave.tolist(), enter.tolist(), strict=True)]
    return np.maximum(np.asarray(lags, np.float64), 1) * analysis.hop


def off_pulse(analysis: Analysis, leave: Ints, lag: Floats) -> Floats:
    """[jumps] seconds by which the onsets after each jump come early or late; 0 where there is no pulse.

    The onsets around both places are compared at all lags nearby. Any lag at which they agree nearly as well as at the
    best one is on the pulse.

    Args:
        analysis: The onsets.
        leave: [jumps] frames.
        lag: [jumps] analysis samples.
    """
    enter = leave - lag / analysis.hop
    frames = [_off_pulse(analysis, p, q) for p, q in zip(leave.tolist(), enter.tolist(), strict=True)]
    return np.array(frames) / analysis.fps


def _off_pulse(analysis: Analysis, leave: int, enter: float) -> float:
    """In frames, for a jump from frame `leave` to `enter`."""
    onsets, reach, around = analysis.onsets, int(_PULSE_REACH * analysis.fps), int(_PULSE_AROUND * analysis.fps)
    nearest = round(enter)
    before = min(around, leave, nearest - reach)
    after = min(around, len(onsets) - leave, len(onsets) - nearest - reach)
    if before + after < around or after <= 0:
        return 0.0
    there, here = onsets[nearest - before - reach : nearest + after + reach], onsets[leave - before : leave + after]
    there, here = there - there.mean(0), here - here.mean(0)
    product = np.sum([np.correlate(a, b) for a, b in zip(there.T, here.T, strict=True)], axis=0)
    energy = np.concatenate([[0.0], np.cumsum(np.square(there).sum(1, dtype=np.float64))])
    energy = energy[len(here) :] - energy[: len(product)]
    correlation = product / np.sqrt(energy * float(np.square(here).sum()) + 1e-9)
    inner = correlation[1:-1]
    best = float(inner.max())
    if best < _PULSE:
        return 0.0
    agree = (inner >= correlation[:-2]) & (inner >= correlation[2:]) & (inner >= _ON_PULSE * best)
    peaks = [peak + 1 + peak_offset(correlation, peak + 1) - reach for peak in np.flatnonzero(agree).tolist()]
    return min((abs(peak - (enter - nearest)) for peak in peaks), default=0.0)


def align_waveform(mono: F32, at: int, lag: int, reach: int, slack: int) -> tuple[int, float]:
    """The lag whose waveform agrees best, and that normalised correlation, -1 to 1.

    Args:
        mono: [samples] the signal.
        at: Sample around which waveforms are compared.
        lag: Samples back, roughly.
        reach: Samples compared on either side of `at`.
        slack: Samples by which the result may differ from `lag`.
    """
    start, stop = max(0, at - reach), min(len(mono), at + reach)
    start = max(start, lag + slack)
    stop = min(stop, len(mono) + lag - slack)
    if stop - start < _SHORTEST:
        return lag, 0.0
    there = mono[start:stop]
    offset, correlation = best_offset(there, mono[start - lag - slack : stop - lag + slack])
    return lag + slack - offset, correlation


def best_offset(needle: F32, hay: F32) -> tuple[int, float]:
    """Where in `hay` [samples] a stretch like `needle` [fewer samples] begins, and that normalised correlation."""
    size = 1 << (len(hay) - 1).bit_length()  # what wraps around lies beyond the offsets looked at
    spectrum = np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size))
    product = np.fft.irfft(spectrum, size)[: len(hay) - len(needle) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(hay, dtype=np.float64))])
    energy = energy[len(needle) :] - energy[: -len(needle)]
    own = float(np.vdot(needle, needle))
    correlation = product / np.sqrt(np.maximum(energy * own, 1e-18) + 1e-12)
    best = int(np.argmax(correlation))
    return best, float(correlation[best])


def _rhythm(analysis: Analysis) -> F32:
    """[frames, 8] onsets and changes of the spectrum, which both mark time."""
    groups = analysis.mel.reshape(analysis.frames, 4, BANDS // 4).mean(2)
    change = np.diff(groups, axis=0, prepend=groups[:1]) * 0.15
    onsets = analysis.onsets / (analysis.onsets.std(0) + 1e-6)
    return np.concatenate([onsets, change], 1).astype(np.float32)


def _best_lag(rhythm: F32, leave: int, enter: int, reach: int, slack: int) -> float:
    """Frames from `enter` to `leave`, more or less up to `slack`, at which `rhythm` [frames, 8] agrees best."""
    before = max(0, min(reach, enter - slack))
    after = max(0, min(reach, len(rhythm) - leave - slack - 1))
    if before + after < 20:
        return leave - enter
    there = rhythm[leave - before : leave + after]
    hay = rhythm[max(0, enter - before - slack) : enter + after + slack]
    if len(hay) < len(there) + 2 * slack:
        return leave - enter
    products = np.array([np.vdot(hay[k : k + len(there)], there) for k in range(2 * slack + 1)])
    peak = int(np.argmax(products))
    return leave - enter - (peak + peak_offset(products, peak) - slack)


def peak_offset(values: Floats, peak: int) -> float:
    """Offset of the true maximum from the highest of `values` [n], by a parabola through its neighbours."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    left, mid, right = (float(v) for v in values[peak - 1 : peak + 2])
    bend = left - 2 * mid + right
    return 0.5 * (left - right) / bend if bend < 0 else 0.0
