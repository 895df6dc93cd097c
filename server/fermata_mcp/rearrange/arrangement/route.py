"""The best way through a track that takes an exact time: the shortest path over jumps in both directions.

Between two jumps the track plays on, so the offset of the place in the source against the time in the result changes
at jumps only. For each moment of the result the least penalty of each offset is known from the moments before
(S. Wenner et al., "Scalable Music: Automatic Music Retargeting and Synthesis", Eurographics 2013, who search the same
graph beat by beat). Unlike a knapsack of jumps back this may leave things out, and its order is that of the music.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import Floats, Ints
    from fermata_mcp.rearrange.transitions.jumps import Jumps

    from .objective import Objective

UNIT = 0.04  # seconds, the grid of moments; chosen: a third of what the own ending may lack unnoticed
_COMPARED = 12  # ways to end whose exact length is looked at
_NONE = -1


@dataclass(frozen=True)
class Route:
    """Jumps in playing order.

    Attributes:
        jumps: Indices.
        fades: Whether the track's own ending is not reached.
        over: Seconds by which the result exceeds what is wanted, if it plays to the track's end.
        penalty: The sum of the jumps' and of how it ends.
    """

    jumps: tuple[int, ...]
    fades: bool
    over: float
    penalty: float


class _Event(NamedTuple):
    """All that is known of the jumps made at one moment: [n] each."""

    jumps: Ints
    offsets: Ints
    penalty: Floats
    numbers: Ints


class Router:
    """Finds routes over `jumps` for `objective`; offsets and moments are in units of 40 ms.

    Args:
        jumps: Of both directions.
        penalty: [jumps] of making each.
        objective: `added` seconds more than the source lasts are wanted, fewer where negative.
        around: Seconds by which other lengths are looked at, too.
    """

    def __init__(self, jumps: Jumps, penalty: Floats, objective: Objective, around: float = 0.0) -> None:
        self._objective, self._penalty = objective, penalty
        self._gain = jumps.gain_seconds
        self._leave = np.rint(jumps.leave_seconds / UNIT).astype(np.int64)
        self._ahead = -np.rint(self._gain / UNIT).astype(np.int64)  # by which each puts the offset forward
        self._moments = max(1, round((objective.seconds + objective.added) / UNIT))
        self._source = round(objective.seconds / UNIT)
        self._spacing = max(1, round(objective.spacing / UNIT))
        self._usable = (jumps.leave_seconds >= objective.start) & (jumps.enter_seconds > 0)
        self._around = round(around / UNIT)
        # offsets from back at the beginning at the end to the whole source, counted from 0
        self._zero = self._moments + self._around
        self._least = np.full(self._zero + self._source + 1, np.inf)
        self._owner = np.full(len(self._least), _NONE, np.int64)
        self._before: list[Ints] = []  # of each event, the number of the jump before; numbers count over all events
        self._made: list[Ints] = []
        self._routes: list[Route] = []
        self._other_lengths: list[tuple[int, float]] = []  # moments at which the own ending is over, and the penalty

    def find(self) -> Route | None:
        """The best route, or None where there is none."""
        self._travel()
        return min(self._routes, key=self._rank, default=None)

    def nearest_length(self, most: float) -> float | None:
        """After `find`: seconds of the nearest result that ends as the track does, at a penalty of `most`; or None."""
        good = [moment for moment, penalty in self._other_lengths if penalty <= most]
        nearest = min(good, key=lambda moment: abs(moment - self._moments), default=None)
        return None if nearest is None else nearest * UNIT

    def _rank(self, route: Route) -> tuple[bool, float]:
        """Less is better; what ends as was asked for comes first."""
        return self._objective.ending == ("keep" if route.fades else "fade"), route.penalty

    def _travel(self) -> None:
        """Fill the table from moment to moment."""
        self._least[self._zero] = 0.0
        waiting: dict[int, _Event] = {}
        count = 0
        usable = np.flatnonzero(self._usable)
        leave, ahead, penalty = self._leave[usable], self._ahead[usable], self._penalty[usable]
        last_fade = self._moments - round(self._objective.fade_room / UNIT)
        for moment in range(self._moments + self._around + 1):
            if moment in waiting:
                self._arrive(waiting.pop(moment))
            self._look(moment)
            if moment == max(0, last_fade):
                self._fade()
            place = leave - moment + self._zero
            reach = np.flatnonzero((place >= 0) & (place < len(self._least)))
            cost = self._least[place[reach]] + penalty[reach]
            possible = np.flatnonzero(np.isfinite(cost))
            if len(possible) == 0:
                continue
            some, cost = reach[possible], cost[possible]
            target = place[some] + ahead[some]
            inside = np.flatnonzero((target >= 0) & (target < len(self._least)))
            inside = inside[cost[inside] < self._least[target[inside]]]
            if len(inside) == 0:
                continue
            some = some[inside]
            self._before.append(self._owner[place[some]])
            self._made.append(usable[some])
            numbers = np.arange(count, count + len(some))
            count += len(some)
            waiting[moment + self._spacing] = _Event(usable[some], target[inside], cost[inside], numbers)

    def _look(self, moment: int) -> None:
        """What is reached at this moment, if it is the end of a result."""
        if moment == self._moments:
            self._routes += self._whole()
        end = self._source - moment + self._zero
        if self._around and abs(moment - self._moments) <= self._around and 0 <= end < len(self._least):
            self._other_lengths.append((moment, float(self._least[end])))

    def _arrive(self, event: _Event) -> None:
        """What was jumped a while ago may jump again from now on."""
        order = np.argsort(-event.penalty, kind="stable")  # the last one written stays
        order = order[event.penalty[order] < self._least[event.offsets[order]]]
        self._least[event.offsets[order]] = event.penalty[order]
        self._owner[event.offsets[order]] = event.numbers[order]

    def _fade(self) -> None:
        """The best way to fade out from here on, with music enough."""
        objective = self._objective
        most = round((objective.seconds - objective.tail) / UNIT) - self._moments
        costs = self._least[: max(0, most + self._zero + 1)]
        if len(costs) and np.isfinite(costs.min()):
            best = int(np.argmin(costs))
            chain = self._chain(int(self._owner[best]))
            self._routes.append(Route(chain, True, self._over(chain), float(costs[best]) + objective.fade_penalty))

    def _whole(self) -> list[Route]:
        """The best ways to the track's own ending, by their exact length."""
        over = (self._source - self._moments - (np.arange(len(self._least)) - self._zero)) * UNIT
        total = self._least + self._objective.length_penalty(over)
        best = np.argsort(total, kind="stable")[:_COMPARED]
        routes: list[Route] = []
        for place in best[np.isfinite(total[best])].tolist():
            chain = self._chain(int(self._owner[place]))
            exact = self._over(chain)
            penalty = float(self._least[place]) + float(self._objective.length_penalty(np.asarray(exact)))
            routes.append(Route(chain, False, exact, penalty))
        return [route for route in routes if np.isfinite(route.penalty)]

    def _over(self, chain: tuple[int, ...]) -> float:
        return float(self._gain[list(chain)].sum()) - self._objective.added

    def _chain(self, number: int) -> tuple[int, ...]:
        """The jumps that lead to the event of this number, in order."""
        if number == _NONE:
            return ()
        before, made = np.concatenate(self._before), np.concatenate(self._made)
        chain: list[int] = []
        while number != _NONE:
            chain.append(int(made[number]))
            number = int(before[number])
        return tuple(chain[::-1])
