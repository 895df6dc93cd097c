"""The same again: a passage that is named, by the best joins near its bounds; an intro and what follows it for ever.

And where nothing else is possible, the track from its beginning, in time where it has a pulse, else through a long
crossfade; an even sound by few long ones.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.rearrange.transitions.alignment import peak_offset
from fermata_mcp.rearrange.transitions.crossfade import Crossfade, Crossfader
from fermata_mcp.rearrange.transitions.jumps import Jumps, jumps_between
from fermata_mcp.rearrange.transitions.self_distance import JumpBounds, body_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.job import Job
    from fermata_mcp.rearrange.samples import F32, Floats, Samples

# Chosen 2026-11-22; not tuned.
_PULSE = 0.35  # autocorrelation of the onsets from which there is a pulse
_SLOWEST = 0.25  # seconds, the shortest pulse looked for
_SHORTEST, _LONGEST = 0.004, 1.0  # seconds of a crossfade
_CONFIDENCE = 0.3
_SAME = 1.05  # seconds within which a join is the same
_ROUNDING = 0.03  # seconds by which a clip may miss a whole number of pulses
# Chosen 2026-11-28; not tuned.
_AROUND, _EVERY = 1.2, 0.2  # seconds from each bound within which joins are looked for, and between those looked at
_FARTHEST = 1.6  # seconds that a join may be from a bound: what is heard is still the passage that was named
_LONGER_OR_SHORTER = 0.12  # share by which it may be longer or shorter for that
_AWAY, _OTHER_LENGTH = 0.1, 0.4  # penalty per second that a join lies away from a bound, or makes it longer or shorter
_AT_THE_BOUNDS = 0.3  # confidence of a join where nothing nearby sounds alike
_EVEN_BLEND, _EVEN_CONFIDENCE, _EVEN_STEP = 3.0, 0.95, 3.0  # seconds; at its best; dB at which half is left of it
_BLEND = 0.4  # seconds, the longest
_SHORTER_LOOP = 0.25  # penalty that a loop of nothing has more than one of the whole track
_OFF_END = 0.05  # penalty per second that the file ends away from where it is wanted
_LEAST_SHARE, _LEAST_SECONDS = 0.25, 8.0  # of the file that the loop is, or of what it lasts, at least
_OTHER_TAKE, _ALIKE = 0.5, 2.0  # penalty in another take of an earlier one, and of those within so many seconds


def loop_crossfade(samples: Samples, frames: int) -> Crossfade:
    """One that makes a loop of `frames`, at most the source, from its beginning."""
    size = max(2, min(frames // 3, int(_LONGEST * samples.rate)))
    return Crossfade(min(frames, samples.frames - size), 0, 0, size, _CONFIDENCE)


def repeat_crossfades(
    samples: Samples, analysis: Analysis, frames: int, place: int | None, avoid: Sequence[tuple[float, float]] = ()
) -> tuple[Crossfade, ...]:
    """Crossfades that repeat the source until it fills `frames`; leaving at frame `place` if that is given.

    None where it is longer than that.
    """
    crossfade = _in_time(samples, analysis, place) or _at_length(samples, place)
    if place is None:
        crossfade = _earlier(crossfade, samples.rate, _pulse_seconds(analysis), avoid)
    count = max(0, -(-(frames - samples.frames) // crossfade.lag))
    return (crossfade,) * count


def _earlier(crossfade: Crossfade, rate: int, period: float | None, avoid: Sequence[tuple[float, float]]) -> Crossfade:
    """One that leaves so much earlier, by whole pulses, that it is none of those that are not wanted, if there is."""
    step = round((period * math.ceil(_SAME / period) if period else _SAME) * rate)
    moved = crossfade
    while any(abs(moved.leave / rate - leave) < _SAME and abs(moved.enter / rate - to) < _SAME for leave, to in avoid):
        moved = replace(moved, leave=moved.leave - step)
        if moved.lag < max(2 * moved.after, step // 2):
            return crossfade
    return moved


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


def even_crossfades(
    samples: Samples, analysis: Analysis, added: int, place: int | None, job: Job
) -> tuple[Crossfade, ...] | None:
    """Long blends that together add exactly `added` frames to an even sound; of a loop all that it lasts.

    As few as there can be, each from about where the levels agree best, at or after frame `place` if that is given.
    None where there is no room for one, or a pulse that goes on.
    """
    rate = samples.rate
    if _pulse_seconds(analysis) is not None:
        return None
    span = body_span(analysis)
    first, last = (analysis.start + round(cell * analysis.cell_seconds * rate) for cell in span)
    size = min(int(_EVEN_BLEND * rate), (last - first) // 6)
    room = last - first - 2 * size
    if size < 2 or room < rate or added == 0:
        return None
    count = -(-abs(added) // room)
    if added < 0 and count > 1:
        return None
    lag, more = divmod(abs(added), count)
    enter = _evenest(samples, analysis, lag + 1, (first + size, last - size - lag - 1), place, job)
    if enter is None:
        return None
    at, confidence = enter
    lags = [lag + (number < more) for number in range(count)]
    made = {each: _even_crossfade(at, each if added > 0 else -each, size, confidence) for each in set(lags)}
    return tuple(made[each] for each in lags)


def _even_crossfade(at: int, lag: int, size: int, confidence: float) -> Crossfade:
    """Between frame `at` and what is `lag` frames later: back from there, or forward from here where negative."""
    leave, enter = (at + lag, at) if lag > 0 else (at, at - lag)
    return Crossfade(leave, enter, size // 2, size - size // 2, confidence)


def _evenest(
    samples: Samples, analysis: Analysis, lag: int, span: tuple[int, int], place: int | None, job: Job
) -> tuple[int, float] | None:
    """The frame within `span` whose level is most like that `lag` frames later, and how sure one can be of it."""
    rate, cell = samples.rate, analysis.cell_seconds
    starts = np.arange(span[0], max(span) + 1, max(1, round(cell * rate)))
    if span[1] < span[0]:
        return None
    leave = starts + lag if job.length_seconds * rate > samples.frames or job.loops else starts
    allowed = leave >= (place or 0)
    for one, other in job.avoid:
        near = (np.abs(starts / rate - min(one, other)) < 1) & (np.abs((starts + lag) / rate - max(one, other)) < 1)
        allowed &= ~near
    cells = [
        np.clip(((each - analysis.start) / rate / cell).astype(int), 0, analysis.cells - 1)
        for each in (starts, starts + lag)
    ]
    step = np.abs(analysis.long_level[cells[0]] - analysis.long_level[cells[1]])
    best = 0
    for _ in range(job.take):
        if not allowed.any():
            return None
        best = int(np.argmin(np.where(allowed, step, np.inf)))
        allowed &= np.abs(starts - starts[best]) > 2 * rate
    return int(starts[best]), float(_EVEN_CONFIDENCE / (1 + (step[best] / _EVEN_STEP) ** 4))


def passage_crossfade(
    samples: Samples,
    analysis: Analysis,
    start: float,
    stop: float,
    avoid: tuple[tuple[float, float], ...],
    reach: float,
) -> Crossfade:
    """From the end of the passage back to its beginning; `start` and `stop` in seconds of the source.

    Args:
        samples: The source.
        analysis: Of a stretch that holds the passage.
        start: Its beginning.
        stop: Its end.
        avoid: Pairs of seconds of the source between which no join may lie.
        reach: Seconds from those within which a join is the same.
    """
    ahead = analysis.start / samples.rate
    jumps = _candidates(analysis, start - ahead, stop - ahead)
    jumps = jumps.apart_from([(leave - ahead, enter - ahead) for leave, enter in avoid], reach)
    away = _away(jumps, start - ahead, stop - ahead)
    longer = np.abs(jumps.gain_seconds - (stop - start))
    possible = np.flatnonzero((away.max(0) <= _FARTHEST) & (longer <= max(0.1, _LONGER_OR_SHORTER * (stop - start))))
    if len(possible) == 0:
        return _at_the_bounds(samples, round(start * samples.rate), round(stop * samples.rate))
    cost = (jumps.penalty + _AWAY * away.mean(0) + _OTHER_LENGTH * longer)[possible]
    best = int(possible[np.argmin(cost)])
    crossfader = Crossfader(samples, analysis, 0, min(_BLEND, (stop - start) / 3))
    return crossfader.fit(int(jumps.leave[best]), float(jumps.lag[best]), float(jumps.acceptance[best]), first=True)


def _candidates(analysis: Analysis, start: float, stop: float) -> Jumps:
    around = np.arange(-_AROUND, _AROUND + _EVERY / 2, _EVERY)
    leave, enter = (place.ravel() for place in np.meshgrid(stop + around, start + around))
    leave, enter = (np.rint(place / analysis.cell_seconds).astype(np.int64) for place in (leave, enter))
    inside = (leave < analysis.cells) & (enter >= 0) & (enter < leave)
    bounds = JumpBounds(0.0, 0.0, max(0.0, stop - _AROUND - analysis.cell_seconds))
    return jumps_between(analysis, bounds, leave[inside], enter[inside])


def _away(jumps: Jumps, start: float, stop: float) -> Floats:
    """[2, jumps] seconds by which each misses the end and the beginning of the passage."""
    return np.abs(np.stack([jumps.leave_seconds - stop, jumps.enter_seconds - start]))


def _at_the_bounds(samples: Samples, start: int, stop: int) -> Crossfade:
    """Exactly at the bounds, over as long as the passage and the source allow."""
    stop = min(stop, samples.frames)
    size = min((stop - start) // 3, int(_BLEND * samples.rate))
    before = min(size // 2, start, stop)
    return Crossfade(stop, start, before, size - before, _AT_THE_BOUNDS)


def intro_wrap(jumps: Jumps, seconds: float, wanted: float | None, take: int) -> int | None:
    """Index of the jump from the end of such a file back to where its loop begins; None where there is none.

    Args:
        jumps: Back.
        seconds: Length of the track.
        wanted: Length of the file; None for whatever is best.
        take: 1 for the best, 2, 3, … for others.
    """
    leave, enter, gain = jumps.leave_seconds, jumps.enter_seconds, jumps.gain_seconds
    cost = jumps.penalty + _SHORTER_LOOP * (1 - gain / seconds)
    if wanted is not None:
        cost = cost + _OFF_END * np.abs(leave - wanted)
    cost = np.where(gain >= np.minimum(_LEAST_SECONDS, _LEAST_SHARE * leave), cost, np.inf)
    for _ in range(take - 1):
        used = int(np.argmin(cost)) if len(cost) else 0
        alike = (np.abs(leave - leave[used]) < _ALIKE) & (np.abs(enter - enter[used]) < _ALIKE)
        cost = cost + _OTHER_TAKE * alike
    return int(np.argmin(cost)) if len(cost) and np.isfinite(cost.min()) else None
