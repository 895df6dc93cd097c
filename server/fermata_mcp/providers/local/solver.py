"""The table behind a path: least cost of having added so much and having just made this jump.

Dynamic programming over (length added so far, last jump). Every jump goes back and so adds its own distance; between
two jumps some music must pass. The total either meets the wanted length, and the track's own ending is kept, or
exceeds it, and the result fades out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.providers.local.jumps import Jumps
    from fermata_mcp.providers.local.samples import F32, Floats, Ints

_UNIT = 0.04  # seconds, the grid of added lengths
_PER_JUMP = 0.01  # price
_FADE_PRICE, _FADE_FOR_NO_ENDING = 0.08, 0.02  # of fading out where the track itself ends, and where it does not
_FADE_ROOM = 10.0  # seconds of music the fade needs after the last jump
_FREE_CUT, _FREE_PAUSE = 0.12, 0.3  # seconds of its last sound the own ending may lack, and of silence it may gain
_PAUSE_PRICE, _PAUSE_MOST = 0.04, 2.0  # per second of silence after the end; seconds
_CUT_PRICE = (0.06, 0.01)  # of cutting into the near-silence at the end: at all, per second
_OFF_LENGTH, _OFF_MOST = 0.1, 2.0  # price per second of a loop off the wanted length; most seconds
_LATE = 1.0  # price of ending a part at the track's end, from where few jumps are left
_WAITING = 0.03  # price per second that new material starts later than asked for

Ending = Literal["auto", "keep", "fade"]


@dataclass(frozen=True)
class Wanted:
    """What the path must achieve, in seconds of the analysed stretch.

    Attributes:
        added: Seconds to add.
        seconds: Length of the stretch.
        start: The first jump leaves at or after this.
        soon: Whether it should leave as soon after it as it can.
        spacing: Music between two jumps.
        tail: Near-silence at the end, which may be cut.
        ends: Whether the track comes to an end of its own, instead of just stopping or fading out.
        take: 1 for the best path, 2, 3, … for others.
        ending: Which ending to prefer, or to reach where that is possible at all.
    """

    added: float
    seconds: float
    start: float
    soon: bool
    spacing: float
    tail: float
    ends: bool = True
    take: int = 1
    ending: Ending = "auto"


@dataclass(frozen=True)
class Path:
    """Jumps in playing order, as indices.

    `fades` when the track's own ending is not reached; `cost` to compare paths by; `off` when it ends otherwise than
    was asked for.
    """

    jumps: tuple[int, ...]
    fades: bool
    cost: float
    off: bool = False


class Solver:
    """One table: least cost by added length (rows, units of 40 ms) and last jump (columns)."""

    def __init__(self, jumps: Jumps, wanted: Wanted, added: float, after: float | None, penalty: Floats) -> None:
        self.wanted, self.added = wanted, added
        self.gain, self.leave, self.enter = jumps.gain_seconds, jumps.leave_seconds, jumps.enter_seconds
        self.units: Ints = np.maximum(1, np.round(self.gain / _UNIT).astype(np.int64))
        self.cost: F32 = (jumps.cost + _PER_JUMP + penalty).astype(np.float32)
        self.first: F32 = self._first(after)
        self.by_enter: Ints = np.argsort(self.enter, kind="stable")
        # how many jumps, in order of where they enter, may come before each jump
        self.before: Ints = np.searchsorted(self.enter[self.by_enter], self.leave - wanted.spacing, side="right")
        self.goal = max(1, round(added / _UNIT))
        rows = self.goal + 1 + int((wanted.tail + _OFF_MOST) / _UNIT)
        self.best: F32 = np.full((rows + 1, len(self.cost)), np.inf, np.float32)
        self.least: F32 = np.full((rows + 1, len(self.cost) + 1), np.inf, np.float32)
        self._fill()

    def _first(self, after: float | None) -> F32:
        """Extra cost of each jump as the first one; infinite where it cannot be."""
        if after is not None:
            waiting, allowed = np.zeros(len(self.leave)), self.leave >= after + self.wanted.spacing
        else:
            start = self.wanted.start
            waiting, allowed = (self.leave - start) * _WAITING * self.wanted.soon, self.leave >= start
        return np.where(allowed, waiting, np.inf).astype(np.float32)

    def _fill(self) -> None:
        stride = int(self.units.min())  # rows that do not depend on one another
        for start in range(1, len(self.best), stride):
            rows = np.arange(start, min(start + stride, len(self.best)))
            self.best[rows] = self.cost + self._reach(rows[:, None] - self.units)
            self.least[rows, 1:] = np.minimum.accumulate(self.best[rows][:, self.by_enter], axis=1)

    def _reach(self, come_from: Ints) -> F32:
        """Least cost of having added `come_from` units and then being able to make each jump."""
        reached = self.least[np.maximum(come_from, 0), np.broadcast_to(self.before, come_from.shape)]
        reached = np.where(come_from == 0, self.first, reached)
        return np.where((come_from < 0) | (come_from >= self.goal), np.float32(np.inf), reached)

    def ending(self) -> list[Path]:
        """The best paths to the goal, on the track's own ending and fading out; their costs are the endings'."""
        found: list[tuple[float, Path]] = []
        row, price, cost = self._own_ending()
        if np.isfinite(cost):
            path = self._trace(row, int(np.argmin(self.best[row])))
            found.append((cost, Path(path, False, price, self.wanted.ending == "fade")))
        row, jump, cost = self._faded()
        if np.isfinite(cost):
            path = (*self._before(row, jump), jump)
            found.append((cost, Path(path, True, self._fade_price, self.wanted.ending == "keep")))
        return [path for _, path in sorted(found, key=lambda one: (one[1].off, one[0]))]

    def part(self) -> list[Path]:
        """The best path that adds about `added`, per second added."""
        low = int(self.goal * 0.75)
        rows = np.arange(low, len(self.best))
        per_second = (self.best[low:] + _LATE * self.enter / self.wanted.seconds) / (rows[:, None] * _UNIT)
        row, jump = np.unravel_index(int(np.argmin(per_second)), per_second.shape)
        if not np.isfinite(per_second[row, jump]):
            return []
        row += low
        return [Path(self._trace(int(row), int(jump)), False, 0.0)]

    def closing(self, leave: float) -> list[Path]:
        """The best path of about the wanted length from whose last jump the second `leave` can still be reached."""
        off = np.abs(np.arange(len(self.best)) * _UNIT - self.added)
        price = np.where(off <= _OFF_MOST, _OFF_LENGTH * off, np.inf)
        reaches = self.enter <= leave - self.wanted.spacing
        total = np.where(reaches, self.best + price[:, None], np.inf)
        row, jump = np.unravel_index(int(np.argmin(total)), total.shape)
        if not np.isfinite(total[row, jump]):
            return []
        return [Path(self._trace(int(row), int(jump)), False, float(price[row]))]

    def _own_ending(self) -> tuple[int, float, float]:
        """Row, price of the ending and whole cost of ending as the track does."""
        late = np.arange(len(self.best)) * _UNIT - self.added  # seconds to cut; negative: silence to add
        cut, pause = np.maximum(0, late - _FREE_CUT), np.maximum(0, -late - _FREE_PAUSE)
        price = _PAUSE_PRICE * pause + _CUT_PRICE[0] * (cut > 0) + _CUT_PRICE[1] * cut
        price = np.where((pause <= _PAUSE_MOST) & (late <= max(_FREE_CUT, self.wanted.tail)), price, np.inf)
        total = self.best.min(1) + price
        row = int(np.argmin(total))
        return row, float(price[row]), float(total[row])

    @property
    def _fade_price(self) -> float:
        return _FADE_PRICE if self.wanted.ends else _FADE_FOR_NO_ENDING

    def _faded(self) -> tuple[int, int, float]:
        """Row before the last jump, the last jump, and cost of fading out after it."""
        count = np.minimum(self.units, self.goal)  # rows from which each jump reaches the goal
        jump = np.repeat(np.arange(len(count)), count)
        row = self.goal - 1 - (np.arange(len(jump)) - np.repeat(np.cumsum(count) - count, count))
        beyond = (row + self.units[jump]) * _UNIT - self.added
        room = self.wanted.seconds - self.wanted.tail - beyond - self.enter[jump]
        reached = np.where(row == 0, self.first[jump], self.least[row, self.before[jump]])
        total = np.where(
            (beyond >= -_UNIT / 2) & (room >= min(_FADE_ROOM, self.wanted.seconds / 4)),
            reached + self.cost[jump] + self._fade_price,
            np.inf,
        )
        best = int(np.argmin(total))
        return int(row[best]), int(jump[best]), float(total[best])

    def _trace(self, row: int, jump: int) -> tuple[int, ...]:
        return (*self._before(row - int(self.units[jump]), jump), jump)

    def _before(self, row: int, jump: int) -> list[int]:
        """The jumps that lead to `row` units added before `jump`, in playing order."""
        found: list[int] = []
        while row > 0:
            possible = self.by_enter[: self.before[jump]]
            jump = int(possible[np.argmin(self.best[row, possible])])
            found.append(jump)
            row -= int(self.units[jump])
        return found[::-1]
