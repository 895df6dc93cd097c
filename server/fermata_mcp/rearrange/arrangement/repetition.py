"""How often, and how soon again, each second of the source is heard, and what hearing it too often costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fermata_mcp.rearrange.samples import Floats, Ints
    from fermata_mcp.rearrange.transitions.jumps import Jumps

WORST_SHARE = 0.4  # of what listeners remember of all jumps is the worst one
_CELL = 0.25  # seconds in which it is counted how often they are heard
_NEAR = 2.0  # seconds within which jumps are the same to the ear
_JOIN, _OFTEN = 0.007, 600.0  # price of one more join, however good, in so many seconds added
_REUSED = 0.04  # more for each further use of a jump or its neighbours, in the search …
_REUSED_COST = 0.02  # … and in the end, for each time that is twice as often
_WHILES = (120.0, 600.0)  # seconds within which a passage may be heard …
_SOON_ENOUGH = 3  # … so much more often than if the track were played evenly
_SOON_AGAIN = 0.2  # price of the share of the result heard once more than that, …
_SOONEST_AGAIN = 0.02  # … and of each such time of what is heard most often
_SHORT = 60.0  # seconds of the source below which both are less, in proportion
_HEARD_AGAIN, _HEARD_TOO_OFTEN = 0.1, 0.7  # price of the share of the result heard once more than it need be, and than
# a listener puts up with


@dataclass(frozen=True)
class Variety:
    """Judges collections of these jumps in a source of `seconds` that is to be heard `plays` times on average."""

    jumps: Jumps
    seconds: float
    plays: float
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, jumps: Jumps, seconds: float, added: float) -> Variety:
        leave, enter = jumps.leave_seconds, jumps.enter_seconds
        near = (np.abs(leave[:, None] - leave) < _NEAR) & (np.abs(enter[:, None] - enter) < _NEAR)
        return cls(jumps, seconds, 1 + added / seconds, near)

    def cost(self, used: Sequence[int], beyond: float = 0.0) -> float:
        """What the listener loses by all the jumps used and by their repetitions, the last `beyond` seconds unheard."""
        prices = self.jumps.cost[list(used)]
        joined = (1 - WORST_SHARE) * float(prices.mean()) + WORST_SHARE * float(prices.max())
        repeated = float(self._price_of_hearing(self._heard(used, beyond)).sum()) / self._cells_heard
        return joined + repeated + self._join * len(used) + _REUSED_COST * float(np.log2(1 + self._again(used)).mean())

    def cost_of_order(self, order: Sequence[int], around: bool) -> float:
        """What the listener loses because these, played in this order, bring back too soon what was just heard.

        Or, where `around`, played in a loop.
        """
        start, stop = self._start[list(order)].tolist(), self._stop[list(order)].tolist()
        if around:
            start, stop = start[-1:] + start + start[:-1], stop * 2
        else:
            start, stop = [0, *start], [*stop, round(self.seconds / _CELL)]
        heard = np.concatenate([np.arange(first, end) for first, end in zip(start, stop, strict=True)])
        time = np.argsort(heard, kind="stable")
        # numbers by cell and then time, apart enough that those just below one are the same cell's in the last while
        number = heard[time] * (2 * len(heard)) + time
        cost = 0.0
        for seconds in _WHILES:
            recent = min(len(heard), round(seconds / _CELL))
            often = np.arange(1, len(heard) + 1) - np.searchsorted(number, number - recent)
            again = np.maximum(0, often - math.ceil(seconds / self.seconds) - _SOON_ENOUGH)
            cost += _SOON_AGAIN * float(again.mean()) + _SOONEST_AGAIN * float(again.max())
        # nothing can be new for long in a short source: better again than by a poor join
        return cost * min(1.0, self.seconds / _SHORT)

    def price(self, used: Sequence[int], among: int) -> Floats:
        """[jumps] roughly what using each once more costs after these, where `among` are used in all."""
        price = (1 - WORST_SHARE) / among * self.jumps.cost + self._join
        for jump, count in zip(used, self._again(used).tolist(), strict=True):
            price[self.near[jump]] += _REUSED * count
        # what playing each cell once more would cost
        heard = self._heard(used)
        dearer = self._price_of_hearing(heard + 1) - self._price_of_hearing(heard)
        total = np.concatenate([[0.0], np.cumsum(dearer)]) / self._cells_heard
        return price + total[self._stop] - total[self._start]

    @cached_property
    def _start(self) -> Ints:
        return np.round(self.jumps.enter_seconds / _CELL).astype(np.int64)

    @cached_property
    def _stop(self) -> Ints:
        return np.round(self.jumps.leave_seconds / _CELL).astype(np.int64)

    @property
    def _join(self) -> float:
        return _JOIN * _OFTEN / max(_OFTEN, (self.plays - 1) * self.seconds)

    @property
    def _cells_heard(self) -> float:
        return self.plays * self.seconds / _CELL

    def _again(self, used: Sequence[int]) -> Floats:
        """[used] how many others of them sound like each."""
        some = np.asarray(used, np.int64)
        return self.near[np.ix_(some, some)].sum(1) - 1.0

    def _heard(self, used: Sequence[int], beyond: float = 0.0) -> Floats:
        """[cells] how often each is heard."""
        some = np.asarray(used, np.int64)
        more = np.zeros(round(self.seconds / _CELL) + 2)
        np.add.at(more, self._start[some], 1)
        np.add.at(more, self._stop[some], -1)
        heard = 1 + np.cumsum(more[:-1])
        heard[len(heard) - round(beyond / _CELL) :] -= 1
        return heard

    def _price_of_hearing(self, heard: Floats) -> Floats:
        """[cells] price of hearing each so often."""
        enough = np.floor(self.plays) + 1
        too_often = np.maximum(0, heard - np.ceil(self.plays) - 1)
        return _HEARD_AGAIN * np.maximum(0, heard - enough) + _HEARD_TOO_OFTEN * too_often
