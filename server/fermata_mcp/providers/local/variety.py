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

_NEAR = 2.0  # seconds within which jumps are the same to the ear
_REUSED = 0.04  # more for each further use of a jump or its neighbours, in the search …
_REUSED_COST = 0.08  # … and in the end
_HEARD = 0.03  # price of leading into what is heard once too often, in the search …
_HEARD_COST = 0.002  # … and in the end, per second


@dataclass(frozen=True)
class Variety:
    """Judges sequences of these jumps in a source of `seconds`."""

    jumps: Jumps
    seconds: float
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, jumps: Jumps, seconds: float) -> Variety:
        leave, enter = jumps.leave_seconds, jumps.enter_seconds
        near = (np.abs(leave[:, None] - leave) < _NEAR) & (np.abs(enter[:, None] - enter) < _NEAR)
        return cls(jumps, seconds, near)

    def cost(self, path: Sequence[int]) -> float:
        """What the repetitions of a whole path cost the listener."""
        excess = self._excess(path)
        return (
            _REUSED_COST * float(self._again(path).sum()) / 2 + _HEARD_COST * float((excess * (excess + 1)).sum()) / 2
        )

    def price(self, path: Sequence[int]) -> Floats:
        """[jumps] what each jump should cost more after this path."""
        price = np.zeros(len(self.jumps))
        for jump, count in zip(path, self._again(path).tolist(), strict=True):
            price[self.near[jump]] += _REUSED * count
        total = np.concatenate([[0.0], np.cumsum(self._excess(path))])
        start, stop = self.jumps.enter_seconds.astype(int), self.jumps.leave_seconds.astype(int) + 1
        return price + _HEARD * (total[stop] - total[start]) / (stop - start)

    def _again(self, path: Sequence[int]) -> Floats:
        """[path] how many other jumps of the path sound like each."""
        used = np.asarray(path, np.int64)
        return self.near[np.ix_(used, used)].sum(1) - 1.0

    def _excess(self, path: Sequence[int]) -> Floats:
        """[seconds] how much more often each is heard than need be."""
        heard = np.ones(int(self.seconds) + 2)
        for jump in path:
            heard[int(self.jumps.enter_seconds[jump]) : int(self.jumps.leave_seconds[jump]) + 1] += 1
        fair = np.floor(heard.mean()) + 1
        return np.maximum(0, heard - fair)
