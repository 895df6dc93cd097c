"""The lightest collections of jumps, one for each length they add.

Every jump goes back and so adds its own distance, and any collection of backward jumps can be played, one after the
other, in some order. So a sequence is a matter of which jumps and how often: the unbounded knapsack problem, solved by
dynamic programming over the added length (S. Martello, P. Toth, "Knapsack Problems", 1990, section 3.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fermata_mcp.rearrange.samples import F32, Floats, Ints

UNIT = 0.04  # seconds, the grid of added lengths; chosen: a third of what the own ending may lack unnoticed


class Knapsack:
    """For each length up to `most` seconds the lightest collection of jumps that add up to it.

    Attributes:
        penalty: [units] least sum of penalties with which so many units of 40 ms can be added; infinite if none can.
    """

    def __init__(self, gain: Floats, penalty: Floats, most: float) -> None:
        """
        Args:
            gain: [jumps] seconds each adds.
            penalty: [jumps] what each use of it weighs, above 0.
            most: Seconds up to which collections are known.
        """
        self._gain, self._penalty = np.maximum(1, np.round(gain / UNIT).astype(np.int64)), penalty
        lightest = np.argsort(penalty, kind="stable")
        _, first = np.unique(self._gain[lightest], return_index=True)
        self._jumps: Ints = lightest[first]  # the lightest of each gain
        gains, penalties = self._gain[self._jumps], penalty[self._jumps].astype(np.float32)
        rows = int(most / UNIT) + 1
        room = int(gains.max())  # rows before the first, so that no index is negative
        table = np.full(room + rows, np.inf, np.float32)
        table[room] = 0
        self._last: Ints = np.zeros(rows, np.int64)
        stride = int(gains.min())  # rows that do not depend on one another
        for start in range(1, rows, stride):
            some = np.arange(start, min(start + stride, rows))
            total = table[room + some[:, None] - gains] + penalties
            last = total.argmin(1)
            table[room + some] = total[np.arange(len(some)), last]
            self._last[some] = last
        self.penalty: F32 = table[room:]

    def collection(self, row: int) -> list[int]:
        """Indices of the jumps that add `row` units."""
        jumps: list[int] = []
        while row > 0:
            jump = int(self._jumps[self._last[row]])
            jumps.append(jump)
            row -= int(self._gain[jump])
        return jumps

    def overshoot(self, goal: int, room: Floats) -> list[int] | None:
        """The lightest collection whose last jump reaches `goal` units or goes beyond; None where there is none.

        Args:
            goal: Units of 40 ms, which the other jumps do not reach.
            room: [jumps] seconds beyond the goal to which each may go as the last one.
        """
        first = np.maximum(0, goal - self._gain)
        stop = np.minimum(goal, goal - self._gain + np.floor(room / UNIT).astype(np.int64) + 1)
        usable = np.flatnonzero((stop > first) & (room >= 0))
        if len(usable) == 0:
            return None
        # reduceat of [first, stop, first, stop, …]: every other value is the least penalty within one window
        windows = np.stack([first[usable], stop[usable]], 1).ravel()
        least = np.minimum.reduceat(np.append(self.penalty[:goal], np.float32(np.inf)), windows)[::2]
        total = least + self._penalty[usable]
        best = int(np.argmin(total))
        if not np.isfinite(total[best]):
            return None
        jump = int(usable[best])
        row = int(first[jump]) + int(np.argmin(self.penalty[first[jump] : stop[jump]]))
        return [*self.collection(row), jump]
