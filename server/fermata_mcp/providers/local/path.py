"""Which jumps to make, in which order, so that the result has the wanted length.

Dynamic programming over (length added so far, last jump). Every jump goes back and so adds its own distance; between
two jumps some music must pass. The total either meets the wanted length, and the track's own ending is kept, or
exceeds it, and the result fades out. What is heard too often is made dearer and the path sought again; long additions
are planned in parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fermata_mcp.providers.local.variety import Variety

if TYPE_CHECKING:
    from fermata_mcp.providers.local.jumps import Jumps
    from fermata_mcp.providers.local.samples import F32, Floats, Ints

_UNIT = 0.04  # seconds, the grid of added lengths
_PER_JUMP = 0.06
_FADE_PRICE = 0.22
_FADE_ROOM = 10.0  # seconds of music the fade needs after the last jump
_OFF_LENGTH = (0.02, 0.4)  # price of an ending off the wanted length: at all, per second
_CUT_SHORT, _CUT_LONG = 0.6, 2.0  # seconds the own ending may come late or early; padded or cut
_ROUNDS = 6  # attempts to avoid repetition
_PART_SHARE, _PART_LEAST, _PART_MOST = 0.6, 90.0, 300.0  # of the track, seconds: additions are planned in such parts
_LATE = 1.0  # price of ending a part at the track's end, from where few jumps are left
_WHOLE = 240.0  # seconds that are planned at once
_WAITING = 0.012  # price per second that new material starts later than asked for
_OTHER_TAKE = 0.3  # price in another take of what sounds like an earlier take's jump
_SAME_JUMP = 1.0  # … and of the very jump
_MOST_TAKES = 16
_WRAPS = 5  # jumps tried as the one that closes a loop

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
        tail: Near-silence at the end, which may be cut or continued freely.
        take: 1 for the best path, 2, 3, … for others.
        ending: Which ending to prefer, or to reach where that is possible at all.
    """

    added: float
    seconds: float
    start: float
    soon: bool
    spacing: float
    tail: float
    take: int = 1
    ending: Ending = "auto"


@dataclass(frozen=True)
class Path:
    """Jumps in playing order, as indices; `fades` when the track's own ending is not reached; `cost` to compare."""

    jumps: tuple[int, ...]
    fades: bool
    cost: float


def choose_path(jumps: Jumps, wanted: Wanted) -> Path | None:
    """The cheapest path of the wanted length, or None when there is none."""
    return _choose(jumps, wanted, _to_the_end)


def choose_loop(jumps: Jumps, wanted: Wanted) -> Path | None:
    """The cheapest closed path of about the length `wanted.added`; its last jump leads back to where it begins."""
    return _choose(jumps, wanted, _round_and_round)


_Plan = Callable[["Jumps", Wanted, "Floats", Variety], Path | None]
_End = Callable[["_Solver"], Path | None]


def _choose(jumps: Jumps, wanted: Wanted, plan: _Plan) -> Path | None:
    """The path of the wanted take: each earlier take makes what it used dearer."""
    if len(jumps) == 0:
        return None
    variety = Variety.of(jumps, wanted.seconds)
    penalty = np.zeros(len(jumps))
    path = plan(jumps, wanted, penalty, variety)
    for _ in range(min(wanted.take, _MOST_TAKES) - 1):
        if path is None:
            return None
        for jump in set(path.jumps):
            penalty[variety.near[jump]] += _OTHER_TAKE
            penalty[jump] += _SAME_JUMP
        path = plan(jumps, wanted, penalty, variety)
    return path


def _to_the_end(jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety) -> Path | None:
    return _in_parts(jumps, wanted, penalty, variety, [], _Solver.ending)


def _round_and_round(jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety) -> Path | None:
    """Of a few good jumps each as the one that closes the loop, the cheapest way around."""
    found: list[Path] = []
    for wrap in np.argsort(jumps.cost + penalty, kind="stable")[:_WRAPS].tolist():
        leave = float(jumps.leave_seconds[wrap])
        path = _in_parts(jumps, wanted, penalty, variety, [wrap], lambda solver, leave=leave: solver.closing(leave))
        if path is not None:
            found.append(Path((*path.jumps[1:], wrap), False, path.cost + float(jumps.cost[wrap] + penalty[wrap])))
    return min(found, key=lambda path: path.cost, default=None)


