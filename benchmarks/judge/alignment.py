"""Which place of the original is heard at each moment of the result, found from the samples alone.

The offset (original minus result) of a tool that rearranges is constant between joins. It is followed in cells of 50 ms
as long as the samples agree up to a gain; where they stop agreeing, the original is searched for what is heard next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from .signals import Array, block_mean

CELL = 0.05  # seconds compared at once
DIFFERENT = 0.004  # share of a cell's energy that may differ
SILENT = 10 ** (-66 / 10)  # mean square that counts as silence
_PROBE = 0.4  # seconds searched for
_OVERLAP = 0.25  # seconds that agree by more than chance
_LOOKS = (0.06, 0.25, 0.5, 0.9, 1.5)  # seconds after the last agreement at which the search is tried
_STRIDE = 1.0  # seconds skipped when nothing is found
_LOW_RATE = 5500  # Hz of the first, rough search


@dataclass(frozen=True)
class Stretch:
    """Seconds `start` to `end` of the result are the original from `start + offset` on (offset in seconds)."""

    start: float
    end: float
    offset: float


@dataclass(frozen=True)
class Seam:
    """A join. at: seconds in the result; left, entered: seconds in the original; extent: seconds that are neither."""

    at: float
    left: float
    entered: float
    extent: float = 0.0


class Aligner:
    """Follows `result` [samples] through `original` [samples], both mono at `rate` Hz."""

    def __init__(self, original: Array, result: Array, rate: int) -> None:
        self.original, self.result, self.rate = original, result, rate
        self.cell = round(CELL * rate)
        self.factor = max(1, round(rate / _LOW_RATE))
        self._low = block_mean(original, self.factor).astype(np.float64)
        self._size = 1 << (len(self._low) + round(_PROBE * rate / self.factor)).bit_length()
        self._spectrum = np.fft.rfft(self._low, self._size)
        self._energy = np.concatenate([[0.0], np.cumsum(np.square(self._low))])

    def stretches(self) -> list[Stretch]:
        """In order of time; what cannot be found in the original is between them."""
        found: list[tuple[int, int, int]] = []
        place = 0
        while place < len(self.result) - self.cell:
            earliest = found[-1][0] if found else 0
            entry = self._search(place, earliest)
            if entry is None:
                place += round(_STRIDE * self.rate)
                continue
            probe, offset = entry
            start = self._back(probe, offset, earliest)
            end = self._forward(probe, offset)
            found.append((start, end, offset))
            place = max(end, place + self.cell)
        return self._apart(found)

    def _search(self, place: int, earliest: int) -> tuple[int, int] | None:
        """A sample at or after `place` that is in the original, and its offset.

        In music made of exact copies there are several. One that agrees before `place` already, back to `earliest` at
        most, needs no explanation: the join was where both agreed. Of equals it is the one that agrees longest, and
        of those the first, so that what is repeated counts as the same passage.
        """
        overlap = place - round(_OVERLAP * self.rate)

        def likely(probe: int, offset: int) -> tuple[bool, int, int]:
            agrees = self._forward(probe, offset) // self.cell
            return self._back(probe, offset, earliest) <= overlap, agrees, -offset

        for look in _LOOKS:
            probe = place + round(look * self.rate) * (place > 0)
            part = self.result[probe : probe + round(_PROBE * self.rate)]
            if len(part) < round(_PROBE * self.rate) or float(np.square(part).mean()) < SILENT:
                continue
            offsets = [self._exact(probe, rough) for rough in self._rough(part)]
            good = [o for o in offsets if self._agree(probe, len(part), o)]
            if good:
                return probe, max(good, key=partial(likely, probe))
        return None

    def _rough(self, part: Array) -> list[int]:
        """Samples of the original near which `part` may lie, likeliest first."""
        low = block_mean(part, self.factor).astype(np.float64)
        product = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(low, self._size)), self._size)
        count = len(self._low) - len(low) + 1
        if count < 1:
            return []
        energy = self._energy[len(low) :] - self._energy[:count]
        likeness = product[:count] / np.sqrt(np.maximum(energy * np.square(low).sum(), 1e-12))
        places: list[int] = []
        for _ in range(12):
            best = int(likeness.argmax())
            if likeness[best] < 0.6:
                break
            places.append(best * self.factor)
            likeness[max(0, best - 8) : best + 9] = -1
        return places

    def _exact(self, probe: int, rough: int) -> int:
        """The offset in samples, to the sample."""
        part = self.result[probe : probe + round(_PROBE * self.rate)].astype(np.float64)
        reach = 3 * self.factor
        start = max(0, rough - reach)
        window = self.original[start : rough + reach + len(part)].astype(np.float64)
        if len(window) < len(part):
            return rough - probe
        dots = np.einsum("ij,j->i", np.lib.stride_tricks.sliding_window_view(window, len(part)), part)
        energy = np.concatenate([[0.0], np.cumsum(np.square(window))])
        energy = energy[len(part) :] - energy[: len(dots)]
        return start + int((dots / np.sqrt(np.maximum(energy, 1e-12))).argmax()) - probe

    def _agree(self, start: int, size: int, offset: int) -> bool:
        share = self._differing(start, size // self.cell, offset)
        return len(share) > 0 and float(np.mean(share < DIFFERENT)) > 0.7

    def _differing(self, start: int, cells: int, offset: int) -> Array:
        """[cells] share of each cell's energy that is not the original's at `offset`, whatever the gain."""
        cells = min(cells, (len(self.result) - start) // self.cell, (len(self.original) - start - offset) // self.cell)
        if cells < 1 or start + offset < 0:
            return np.ones(0)
        heard = self.result[start : start + cells * self.cell].reshape(cells, -1).astype(np.float64)
        there = self.original[start + offset : start + offset + cells * self.cell].reshape(cells, -1)
        return _difference(heard, there.astype(np.float64))

    def _forward(self, start: int, offset: int) -> int:
        """The sample at which the result stops being the original at `offset`."""
        place, batch = start, round(10 / CELL)
        while True:
            share = self._differing(place, batch, offset)
            wrong = np.flatnonzero(share >= DIFFERENT)
            if len(wrong):
                return self._finer(place + int(wrong[0]) * self.cell, offset, 1)
            place += len(share) * self.cell
            if len(share) < batch:
                return place

    def _back(self, start: int, offset: int, least: int) -> int:
        """The sample from which on the result is the original at `offset`."""
        first = max(least, -offset, 0)
        cells = (start - first) // self.cell
        if cells < 1:
            return first if start - first < self.cell else start
        begin = start - cells * self.cell
        wrong = np.flatnonzero(self._differing(begin, cells, offset) >= DIFFERENT)
        return self._finer(begin + (int(wrong[-1]) + 1) * self.cell, offset, -1) if len(wrong) else first

    def _finer(self, edge: int, offset: int, direction: int) -> int:
        """Move an edge of agreement on by fifths of a cell as long as they agree."""
        step = self.cell // 5
        for _ in range(5):
            start = edge if direction > 0 else edge - step
            heard = self.result[max(0, start) : start + step].astype(np.float64)
            there = self.original[max(0, start + offset) : max(0, start + step + offset)].astype(np.float64)
            if len(heard) != len(there) or len(heard) < step or _difference(heard[None], there[None])[0] >= DIFFERENT:
                break
            edge += direction * step
        return edge

    def _apart(self, found: list[tuple[int, int, int]]) -> list[Stretch]:
        """Equal neighbours joined; where neighbours overlap, both agree, and the middle is the border."""
        merged: list[tuple[int, int, int]] = []
        for start, end, offset in found:
            if merged and merged[-1][2] == offset:
                merged[-1] = (merged[-1][0], end, offset)
            else:
                merged.append((start, end, offset))
        for index, (one, two) in enumerate(pairwise(merged)):
            if two[0] < merged[index][1]:
                border = (one[1] + two[0]) // 2
                merged[index] = (merged[index][0], border, one[2])
                merged[index + 1] = (border, two[1], two[2])
        return [Stretch(start / self.rate, end / self.rate, offset / self.rate) for start, end, offset in merged]


def _difference(heard: Array, there: Array) -> Array:
    """[rows] share of the energy of `heard` [rows, samples] that is not a multiple of `there`; 0 where it is silent."""
    own, other = np.square(heard).sum(axis=1), np.square(there).sum(axis=1)
    dots = (heard * there).sum(axis=1)
    share = 1 - np.square(dots) / np.maximum(own * other, 1e-20)
    share = np.where(dots < 0, 1.0, share)
    return np.where(own < SILENT * heard.shape[1], 0.0, share)


def joins(stretches: list[Stretch]) -> list[Seam]:
    """The places where the offset changes."""
    seams: list[Seam] = []
    for one, two in pairwise(stretches):
        at = (one.end + two.start) / 2
        seams.append(Seam(at, at + one.offset, at + two.offset, max(0.0, two.start - one.end)))
    return seams
