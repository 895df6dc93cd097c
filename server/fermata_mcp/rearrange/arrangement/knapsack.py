"""The cheapest collections of jumps, one for each length they add.

Every jump goes back and so adds its own distance, and any collection of backward jumps can be played, one after the
other, in some order. So a path is a matter of which jumps and how often: the unbounded knapsack problem, solved by
dynamic programming over the added length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

UNIT = 0.04  # seconds, the grid of added lengths


class Knapsack:
    """For each length up to `most` seconds the cheapest collection of jumps that add `gain` [jumps] seconds each.

    Attributes:
        cost: [units] least sum of `price` [jumps] with which so many units of 40 ms can be added; infinite if none can.
    """

    def __init__(self, gain: Floats, price: Floats, most: float) -> None:
        self._gain, self._price = np.maximum(1, np.round(gain / UNIT).astype(np.int64)), price
        cheapest = np.argsort(price, kind="stable")
        _, first = np.unique(self._gain[cheapest], return_index=True)
        self._jumps: Ints = cheapest[first]  # the cheapest of each gain
        gains, prices = self._gain[self._jumps], price[self._jumps].astype(np.float32)
        rows = int(most / UNIT) + 1
        room = int(gains.max())  # rows before the first, so that no index is negative
        table = np.full(room + rows, np.inf, np.float32)
        table[room] = 0
        self._last: Ints = np.zeros(rows, np.int64)
        stride = int(gains.min())  # rows that do not depend on one another
        for start in range(1, rows, stride):
            some = np.arange(start, min(start + stride, rows))
            total = table[room + some[:, None] - gains] + prices
            last = total.argmin(1)
            table[room + some] = total[np.arange(len(some)), last]
            self._last[some] = last
        self.cost: F32 = table[room:]

    def collection(self, row: int) -> list[int]:
        """The jumps that add `row` units."""
        found: list[int] = []
        while row > 0:
            jump = int(self._jumps[self._last[row]])
            found.append(jump)
            row -= int(self._gain[jump])
        return found

    def beyond(self, goal: int, room: Floats) -> list[int] | None:
        """The cheapest collection whose last jump reaches `goal` units, at most its `room` [jumps] seconds beyond."""
        first = np.maximum(0, goal - self._gain)
        stop = np.minimum(goal, goal - self._gain + np.floor(room / UNIT).astype(np.int64) + 1)
        usable = np.flatnonzero((stop > first) & (room >= 0))
        if len(usable) == 0:
            return None
        # reduceat of [first, stop, first, stop, …]: every other value is the least cost within one window
        windows = np.stack([first[usable], stop[usable]], 1).ravel()
        least = np.minimum.reduceat(np.append(self.cost[:goal], np.float32(np.inf)), windows)[::2]
        total = least + self._price[usable]
        best = int(np.argmin(total))
        if not np.isfinite(total[best]):
            return None
        jump = int(usable[best])
        row = int(first[jump]) + int(np.argmin(self.cost[first[jump] : stop[jump]]))
        return [*self.collection(row), jump]
