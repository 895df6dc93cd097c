"""Which jumps to make, how often and in which order, so that the result has the wanted length.

A listener judges the whole: its joins and the worst of them, what is repeated, how it ends. The cheapest collections of
jumps are easily found for prices that add up, which those do not. So collections are sought with ever poorer jumps
allowed, compared as a listener would, and improved: some jumps are taken out, and what then costs least is put in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np

from .knapsack import UNIT, Knapsack
from .repetition import WORST_SHARE, Variety
from .sequence import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fermata_mcp.rearrange.samples import Ints
    from fermata_mcp.rearrange.transitions.jumps import Jumps

    from .objective import Wanted

_LIMITS = (0.06, 0.2, 0.4, 0.6, np.inf)  # prices of the dearest jump that are tried, one after the other
_USUAL_NUMBERS = (3, 8)  # of jumps in a path, before one is known
_FIRST_JUMPS = 6  # tried as the one soon after the place to continue at
_PATIENCE = 72  # fruitless attempts to improve before giving up
_FEW_TAKEN_OUT, _MOST_TAKEN_OUT = 6, 0.5  # jumps, or share of the jumps, taken out at once
_IN_A_ROW = 0.5  # of the times, jumps that follow one another are taken out
_CHEAPEST = 0.5  # share of its price for which a jump may be had
_MOVES, _MOVED_SECONDS = 300, 900_000.0  # of one jump to another place, and seconds of music, tried to find an order
_PART_SHARE, _PART_LEAST, _PART_MOST = 0.6, 90.0, 300.0  # of the track, seconds: long additions start as such parts
_WHOLE = 1200.0  # seconds that are filled at once
_OTHER_TAKE = 0.3  # price in another take of what sounds like an earlier take's jump
_SAME_JUMP = 1.0  # … and of the very jump
_MOST_TAKES = 16


@dataclass(frozen=True)
class Path:
    """Jumps in playing order, as indices; that of a loop ends with the jump back to where it begins.

    `fades` when the track's own ending is not reached; `cost` to compare paths by; `off` when it ends otherwise than
    was asked for.
    """

    jumps: tuple[int, ...]
    fades: bool
    cost: float
    off: bool = False

    @property
    def rank(self) -> tuple[bool, float]:
        return self.off, self.cost


def choose_path(jumps: Jumps, wanted: Wanted, progress: Callable[[float], None]) -> Path | None:
    """The best path found, or None when there is none: each earlier take makes what it used dearer."""
    if len(jumps) == 0:
        return None
    search = _Search(jumps, wanted)
    takes = min(wanted.take, _MOST_TAKES)
    path = search.best(lambda share: progress(share / takes))
    for take in range(1, takes):
        if path is None:
            return None
        search.avoid(path)
        path = search.best(lambda share, take=take: progress((take + share) / takes))
    return path


class _Search:
    """Seeks collections of `jumps`, and an order for each that may be the best."""

    def __init__(self, jumps: Jumps, wanted: Wanted) -> None:
        self._wanted = wanted
        self._variety = Variety.of(jumps, wanted.seconds, wanted.added)
        self._order = Order(self._variety, wanted.spacing)
        self._gain, self._leave, self._enter = jumps.gain_seconds, jumps.leave_seconds, jumps.enter_seconds
        # how far beyond what is wanted each jump may go and still leave the music a fade needs
        self._room = wanted.seconds - wanted.tail - wanted.fade_room - self._enter
        self._cost, self._penalty = jumps.cost, np.zeros(len(jumps))
        self._usable = self._gain >= wanted.spacing
        if not (wanted.soon or wanted.loops):
            self._usable &= self._leave >= wanted.start
        self._random = np.random.default_rng(0)

    def avoid(self, path: Path) -> None:
        """Make what this path uses dearer."""
        for jump in set(path.jumps):
            self._penalty[self._variety.near[jump]] += _OTHER_TAKE
            self._penalty[jump] += _SAME_JUMP

    def best(self, progress: Callable[[float], None]) -> Path | None:
        """Poorer jumps are allowed only as long as that helps."""
        best: Path | None = None
        known = 0
        for tried, limit in enumerate(_LIMITS):
            progress(tried / len(_LIMITS))
            few = np.flatnonzero(self._usable & (self._cost <= limit))
            if len(few) == known:
                continue
            known = len(few)
            best = self._first(best, few)
            if best is None:
                continue
            best = self._improved(best, few)
            if not best.off and best.cost <= WORST_SHARE * limit:
                break
        return self._mixed(best) if best else None

    def _first(self, best: Path | None, few: Ints) -> Path | None:
        """The best so far, or a better one made of `few` jumps all at once."""
        starts: list[list[int]] = [[]]
        if self._wanted.soon:
            late = few[self._leave[few] >= self._wanted.start]
            price = self._wanted.price_of_waiting(self._leave[late]) + self._cost[late] + self._penalty[late]
            starts = [[jump] for jump in late[np.argsort(price, kind="stable")[:_FIRST_JUMPS]].tolist()]
        for start in starts:
            for among in _USUAL_NUMBERS:
                best = self._better(best, self._completed(self._grown(start, few, among), few, among))
        return best

    def _improved(self, best: Path, few: Ints) -> Path:
        """Some jumps taken out and others put in, at prices that vary, until that no longer helps."""
        failures = 0
        while failures < _PATIENCE:
            number = len(best.jumps)
            most = max(min(number, _FEW_TAKEN_OUT), int(number * _MOST_TAKEN_OUT))
            count = int(self._random.integers(1, most + 1))
            if self._random.random() < _IN_A_ROW:
                out = self._random.integers(number - count + 1) + np.arange(count)
            else:
                out = self._random.choice(number, count, replace=False)
            kept = np.delete(best.jumps, out).tolist()
            found = self._better(best, self._completed(kept, few, number, _CHEAPEST))
            failures = failures + 1 if found is best else 0
            best = found
        return best

    @overload
    def _better(self, best: Path, found: Iterable[Path]) -> Path: ...
    @overload
    def _better(self, best: Path | None, found: Iterable[Path]) -> Path | None: ...

    def _better(self, best: Path | None, found: Iterable[Path]) -> Path | None:
        """The best that can be played, in playing order."""
        for path in found:
            if best is not None and path.rank >= best.rank:
                continue
            order = self._played(path)
            if order is None:
                continue
            played = replace(path, jumps=order, cost=path.cost + self._cost_of_order(order))
            if best is None or played.rank < best.rank:
                best = played
        return best

    def _cost_of_order(self, order: Sequence[int]) -> float:
        return self._variety.cost_of_order(order, self._wanted.loops)

    def _mixed(self, best: Path) -> Path:
        """The same jumps in an order in which less is heard again soon."""
        order = list(best.jumps)
        first, stop = int(self._wanted.soon), len(order) - int(best.fades or self._wanted.loops)
        if stop - first < 2:
            return best
        cost = first_cost = self._cost_of_order(order)
        for _ in range(int(min(_MOVES, _MOVED_SECONDS / (self._wanted.seconds + self._wanted.added)))):
            here, there = (int(place) for place in self._random.integers(first, stop, 2))
            moved = list(order)
            moved.insert(there, moved.pop(here))
            before = moved[-1:] if self._wanted.loops else []
            if self._order.plays_on([*before, *moved]) and (price := self._cost_of_order(moved)) < cost:
                order, cost = moved, price
        return replace(best, jumps=tuple(order), cost=best.cost - first_cost + cost)

    def _grown(self, used: list[int], few: Ints, among: int) -> list[int]:
        """With jumps for as many seconds as cannot be filled at once, part by part."""
        part = min(_PART_MOST, max(_PART_LEAST, _PART_SHARE * self._wanted.seconds))
        while (left := self._wanted.added - float(self._gain[used].sum())) > _WHOLE:
            sack = self._knapsack(used, few, among, min(part, left))
            per_second = sack.cost[1:] / np.arange(1, len(sack.cost))
            per_second[: len(per_second) * 3 // 4] = np.inf
            row = int(np.argmin(per_second)) + 1
            if not np.isfinite(sack.cost[row]):
                break
            used = [*used, *few[sack.collection(row)].tolist()]
        return used

    def _completed(self, used: list[int], few: Ints, among: int, cheapest: float = 1.0) -> Iterator[Path]:
        """The cheapest ways to add what is missing: to the track's own ending or all around, and to a fade.

        Every jump's price is lowered by chance, to the share `cheapest` of it at most.
        """
        wanted = self._wanted
        left = wanted.added - float(self._gain[used].sum())
        if left < UNIT:
            yield from self._judged(used)
            return
        sack = self._knapsack(used, few, among, left + wanted.beyond, cheapest)
        price = sack.cost + wanted.price_of_missing(np.arange(len(sack.cost)) * UNIT - left)
        row = int(np.argmin(price))
        if np.isfinite(price[row]):
            yield from self._judged([*used, *few[sack.collection(row)].tolist()])
        if wanted.loops:
            return
        fading = sack.beyond(round(left / UNIT), self._room[few])
        if fading is not None:
            yield from self._judged([*used, *few[fading].tolist()])

    def _knapsack(self, used: list[int], few: Ints, among: int, most: float, cheapest: float = 1.0) -> Knapsack:
        price = (self._variety.price(used, among) + self._penalty)[few]
        return Knapsack(self._gain[few], price * self._random.uniform(cheapest, 1, len(few)), most)

    def _judged(self, used: list[int]) -> Iterator[Path]:
        """What a listener would make of these jumps in whatever order, with each way to end after them."""
        wanted = self._wanted
        leave = self._leave[used]
        late_enough = leave[leave >= wanted.start] if wanted.soon else leave
        if len(late_enough) == 0:
            return
        waiting = wanted.price_of_waiting(late_enough.min())
        late = float(self._gain[used].sum()) - wanted.added
        cost = float(waiting) + float(self._penalty[used].sum())
        missing = float(wanted.price_of_missing(np.asarray(late)))
        if np.isfinite(missing):
            whole = cost + missing + self._variety.cost(used)
            yield Path(tuple(used), False, whole, wanted.ending == "fade")
        if late >= -UNIT / 2 and not wanted.loops:
            whole = cost + wanted.fade_price + self._variety.cost(used, max(0.0, late))
            yield Path(tuple(used), True, whole, wanted.ending == "keep")

    def _played(self, path: Path) -> tuple[int, ...] | None:
        """The jumps in playing order; None where they cannot be played."""
        if self._wanted.loops:
            return self._played_around(path)
        left, place = list(path.jumps), -np.inf
        first: tuple[int, ...] = ()
        if self._wanted.soon:
            soonest = min(left, key=lambda jump: (self._leave[jump] < self._wanted.start, self._leave[jump]))
            left.remove(soonest)
            first, place = (soonest,), float(self._enter[soonest])
        last: tuple[int, ...] = ()
        if path.fades:
            roomiest = min(self._order.last_ones(left) or first, key=lambda jump: self._enter[jump])
            late = float(self._gain[list(path.jumps)].sum()) - self._wanted.added
            if self._room[roomiest] < late:
                return None
            if left:
                left.remove(roomiest)
                last = (roomiest,)
        order = self._order.played(left, place, last)
        return None if order is None else (*first, *order)

    def _played_around(self, path: Path) -> tuple[int, ...] | None:
        for wrap in self._order.last_ones(path.jumps):
            left = list(path.jumps)
            left.remove(wrap)
            order = self._order.played(left, float(self._enter[wrap]), (wrap,))
            if order is not None:
                return tuple(order)
        return None
