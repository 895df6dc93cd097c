"""Jumps: candidate joins placed to the frame, aligned to the sample, and priced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fermata_mcp.providers.local.alignment import align_onsets, align_waveform
from fermata_mcp.providers.local.likeness import Search, body_span, likely_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fermata_mcp.providers.local.analysis import Analysis
    from fermata_mcp.providers.local.cache import Arrays, Cache
    from fermata_mcp.providers.local.samples import F32, Floats, Ints

_CONTEXT = 3.5  # seconds compared before and after a cut
_SHIFT = 1.5  # seconds a cut may move along its diagonal
_STRIDE = 2  # frames between compared moments
_BATCH = 64
_MOST = 400  # jumps handed to the path
_WAVEFORM_ALIGNED = 150  # … of which so many best are aligned to the sample
_IMPOSSIBLE = 9.0
_UNHEARD = 0.2  # mismatch assumed where the track's edges leave nothing to compare
_TEXTURE = 1.4  # random places that differ less than so many times as much as neighbours are a texture
_STEP_WINDOWS = ((0.45, 0.06, 1.5), (3.0, 0.05, 2.0))  # seconds, price per dB, free dB


@dataclass(frozen=True)
class Jumps:
    """Backward jumps, best first.

    Attributes:
        leave: [jumps] frame of the analysis at which the old place is left.
        lag: [jumps] analysis samples jumped back.
        mismatch: [jumps] distance of the music around both places; about 1 for random places.
        cost: [jumps] price of using the jump, level steps included.
        seconds: Analysis samples per second and frame length, for the times below.
    """

    leave: Ints
    lag: Floats
    mismatch: Floats
    cost: Floats
    rate: float
    hop: int

    def __len__(self) -> int:
        return len(self.leave)

    def within(self, start: float, stop: float) -> Jumps:
        """Those that enter and leave between these seconds."""
        kept = (self.enter_seconds >= start) & (self.leave_seconds <= stop)
        return replace(
            self, leave=self.leave[kept], lag=self.lag[kept], mismatch=self.mismatch[kept], cost=self.cost[kept]
        )

    @property
    def leave_seconds(self) -> Floats:
        return self.leave * (self.hop / self.rate)

    @property
    def gain_seconds(self) -> Floats:
        """What each jump adds to the length."""
        return self.lag / self.rate

    @property
    def enter_seconds(self) -> Floats:
        return self.leave_seconds - self.gain_seconds


def find_jumps(analysis: Analysis, search: Search, cache: Cache) -> Jumps:
    """All good jumps of the analysed stretch, best first; possibly none. Those of an earlier search are remembered."""
    what = f"jumps {analysis.start} {analysis.frames} {search}"
    return Jumps(**cache.arrays(what, lambda: _found(analysis, search)), rate=analysis.rate, hop=analysis.hop)


def _found(analysis: Analysis, search: Search) -> Arrays:
    leave_cells, enter_cells = likely_pairs(analysis, search)
    centres = leave_cells * analysis.cell + analysis.cell // 2
    lag = align_onsets(analysis, centres, enter_cells * analysis.cell + analysis.cell // 2)
    leave, mismatch = _place_cuts(analysis, centres, lag, search)
    best = _distinct(leave, lag, mismatch, analysis)
    leave, lag, mismatch = leave[best], lag[best], mismatch[best]
    lag, likeness = _align(analysis, leave, lag)
    cost = _price(mismatch * _waveform_discount(mismatch, likeness) + _level_price(analysis, leave, lag))
    return {"leave": leave, "lag": lag, "mismatch": mismatch, "cost": cost}


def _align(analysis: Analysis, leave: Ints, lag: Floats) -> tuple[Floats, Floats]:
    lag, likeness = lag.copy(), np.zeros(len(lag))
    reach, slack = int(0.3 * analysis.rate), int(0.012 * analysis.rate)
    for i in range(min(_WAVEFORM_ALIGNED, len(lag))):
        found, likeness[i] = align_waveform(analysis.mono, int(leave[i]) * analysis.hop, round(lag[i]), reach, slack)
        if likeness[i] > 0.6:
            lag[i] = found
    return lag, likeness


def _waveform_discount(mismatch: Floats, likeness: Floats) -> Floats:
    """Up to half price where even the waveforms agree: the same recording again."""
    agrees = np.clip((likeness - 0.9) / 0.1, 0, 1) * (mismatch < 0.4)
    return 1 - 0.5 * agrees


def _price(cost: Floats) -> Floats:
    """Poor matches are punished far beyond their distance; the hopeless grow slowly, so that paths still compare."""
    steep = 0.4 * cost + 3.0 * np.maximum(0, cost - 0.25)
    return np.where(steep > 1.3, 1.3 + 0.25 * (steep - 1.3), steep)


def _level_price(analysis: Analysis, leave: Ints, lag: Floats) -> Floats:
    price = np.zeros(len(leave))
    enter = np.maximum(0, np.round(leave - lag / analysis.hop).astype(np.int64))
    for seconds, per_decibel, free in _STEP_WINDOWS:
        width = int(seconds * analysis.fps)
        step = _level_step(analysis, leave, enter, width)
        price += per_decibel * np.maximum(0, step - max(free, _usual_step(analysis, width)))
    return price


def _level_step(analysis: Analysis, leave: Ints, enter: Ints, width: int) -> Floats:
    """dB between `width` frames before the place left and after the place entered."""
    power = analysis.summed_power
    start, stop = np.maximum(0, leave - width), np.minimum(analysis.frames, enter + width)
    before = (power[leave] - power[start]) / np.maximum(1, leave - start)
    after = (power[stop] - power[enter]) / np.maximum(1, stop - enter)
    return np.abs(10 * np.log10((after + 1e-9) / (before + 1e-9)))


def _usual_step(analysis: Analysis, width: int) -> float:
    places = np.arange(width, analysis.frames - width, 11)
    return float(np.percentile(_level_step(analysis, places, places, width), 80)) if len(places) else 3.0


def _distinct(leave: Ints, lag: Floats, mismatch: Floats, analysis: Analysis) -> Ints:
    """The best jumps, without those that refinement pulled together."""
    seen: set[tuple[int, int]] = set()
    kept: list[int] = []
    places, distances = (leave / analysis.fps / 0.25).astype(int), np.rint(lag / analysis.rate / 0.05).astype(int)
    for i in np.argsort(mismatch).tolist():
        place, distance = int(places[i]), int(distances[i])
        if mismatch[i] > _IMPOSSIBLE / 2 or len(kept) >= _MOST:
            break
        if not seen & {(place + near, distance) for near in (-1, 0, 1)}:
            seen.add((place, distance))
            kept.append(i)
    return np.asarray(kept, np.int64)


def _place_cuts(analysis: Analysis, centres: Ints, lag: Floats, search: Search) -> tuple[Ints, Floats]:
    """For each candidate the frame within ±1.5 s where its cut is least heard, and the mismatch around it."""
    cuts, mismatch = np.zeros(len(centres), np.int64), np.full(len(centres), _IMPOSSIBLE)
    scale = _random_distances(analysis)
    earliest, latest = _allowed_frames(analysis, search, centres)
    for i in range(0, len(centres), _BATCH):
        batch = slice(i, i + _BATCH)
        allowed = earliest[batch, None], latest
        cuts[batch], mismatch[batch] = _place_batch(analysis, centres[batch], lag[batch], scale, allowed)
    return cuts, mismatch


def _allowed_frames(analysis: Analysis, search: Search, centres: Ints) -> tuple[Ints, int]:
    """Between which frames each cut may lie; one found after the place to continue at stays after it."""
    _, last = body_span(analysis)
    earliest = np.full(len(centres), int(search.earliest * analysis.fps))
    latest = min(last, analysis.cells - 2) * analysis.cell
    if search.entry is not None:
        entry = min(int(np.ceil(search.entry * analysis.fps)), analysis.frames - 3)
        earliest = np.where(centres >= entry, np.maximum(earliest, entry), earliest)
        latest = max(latest, min(analysis.frames - 2, entry + int(4 * analysis.fps)))
    return earliest, max(int(earliest.min(initial=latest)) + 1, latest)


def _random_distances(analysis: Analysis) -> tuple[float, float]:
    """Distance of random places in spectrum (dB) and harmony, to measure others by.

    In a texture (rain, a chord held for minutes) moments next to one another differ as much as any two places; there
    the scale widens, because the ear takes both for the same sound.
    """
    places = np.random.default_rng(0).integers(0, analysis.frames, (2, 3000))
    nearby = np.minimum(places[0] + 4, analysis.frames - 1)
    next_cell = np.minimum(places[0] + 3 * analysis.cell, analysis.frames - 1)
    spectrum, spectrum_near = (_spectrum_between(analysis, places[0], other) for other in (places[1], nearby))
    harmony, harmony_near = (_harmony_between(analysis, places[0], other) for other in (places[1], next_cell))
    return max(1.0, _widened(spectrum, spectrum_near)), max(0.01, _widened(harmony, harmony_near))


def _widened(random: float, nearby: float) -> float:
    """Up to twice the distance of random places, the less they differ more than neighbours do."""
    return random * (1 + min(1.0, max(0.0, (_TEXTURE - random / (nearby + 1e-9)) / 0.3)))


def _spectrum_between(analysis: Analysis, old: Ints, new: Ints) -> float:
    return float(_spectrum_distance(analysis, old[:, None], new[:, None]).mean())


def _harmony_between(analysis: Analysis, old: Ints, new: Ints) -> float:
    return float(_harmony_distance(analysis, old[:, None], new[:, None]).mean())


def _cell_of(analysis: Analysis, frames: Ints) -> Ints:
    return np.minimum(frames // analysis.cell, analysis.cells - 1)


def _place_batch(
    analysis: Analysis, centres: Ints, lag: Floats, scale: tuple[float, float], allowed: tuple[Ints, int]
) -> tuple[Ints, Floats]:
    fps = analysis.fps / _STRIDE
    context, shift = int(_CONTEXT * fps), int(_SHIFT * fps)
    offsets = np.arange(-(context + shift), context + shift + 1) * _STRIDE
    old = centres[:, None] + offsets
    new = old - np.round(lag / analysis.hop).astype(np.int64)[:, None]
    inside = (new >= 0) & (old < analysis.frames)
    old_in, new_in = np.clip(old, 0, analysis.frames - 1), np.clip(new, 0, analysis.frames - 1)
    spectrum = _spectrum_distance(analysis, old_in, new_in) / scale[0]
    harmony = _harmony_distance(analysis, old_in, new_in) / scale[1]
    around = _around(0.5 * (spectrum + harmony), inside, context, shift)
    cut = slice(context, context + 2 * shift + 1)
    local = _local_mean(spectrum, 2)[:, cut]
    old_cut, new_cut = old_in[:, cut], new_in[:, cut]
    score = around + 0.12 * local + _onset_score(analysis, old_cut, new_cut)
    usable = inside[:, cut] & (old[:, cut] >= allowed[0]) & (old[:, cut] <= allowed[1]) & (new[:, cut] > 4)
    score = np.where(usable, score, np.inf)
    rows, best = np.arange(len(centres)), score.argmin(1)
    mismatch = np.where(np.isfinite(score[rows, best]), (around + 0.12 * local)[rows, best], _IMPOSSIBLE)
    return old_cut[rows, best], mismatch


def _spectrum_distance(analysis: Analysis, old: Ints, new: Ints) -> F32:
    difference = analysis.mel[old] - analysis.mel[new]
    return np.sqrt(np.einsum("ijk,ijk->ij", difference, difference) / difference.shape[2])


def _harmony_distance(analysis: Analysis, old: Ints, new: Ints) -> F32:
    a, b = analysis.chroma[_cell_of(analysis, old)], analysis.chroma[_cell_of(analysis, new)]
    return 1 - np.einsum("ijk,ijk->ij", a, b)


def _around(distance: Floats, inside: NDArray[np.bool_], context: int, shift: int) -> Floats:
    """Mean distance before and after each cut; where one side runs over the edge the other counts alone."""
    total, count = _running(distance * inside), _running(inside.astype(np.float64))
    cut = np.arange(context, context + 2 * shift + 1)
    sides: list[Floats] = []
    counts: list[Floats] = []
    for start, stop in ((cut - context, cut), (cut, cut + context)):
        n = count[:, stop] - count[:, start]
        sides.append((total[:, stop] - total[:, start]) / np.maximum(n, 1))
        counts.append(n)
    before = np.where(counts[0] > 0.3 * context, sides[0], sides[1])
    after = np.where(counts[1] > 0.3 * context, sides[1], before)
    unheard = 1 - (counts[0] + counts[1]) / (2 * context)
    return 0.7 * np.minimum(before, after) + 0.3 * np.maximum(before, after) + _UNHEARD * unheard


def _running(values: Floats) -> Floats:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, 1)], 1)


def _local_mean(values: Floats, reach: int) -> Floats:
    total = _running(np.pad(values, ((0, 0), (reach, reach)), mode="edge"))
    width = 2 * reach + 1
    return (total[:, width:] - total[:, :-width]) / width


def _onset_score(analysis: Analysis, old: Ints, new: Ints) -> Floats:
    """Negative just before an onset that both places share, positive on an onset itself."""
    last = analysis.frames - 1
    onset = analysis.onset
    shared = np.zeros(old.shape)
    for ahead in (1, 2, 3):
        there = np.minimum(onset[np.minimum(old + ahead, last)], onset[np.minimum(new + ahead, last)])
        shared = np.maximum(shared, there)
    here = np.maximum(onset[old], onset[new])
    return 0.02 * np.minimum(here, 4) - 0.035 * np.minimum(shared, 4)
