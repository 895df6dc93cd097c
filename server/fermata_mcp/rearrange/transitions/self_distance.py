"""Which pairs of places sound alike, seen from afar.

A self-distance matrix on the grid of cells (J. Foote, "Visualizing Music and Audio using Self-Similarity", ACM
Multimedia 1999), averaged along its diagonals (M. Müller, F. Kurth, "Enhancing Similarity Matrices for Music Audio
Analysis", ICASSP 2006): going from one place to another is good only if what leads to and what follows both places
agrees over seconds, not only at the seam. That formulation follows S. Wenner et al., "Scalable Music: Automatic Music
Retargeting and Synthesis" (Eurographics 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .distance import BETTER, UNKNOWN, WORSE

if TYPE_CHECKING:
    from fermata_mcp.rearrange.features.analysis import Analysis
    from fermata_mcp.rearrange.samples import F32, Ints

# Contexts, blocks and numbers of candidates tuned 2026-11-22 with benchmarks/quality.py on the 26 tracks of
# fetch_music.TUNED and 20 s clips of them; the levels chosen the same day.
_CONTEXTS = ((0.75, 0.4), (3.0, 0.6))  # seconds along the diagonal on either side, share
_QUIET = 9.0  # dB under the body: no place for a seam
_FADED = 6.0  # dB under the body: intro or outro
_BLOCK_SHARE, _BLOCK_LEAST, _BLOCK_MOST = 1 / 200, 0.2, 0.5  # one candidate per so long a block; of the track, seconds
_MOST = 1500  # candidates
_PER_LAG, _LAG_BLOCKS = 30, 1.5  # at most so many for each lag
_PER_PLACE, _PLACE_BLOCKS = 100, 6  # … and for each place left
_ENTRIES = 80  # candidates near the place where new material must start


@dataclass(frozen=True)
class JumpBounds:
    """Where jumps may go; seconds of the analysed stretch.

    Attributes:
        earliest: No jump leaves before this.
        shortest: The least distance of a jump.
        entry: The first jump should leave soon after this, if given.
    """

    earliest: float
    shortest: float
    entry: float | None


def candidate_pairs(analysis: Analysis, bounds: JumpBounds) -> tuple[Ints, Ints]:
    """Candidate jumps, (leave, enter) as [pairs] cells each, the place to leave later than the one to enter."""
    if analysis.cells < 8:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    distance = context_distance(analysis)
    distance += np.maximum(_level_steps(analysis) - 1, 0) * np.float32(0.03)
    _forbid_short(distance, analysis, bounds)
    entries = _entry_pairs(distance, analysis, bounds)
    _forbid_edges(distance, analysis, bounds)
    leave, enter = _block_minima(distance, analysis)
    return np.concatenate([leave, entries[0]]), np.concatenate([enter, entries[1]])


def context_distance(analysis: Analysis) -> F32:
    """[cells, cells] distance of the music around two places; about 1 for places taken at random."""
    widths = [_power_of_two(seconds / analysis.cell_seconds) for seconds, _ in _CONTEXTS]
    edge = max(widths)
    total, done = np.pad(_squared_distances(_cell_features(analysis)), edge, constant_values=UNKNOWN**2), 1
    before, after = (np.zeros((analysis.cells, analysis.cells), np.float32) for _ in range(2))
    for width, (_, share) in zip(widths, _CONTEXTS, strict=True):
        while done < width:
            total = total[:-done, :-done] + total[done:, done:]
            done *= 2
        weight = np.float32(share / np.sqrt(width))
        for side, start in ((before, edge - width), (after, edge)):
            near = np.sqrt(total[start : start + analysis.cells, start : start + analysis.cells])
            near *= weight
            side += near
    least = np.minimum(before, after)
    least *= np.float32(BETTER - WORSE)
    before += after
    before *= np.float32(WORSE)
    before += least
    return before


def body_span(analysis: Analysis) -> tuple[int, int]:
    """First and last cell that are neither quiet intro nor fading outro."""
    loud = np.flatnonzero(analysis.long_level > analysis.body - _FADED)
    return (int(loud[0]), int(loud[-1])) if len(loud) else (0, analysis.cells - 1)


def _cell_features(analysis: Analysis) -> F32:
    """[cells, bands + 12 + 4] timbre, harmony and rhythm, which count the same."""
    timbre = analysis.by_cell(analysis.mel)
    rhythm = analysis.by_cell(analysis.onsets)
    groups = (timbre, analysis.chroma, rhythm / (rhythm.std(0) + 1e-6))
    return np.concatenate([_normalise(group) * np.float32(np.sqrt(1 / len(groups))) for group in groups], 1)


def _normalise(features: F32) -> F32:
    """`features` [cells, n] so scaled that the mean squared distance of random rows is 1."""
    return features / np.float32(np.sqrt(2 * float(features.var(0).sum()) + 1e-9))


def _squared_distances(features: F32) -> F32:
    """[cells, cells] squared Euclidean distances of the rows of `features` [cells, n]."""
    norms = (features * features).sum(1)
    squared = features @ features.T
    squared *= -2
    squared += norms[:, None]
    squared += norms[None]
    return np.maximum(squared, 0, out=squared)


def _power_of_two(value: float) -> int:
    return 1 << max(0, round(np.log2(max(1.0, value))))


def _level_steps(analysis: Analysis) -> F32:
    """[cells, cells] differences of loudness in dB."""
    return np.abs(analysis.long_level[:, None] - analysis.long_level[None])


def _forbid_short(distance: F32, analysis: Analysis, bounds: JumpBounds) -> None:
    """Make infinite in `distance` [cells, cells] what goes back too little, or forward."""
    cells = np.arange(analysis.cells)
    least = max(2, int(bounds.shortest / analysis.cell_seconds))
    distance[cells[:, None] - cells[None] < least] = np.inf


def _forbid_edges(distance: F32, analysis: Analysis, bounds: JumpBounds) -> None:
    """Make infinite in `distance` [cells, cells] what leaves or enters where the music is quiet, begins or ends."""
    first, last = body_span(analysis)
    cells = np.arange(analysis.cells)
    sounding = analysis.long_level > analysis.body - _QUIET
    leave_before = min(last - int(0.3 / analysis.cell_seconds), analysis.cells - 3)
    enter_before = analysis.cells - int(2.0 / analysis.cell_seconds)
    leavable = sounding & (cells >= bounds.earliest / analysis.cell_seconds) & (cells <= leave_before)
    distance[~leavable] = np.inf
    distance[:, ~(sounding & (cells >= max(2, first)) & (cells <= enter_before))] = np.inf


def _entry_pairs(distance: F32, analysis: Analysis, bounds: JumpBounds) -> tuple[Ints, Ints]:
    """The best pairs (leave, enter), [pairs] cells each, from just after `bounds.entry`.

    Even out of a fade: new material must start there.
    """
    if bounds.entry is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    start = min(int(np.ceil(bounds.entry / analysis.cell_seconds)), analysis.cells - 1)
    stop = min(analysis.cells, start + max(1, int(4.0 / analysis.cell_seconds)))
    rows = distance[start:stop]
    best = np.argsort(rows, axis=None)[: _ENTRIES * 8 : 8]
    best = best[np.isfinite(rows.ravel()[best])]
    leave, enter = np.unravel_index(best, rows.shape)
    return leave + start, enter


def block_seconds(analysis: Analysis) -> float:
    """Side of the blocks of the matrix in which one candidate each is looked for; short clips need every place."""
    return min(_BLOCK_MOST, max(_BLOCK_LEAST, _BLOCK_SHARE * analysis.seconds))


def _block_minima(distance: F32, analysis: Analysis) -> tuple[Ints, Ints]:
    """The least of each block of `distance` [cells, cells] as (leave, enter), [pairs] cells each, the best first."""
    size = max(2, int(block_seconds(analysis) / analysis.cell_seconds))
    count = len(distance) // size
    blocks = distance[: count * size, : count * size].reshape(count, size, count, size)
    flat = blocks.transpose(0, 2, 1, 3).reshape(count * count, size * size)
    place = flat.argmin(1)
    least = flat[np.arange(len(flat)), place]
    order = np.argsort(least)[: min(_MOST * 4, int(np.isfinite(least).sum()))]
    leave = order // count * size + place[order] // size
    enter = order % count * size + place[order] % size
    kept = _diverse(leave, enter, size)
    return leave[kept], enter[kept]


def _diverse(leave: Ints, enter: Ints, block: int) -> list[int]:
    """Indices of the best of [pairs] cells, best first, not too many of one lag or from one place."""
    lags: dict[int, int] = {}
    places: dict[int, int] = {}
    kept: list[int] = []
    for i, (p, q) in enumerate(zip(leave.tolist(), enter.tolist(), strict=True)):
        lag, place = int((p - q) / (_LAG_BLOCKS * block)), p // (_PLACE_BLOCKS * block)
        if lags.get(lag, 0) >= _PER_LAG or places.get(place, 0) >= _PER_PLACE:
            continue
        lags[lag] = lags.get(lag, 0) + 1
        places[place] = places.get(place, 0) + 1
        kept.append(i)
        if len(kept) >= _MOST:
            break
    return kept
