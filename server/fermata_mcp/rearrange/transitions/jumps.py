"""Jumps: candidate transitions placed to the frame, aligned to the sample, and penalised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .alignment import align_onsets, align_waveform, off_pulse
from .distance import UNKNOWN, FrameDistance, acceptance, either_side
from .level_steps import level_steps
from .self_distance import JumpBounds, block_seconds, body_span, candidate_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fermata_mcp.rearrange.cache import Arrays, Cache
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import Floats, Ints

# Tuned 2026-11-22 with benchmarks/quality.py on the 26 tracks of fetch_music.TUNED and 20 s clips of them, the numbers
# of candidates against benchmarks/local_speed.py too.
_CONTEXT, _FADING = 4.0, 1.5  # seconds compared before and after a cut, and how soon they matter less
_SHIFT_BLOCKS = 1.2  # blocks of the self-distance by which a cut may move along its diagonal
_STRIDE = 4  # frames between those compared
_BATCH = 64
_MOST = 400  # jumps handed to the search
_WAVEFORM_ALIGNED = 150  # … of which so many best are aligned to the sample
_SAME_WAVEFORM = 0.6  # correlation from which the waveform tells the lag
_IMPOSSIBLE = 9.0
_RANDOM_PAIRS, _LEAST_USUAL = 300, 0.5  # to know what is usual; no track is so uniform that less is
_BAD, _BAD_PENALTY = 0.65, 0.1  # acceptance under which a seam is simply bad, and the penalty of that
_HOPELESS = 0.02  # penalty of one more of mismatch, so that sequences without any good jump still compare
# Tuned 2026-11-28 on 18 of those tracks with speech over them, by the share of joins that cut it.
_CUT_VOICE = 0.3  # share of the listeners who mind
_IN_VOICE = 0.8  # mismatch for which a cut is moved out of a voice
_SAME_WORDS = 0.02  # penalty of hearing only words again
# Tuned 2026-11-28 with benchmarks/quality.py on the same tracks: twice as much makes a dozen of them fade.
_LESS_ALIKE, _SAME, _NEARLY = 0.12, 0.2, 0.43  # penalty of one more of mismatch between these two, both accepted
_ARRAYS = ("leave", "lag", "mismatch", "acceptance", "voiced")


@dataclass(frozen=True)
class Jumps:
    """Jumps of one direction or both, best first.

    Attributes:
        leave: [jumps] frame of the analysis at which the old place is left.
        lag: [jumps] analysis samples jumped back; negative where forward.
        mismatch: [jumps] distance of the music around both places; 1 for places taken at random.
        acceptance: [jumps] share 0..1 of listeners who would not mind, steps of level, pulse and cut voices included.
        voiced: [jumps] share of what is heard again in which somebody sings or speaks.
        rate: Analysis samples per second.
        hop: Analysis samples per frame.
    """

    leave: Ints
    lag: Floats
    mismatch: Floats
    acceptance: Floats
    voiced: Floats
    rate: float
    hop: int

    def __len__(self) -> int:
        return len(self.leave)

    def within(self, start: float, stop: float) -> Jumps:
        """Those that enter and leave between these seconds."""
        kept = (self.enter_seconds >= start) & (self.leave_seconds <= stop)
        return self.only(np.flatnonzero(kept))

    def only(self, kept: Ints) -> Jumps:
        """Those of these indices [n]."""
        return replace(self, **{name: getattr(self, name)[kept] for name in _ARRAYS})

    def apart_from(self, places: Sequence[tuple[float, float]], reach: float) -> Jumps:
        """Those that do not, within `reach` seconds, lead from or to any of these pairs of places, either way."""
        kept = np.ones(len(self), np.bool_)
        for pair in places:
            for one, other in (pair, pair[::-1]):
                kept &= (np.abs(self.leave_seconds - one) > reach) | (np.abs(self.enter_seconds - other) > reach)
        return self.only(np.flatnonzero(kept))

    def beside(self, others: Jumps) -> Jumps:
        """These and the others."""
        parts = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in _ARRAYS}
        return replace(self, **parts)

    def reversed(self, analysis: Analysis) -> Jumps:
        """The same places the other way round: what a jump back repeats, a jump forward leaves out.

        What is alike stays so; only the step of the level is another.
        """
        leave = np.clip(np.rint(self.leave - self.lag / self.hop).astype(np.int64), 0, analysis.frames - 1)
        lag = -self.lag
        enter = np.clip(self.leave, 0, analysis.frames - 1)
        liked = _liked(analysis, leave, enter, lag, self.mismatch)
        return replace(self, leave=leave, lag=lag, acceptance=liked, voiced=np.zeros(len(self)))

    @cached_property
    def penalty(self) -> Floats:
        """[jumps] of using each: the share of listeners it loses, more where it loses too many or words come again."""
        # nobody minds a jump that is nearly right, and still the one that is quite right is better
        less_alike = _LESS_ALIKE * (np.clip(self.mismatch, _SAME, _NEARLY) - _SAME)
        bad = _HOPELESS * self.mismatch + _BAD_PENALTY * (self.acceptance < _BAD)
        return 1 - self.acceptance + less_alike + bad + _SAME_WORDS * self.voiced

    @property
    def leave_seconds(self) -> Floats:
        """[jumps] second of the analysed stretch."""
        return self.leave * (self.hop / self.rate)

    @property
    def gain_seconds(self) -> Floats:
        """[jumps] what each adds to the length; negative where it takes something away."""
        return self.lag / self.rate

    @property
    def enter_seconds(self) -> Floats:
        """[jumps] second of the analysed stretch."""
        return self.leave_seconds - self.gain_seconds


def find_jumps(analysis: Analysis, bounds: JumpBounds, cache: Cache) -> Jumps:
    """All good jumps of the analysed stretch, best first; possibly none. Those of an earlier call are remembered."""
    what = f"jumps {analysis.start} {analysis.frames} {bounds}"
    return Jumps(**cache.arrays(what, lambda: _search(analysis, bounds)), rate=analysis.rate, hop=analysis.hop)


def jumps_between(analysis: Analysis, bounds: JumpBounds, leave: Ints, enter: Ints) -> Jumps:
    """The good jumps back from about each of the cells `leave` [n] to `enter` [n], best first; possibly none."""
    return Jumps(**_refined(analysis, bounds, leave, enter), rate=analysis.rate, hop=analysis.hop)


def _search(analysis: Analysis, bounds: JumpBounds) -> Arrays:
    """The arrays of `Jumps` by their names."""
    return _refined(analysis, bounds, *candidate_pairs(analysis, bounds))


def _refined(analysis: Analysis, bounds: JumpBounds, leave_cells: Ints, enter_cells: Ints) -> Arrays:
    """Those of jumps between [pairs] cells."""
    centres = leave_cells * analysis.cell + analysis.cell // 2
    lag = align_onsets(analysis, centres, enter_cells * analysis.cell + analysis.cell // 2)
    leave, mismatch = _place_cuts(analysis, centres, lag, bounds)
    best = _distinct(leave, lag, mismatch, analysis)
    leave, lag, mismatch = leave[best], lag[best], mismatch[best]
    lag = _align(analysis, leave, lag)
    enter = np.maximum(0, np.round(leave - lag / analysis.hop).astype(np.int64))
    return {
        "leave": leave,
        "lag": lag,
        "mismatch": mismatch,
        "acceptance": _liked(analysis, leave, enter, lag, mismatch),
        "voiced": _voiced(analysis, enter, leave),
    }


def _liked(analysis: Analysis, leave: Ints, enter: Ints, lag: Floats, mismatch: Floats) -> Floats:
    """[jumps] share of listeners who would not mind, by frames, analysis samples and mismatch, [jumps] each."""
    liked = acceptance(mismatch, level_steps(analysis, leave, lag), off_pulse(analysis, leave, lag))
    return liked * (1 - _CUT_VOICE * _voice_at(analysis, leave, enter))


def _voice_at(analysis: Analysis, old: Ints, new: Ints) -> Floats:
    """Probability that a voice is cut by a jump from frames `old` to `new` [any shape, the same], which both exist."""
    return np.maximum(analysis.voice[old], analysis.voice[new]).astype(np.float64)


def _voiced(analysis: Analysis, start: Ints, stop: Ints) -> Floats:
    """[n] mean presence of a voice from frames `start` to `stop` [n]."""
    total = np.concatenate([[0.0], np.cumsum(analysis.voice, dtype=np.float64)])
    return (total[stop] - total[start]) / np.maximum(1, stop - start)


def _align(analysis: Analysis, leave: Ints, lag: Floats) -> Floats:
    """[jumps] analysis samples: `lag` [jumps], the best of them aligned by waveform."""
    lag = lag.copy()
    reach, slack = int(0.3 * analysis.rate), int(0.012 * analysis.rate)
    for i in range(min(_WAVEFORM_ALIGNED, len(lag))):
        aligned, correlation = align_waveform(analysis.mono, int(leave[i]) * analysis.hop, round(lag[i]), reach, slack)
        if correlation > _SAME_WAVEFORM:
            lag[i] = aligned
    return lag


def _distinct(leave: Ints, lag: Floats, mismatch: Floats, analysis: Analysis) -> Ints:
    """Indices of the best of [jumps], without those that refinement pulled together."""
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


def _place_cuts(analysis: Analysis, centres: Ints, lag: Floats, bounds: JumpBounds) -> tuple[Ints, Floats]:
    """For each candidate [jumps] the frame nearby where its cut is least heard, and the mismatch around it."""
    cuts, mismatch = np.zeros(len(centres), np.int64), np.full(len(centres), _IMPOSSIBLE)
    distance = FrameDistance(analysis)
    earliest, latest = _allowed_frames(analysis, bounds, centres)
    for i in range(0, len(centres), _BATCH):
        batch = slice(i, i + _BATCH)
        allowed = earliest[batch, None], latest
        cuts[batch], mismatch[batch] = _place_batch(analysis, distance, centres[batch], lag[batch], allowed)
    return cuts, mismatch / _usual_mismatch(analysis, distance)


def _usual_mismatch(analysis: Analysis, distance: FrameDistance) -> float:
    """Mean distance around jumps between places taken at random, on the scale of `FrameDistance`."""
    places = np.random.default_rng(1).integers(0, analysis.frames, (2, _RANDOM_PAIRS))
    fps = analysis.fps / _STRIDE
    context = int(_CONTEXT * fps)
    offsets = np.arange(-context, context + 1) * _STRIDE
    apart = _apart(analysis, distance, places[0, :, None] + offsets, places[1, :, None] + offsets)
    return max(_LEAST_USUAL, float(np.median(_around(apart, context, 0, fps))))


def _apart(analysis: Analysis, distance: FrameDistance, old: Ints, new: Ints) -> Floats:
    """Distances of frames `old` and `new` [any shape, the same], which may lie outside the track."""
    last = analysis.frames - 1
    inside = (np.minimum(old, new) >= 0) & (np.maximum(old, new) <= last)
    return np.where(inside, distance.between(np.clip(old, 0, last), np.clip(new, 0, last)), UNKNOWN)


def _allowed_frames(analysis: Analysis, bounds: JumpBounds, centres: Ints) -> tuple[Ints, int]:
    """The earliest frame [jumps] and the latest of all between which cuts may lie.

    One found after the place to continue at stays after it.
    """
    _, last = body_span(analysis)
    earliest = np.full(len(centres), int(bounds.earliest * analysis.fps))
    latest = min(last, analysis.cells - 2) * analysis.cell
    if bounds.entry is not None:
        entry = min(int(np.ceil(bounds.entry * analysis.fps)), analysis.frames - 3)
        earliest = np.where(centres >= entry, np.maximum(earliest, entry), earliest)
        latest = max(latest, min(analysis.frames - 2, entry + int(4 * analysis.fps)))
    return earliest, max(int(earliest.min(initial=latest)) + 1, latest)


def _place_batch(
    analysis: Analysis, distance: FrameDistance, centres: Ints, lag: Floats, allowed: tuple[Ints, int]
) -> tuple[Ints, Floats]:
    """As `_place_cuts`, of [batch] candidates; the mismatch not yet measured by what is usual."""
    fps = analysis.fps / _STRIDE
    context, shift = int(_CONTEXT * fps), int(_SHIFT_BLOCKS * block_seconds(analysis) * fps)
    offsets = np.arange(-(context + shift), context + shift + 1) * _STRIDE
    back = np.round(lag / analysis.hop).astype(np.int64)[:, None]
    old = centres[:, None] + offsets
    around = _around(_apart(analysis, distance, old, old - back), context, shift, fps)
    # the frames between those compared, to meet the onsets
    cut = np.repeat(old[:, context : context + 2 * shift + 1], _STRIDE, axis=1)
    cut += np.tile(np.arange(_STRIDE), 2 * shift + 1)
    mismatch = np.repeat(around, _STRIDE, axis=1)
    usable = (cut >= allowed[0]) & (cut <= allowed[1]) & (cut - back > 4)
    in_old, in_new = np.clip(cut, 0, analysis.frames - 1), np.clip(cut - back, 0, analysis.frames - 1)
    heard = _onset_score(analysis, in_old, in_new) + _IN_VOICE * _voice_at(analysis, in_old, in_new)
    score = np.where(usable, mismatch + heard, np.inf)
    rows, best = np.arange(len(centres)), score.argmin(1)
    return in_old[rows, best], np.where(np.isfinite(score[rows, best]), mismatch[rows, best], _IMPOSSIBLE)


def _around(distance: Floats, context: int, shift: int, fps: float) -> Floats:
    """[batch, cuts] mismatch before and after each cut, by `distance` [batch, frames]; what is near counts most."""
    weights = np.exp(-np.arange(context) / (_FADING * fps))
    weights /= weights.sum()
    before, after = np.zeros((2, distance.shape[1], 2 * shift + 1))
    for cut in range(2 * shift + 1):
        before[cut : cut + context, cut] = weights[::-1]
        after[cut + context : cut + 2 * context, cut] = weights
    return either_side(distance @ before, distance @ after)


def _onset_score(analysis: Analysis, old: Ints, new: Ints) -> Floats:
    """Negative just before an onset that frames `old` and `new` [any shape] share, positive on an onset itself."""
    last = analysis.frames - 1
    onset = analysis.onset
    shared = np.zeros(old.shape)
    for ahead in (1, 2, 3):
        there = np.minimum(onset[np.minimum(old + ahead, last)], onset[np.minimum(new + ahead, last)])
        shared = np.maximum(shared, there)
    here = np.maximum(onset[old], onset[new])
    return 0.01 * np.minimum(here, 4) - 0.02 * np.minimum(shared, 4)
