"""How alike two places of the original are: what a jump from one to the other asks a listener to accept.

Heard at a jump from `left` to `entered` is what led to `left` and then what follows `entered`. That is natural when
what led to both places is alike (then it goes on as it did there) or when what follows both is (then it goes on as
expected); when neither is, the music is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .signals import Array

if TYPE_CHECKING:
    from .signals import Features

_CELL = 8  # frames averaged, about 0.09 s
_SECONDS, _FADING = 4.0, 1.5  # how far one looks on both sides, and how soon it matters less
_FLOORS = (3.0, 0.12, 0.4)  # dB, Hellinger-like, dB: distances below which random places are all alike anyway
_PAIRS = 300
_UNKNOWN, _MOST = 0.6, 0.8  # distance of what is unknown; share known of a pair that tells what is usual
_BETTER, _WORSE = 0.7, 0.3  # shares of the better and the worse side
_PULSE_SECONDS, _PULSE_REACH = 4.0, 0.45
_CLEAR, _RELEVANT = 0.25, 0.6  # least correlation that is a pulse; least share of the best lag to be on the pulse


class Context:
    """Likeness of places of one piece, 0 for the same and 1 for two places at random."""

    def __init__(self, piece: Features, rng: np.random.Generator) -> None:
        self.piece = piece
        self._cells = max(2, round(_SECONDS / piece.step / _CELL))
        self._fading = np.exp(-np.arange(self._cells) * _CELL * piece.step / _FADING)
        self._fading /= self._fading.sum()
        self._rows = [_sums(rows) for rows in (piece.mel, piece.chroma, piece.onset)]
        self._usual = np.array(_FLOORS)
        pairs = rng.integers(0, max(1, piece.frames), (_PAIRS, 2))
        sides = [self._sides(int(a), int(b)) for a, b in pairs]
        groups = np.array([groups for groups, _ in sides])  # [pairs, 2 sides, groups]
        known = np.array([known for _, known in sides])  # [pairs, 2 sides]
        if (known > _MOST).any():
            self._usual = np.maximum(np.median(groups[known > _MOST], axis=0), self._usual)
        scaled = self._scaled(groups, known)
        self._one = max(float(np.median(_combined(scaled[:, 0], scaled[:, 1]))), 0.5)

    def distance(self, left: float, entered: float) -> float:
        """Between two places, seconds of the piece."""
        frames = [round(place / self.piece.step) for place in (left, entered)]
        sides = self._scaled(*self._sides(frames[0], frames[1]))
        return float(_combined(sides[0], sides[1])) / self._one

    def _scaled(self, groups: Array, known: Array) -> Array:
        """[..., 2 sides] distances; what lies outside the file is unknown and counts in between.

        groups: [..., 2 sides, groups] over what is known; known: [..., 2 sides] its share.
        """
        return known * (groups / self._usual).mean(axis=-1) + (1 - known) * _UNKNOWN

    def _sides(self, one: int, two: int) -> tuple[Array, Array]:
        """[2 sides, groups] mean distances before and after, and [2 sides] the share 0..1 of it that is in the file."""
        groups, known = np.zeros((2, len(self._rows))), np.zeros(2)
        for index, side in enumerate((-1, 1)):
            room = [place if side < 0 else self.piece.frames - place for place in (one, two)]
            cells = min(self._cells, max(0, min(room)) // _CELL)
            known[index] = self._fading[:cells].sum()
            if cells:
                groups[index] = [self._group(rows, one, two, side, cells) for rows in self._rows]
        return groups, known

    def _group(self, sums: Array, one: int, two: int, side: int, cells: int) -> float:
        edges = side * _CELL * np.arange(cells + 1)
        parts = [side * np.diff(sums[place + edges], axis=0) / _CELL for place in (one, two)]
        weights = self._fading[:cells] / self._fading[:cells].sum()
        return float(np.sqrt(np.square(parts[0] - parts[1]).mean(axis=1)) @ weights)


def _combined(before: Array, after: Array) -> Array:
    return _BETTER * np.minimum(before, after) + _WORSE * np.maximum(before, after)


def _sums(rows: Array) -> Array:
    """[frames + 1, n] running sums."""
    return np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])


def pulse_error(piece: Features, left: float, entered: float) -> float | None:
    """Milliseconds by which the pulse around `entered` is off that around `left` (seconds); None without a pulse.

    The onsets around both are correlated over +-0.45 s of lag. Every lag at which they agree nearly as well as at the
    best is on the pulse; how far lag 0 is from the nearest one is the error.
    """
    places = (left / piece.step, entered / piece.step)
    most, reach = round(_PULSE_SECONDS / piece.step), round(_PULSE_REACH / piece.step)
    before = int(min(most, *places))
    after = int(min(most, *(piece.frames - place for place in places)))
    if before + after < most // 2:
        return None
    one = _around(piece.onset, places[0], before, after)
    two = _around(piece.onset, places[1], before + reach, after + reach)
    likeness = np.array([_correlation(one, two[lag : lag + len(one)]) for lag in range(2 * reach + 1)])
    best = float(likeness.max())
    if best < _CLEAR:
        return None
    inner = likeness[1:-1]
    peaks = np.flatnonzero((inner >= likeness[:-2]) & (inner >= likeness[2:]) & (inner >= _RELEVANT * best)) + 1
    if not len(peaks):
        return None
    lags = [_vertex(likeness, int(peak)) - reach for peak in peaks]
    return float(min(abs(lag) for lag in lags)) * piece.step * 1000


def _around(rows: Array, place: float, before: int, after: int) -> Array:
    """[before + after, n] rows around a place in frames, between rows by interpolation, silence outside."""
    positions = place + np.arange(-before, after)
    below = np.floor(positions).astype(int)
    share = (positions - below)[:, None]
    padded = np.pad(rows, ((1, 2), (0, 0)))
    low = np.clip(below + 1, 0, len(padded) - 2)
    return (1 - share) * padded[low] + share * padded[low + 1]


def _correlation(one: Array, two: Array) -> float:
    one, two = one - one.mean(axis=0), two - two.mean(axis=0)
    scale = float(np.sqrt(np.square(one).sum() * np.square(two).sum()))
    return float((one * two).sum()) / scale if scale > 1e-9 else 0.0


def _vertex(values: Array, peak: int) -> float:
    """Where the parabola through a peak and its neighbours is highest."""
    left, middle, right = (float(values[peak + i]) for i in (-1, 0, 1))
    bend = left - 2 * middle + right
    return peak + (0.5 * (left - right) / bend if bend < -1e-12 else 0.0)