def _in_parts(
    jumps: Jumps, wanted: Wanted, penalty: Floats, variety: Variety, done: list[int], end: _End
) -> Path | None:
    """A path that goes on after the jumps `done`; long ones are planned piece by piece."""
    part = min(_PART_MOST, max(_PART_LEAST, _PART_SHARE * wanted.seconds))
    while (left := wanted.added - float(jumps.gain_seconds[done].sum())) > max(_WHOLE, 1.5 * part):
        found = _varied(jumps, wanted, part, done, penalty, variety, _Solver.part)
        if found is None:
            break
        done = list(found.jumps)
    return _varied(jumps, wanted, left, done, penalty, variety, end)


def _varied(
    jumps: Jumps, wanted: Wanted, added: float, done: list[int], penalty: Floats, variety: Variety, end: _End
) -> Path | None:
    """The best of a few solutions that go on after `done`, each told to avoid what the one before repeated."""
    best: Path | None = None
    penalty = penalty + variety.price(done)
    after = float(jumps.enter_seconds[done[-1]]) if done else None
    for _ in range(_ROUNDS):
        found = end(_Solver(jumps, wanted, added, after, penalty))
        if found is None:
            break
        path = (*done, *found.jumps)
        repetition = variety.cost(path)
        cost = found.cost - float(penalty[list(found.jumps)].sum()) + repetition
        if best is None or cost < best.cost - 1e-6:
            best = Path(path, found.fades, cost)
        if repetition == 0:
            break
        penalty = penalty + variety.price(path)
    return best


class _Solver:
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
        rows = self.goal + 1 + int((wanted.tail + _CUT_LONG) / _UNIT)
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

    def ending(self) -> Path | None:
        """The best path to the goal, on the track's own ending or fading out."""
        own_row, own_cost = self._own_ending()
        fade_row, fade_jump, fade_cost = self._faded()
        if not np.isfinite(min(own_cost, fade_cost)):
            return None
        prefers_own = {"auto": own_cost <= fade_cost, "keep": np.isfinite(own_cost), "fade": np.isinf(fade_cost)}
        if prefers_own[self.wanted.ending]:
            jump = int(np.argmin(self.best[own_row]))
            return Path(self._trace(own_row, jump), False, own_cost)
        return Path((*self._before(fade_row, fade_jump), fade_jump), True, fade_cost)

    def part(self) -> Path | None:
        """The best path that adds about `added`, per second added."""
        low = int(self.goal * 0.75)
        rows = np.arange(low, len(self.best))
        per_second = (self.best[low:] + _LATE * self.enter / self.wanted.seconds) / (rows[:, None] * _UNIT)
        row, jump = np.unravel_index(int(np.argmin(per_second)), per_second.shape)
        if not np.isfinite(per_second[row, jump]):
            return None
        row += low
        return Path(self._trace(int(row), int(jump)), False, float(self.best[row, jump]))

    def closing(self, leave: float) -> Path | None:
        """The best path of about the wanted length from whose last jump the second `leave` can still be reached."""
        off = np.abs(np.arange(len(self.best)) * _UNIT - self.added)
        price = np.where(off <= _CUT_LONG, _OFF_LENGTH[1] / 4 * off, np.inf)
        reaches = self.enter <= leave - self.wanted.spacing
        total = np.where(reaches, self.best + price[:, None], np.inf)
        row, jump = np.unravel_index(int(np.argmin(total)), total.shape)
        if not np.isfinite(total[row, jump]):
            return None
        return Path(self._trace(int(row), int(jump)), False, float(total[row, jump]))

    def _own_ending(self) -> tuple[int, float]:
        """Row and cost of ending as the track does."""
        off = np.arange(len(self.best)) * _UNIT - self.added
        excess = np.abs(off) - self.wanted.tail - _UNIT
        price = np.where(excess <= 0, 0, _OFF_LENGTH[0] + _OFF_LENGTH[1] * excess)
        limit = np.where(off > 0, _CUT_LONG, _CUT_SHORT)
        total = np.where(excess <= limit, self.best.min(1) + price, np.inf)
        row = int(np.argmin(total))
        return row, float(total[row])

    def _faded(self) -> tuple[int, int, float]:
        """Row before the last jump, the last jump, and cost of fading out after it."""
        rows = np.arange(self.goal)[:, None]
        beyond = (rows + self.units) * _UNIT - self.added
        room = self.wanted.seconds - self.wanted.tail - beyond - self.enter
        allowed = (beyond >= -_UNIT / 2) & (room >= min(_FADE_ROOM, self.wanted.seconds / 4))
        total = np.where(allowed, self._reach(np.broadcast_to(rows, allowed.shape)) + self.cost + _FADE_PRICE, np.inf)
        row, jump = np.unravel_index(int(np.argmin(total)), total.shape)
        return int(row), int(jump), float(total[row, jump])

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
