"""How often each second of the source is heard, and what hearing it too often costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fermata_mcp.providers.local.jumps import Jumps
    from fermata_mcp.providers.local.samples import Floats

WORST_SHARE = 0.4  # of what listeners remember of all jumps is the worst one
_NEAR = 2.0  # seconds within which jumps are the same to the ear
_JOIN = 0.004  # price of one more join, however good
_REUSED = 0.04  # more for each further use of a jump or its neighbours, in the search …
_REUSED_COST = 0.02  # … and in the end, for each time that is twice as often
_HEARD_AGAIN, _HEARD_TOO_OFTEN = 0.1, 0.7  # price of the share of the result heard once more than it need be, and than
# a listener puts up with


@dataclass(frozen=True)
class Variety:
    """Judges sequences of these jumps in a source of `seconds` that is to be heard `plays` times on average."""

    jumps: Jumps
    seconds: float
    plays: float
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, jumps: Jumps, seconds: float, added: float) -> Variety:
        leave, enter = jumps.leave_seconds, jumps.enter_seconds
        near = (np.abs(leave[:, None] - leave) < _NEAR) & (np.abs(enter[:, None] - enter) < _NEAR)
        return cls(jumps, seconds, 1 + added / seconds, near)

    def cost(self, path: Sequence[int]) -> float:
        """What the listener loses by the jumps of a whole path and by its repetitions."""
        prices = self.jumps.cost[list(path)]
        joined = (1 - WORST_SHARE) * float(prices.mean()) + WORST_SHARE * float(prices.max())
        repeated = float(self._price_of_hearing(self._heard(path)).sum()) / (self.plays * self.seconds)
        return joined + repeated + _JOIN * len(path) + _REUSED_COST * float(np.log2(1 + self._again(path)).mean())

    def repeats(self, path: Sequence[int]) -> bool:
        """Whether anything is heard more often than need be."""
        return bool(self._again(path).any() or self._price_of_hearing(self._heard(path)).any())

    def price(self, path: Sequence[int]) -> Floats:
        """[jumps] what each jump should cost more after this path."""
        price = np.zeros(len(self.jumps))
        for jump, count in zip(path, self._again(path).tolist(), strict=True):
            price[self.near[jump]] += _REUSED * count
        # what playing each second once more would cost
        heard = self._heard(path)
        dearer = self._price_of_hearing(heard + 1) - self._price_of_hearing(heard)
        total = np.concatenate([[0.0], np.cumsum(dearer)]) / (self.plays * self.seconds)
        start, stop = self.jumps.enter_seconds.astype(int), self.jumps.leave_seconds.astype(int) + 1
        return price + total[stop] - total[start]

    def _again(self, path: Sequence[int]) -> Floats:
        """[path] how many other jumps of the path sound like each."""
        used = np.asarray(path, np.int64)
        return self.near[np.ix_(used, used)].sum(1) - 1.0

    def _heard(self, path: Sequence[int]) -> Floats:
        """[seconds] how often each is heard."""
        heard = np.ones(int(self.seconds) + 2)
        for jump in path:
            heard[int(self.jumps.enter_seconds[jump]) : int(self.jumps.leave_seconds[jump]) + 1] += 1
        return heard

    def _price_of_hearing(self, heard: Floats) -> Floats:
        """[seconds] price of hearing each so often."""
        enough = np.floor(self.plays) + 1
        too_often = np.maximum(0, heard - np.ceil(self.plays) - 1)
        return _HEARD_AGAIN * np.maximum(0, heard - enough) + _HEARD_TOO_OFTEN * too_often
