"""In which order a collection of jumps is played.

All jumps go back, so that playing on always leads to the next one: in order of the places left, any collection
can be played. Here they are mixed instead, so that what was just heard is not heard again at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fermata_mcp.providers.local.samples import Floats
    from fermata_mcp.providers.local.variety import Variety


_ROUNDING = 1e-6  # seconds; a jump of just the spacing can follow itself


class Order:
    """Orders collections of the jumps of `variety`, with `spacing` seconds of music between two jumps.

    Each of those jumps goes back by at least that much.
    """

    def __init__(self, variety: Variety, spacing: float) -> None:
        self._near, self._spacing = variety.near, spacing - _ROUNDING
        self._leave: Floats = variety.jumps.leave_seconds
        self._enter: Floats = variety.jumps.enter_seconds

    def last_ones(self, used: Sequence[int]) -> list[int]:
        """Those that may come last whatever the order of the others."""
        some = np.unique(np.asarray(used, np.int64))
        return some[self._leave[some] >= self._enter[some].max(initial=-np.inf) + self._spacing].tolist()

    def played(self, used: Sequence[int], place: float, last: tuple[int, ...] = ()) -> list[int] | None:
        """All of them from second `place` on and then `last`; None where that is impossible.

        None follows its like if that can be helped; those left most often go first, and late ones.
        """
        if not self._reachable([*used] or [*last], place):
            return None
        left = Counter(used)
        order: list[int] = []
        while left:
            possible = [jump for jump in left if self._goes_on(jump, left, place)]
            chosen = max(possible, key=lambda jump: (not self._like_last(jump, order), left[jump], self._leave[jump]))
            left -= Counter([chosen])
            order.append(chosen)
            place = float(self._enter[chosen])
        return [*order, *last]

    def _like_last(self, jump: int, order: list[int]) -> bool:
        return bool(order) and bool(self._near[jump, order[-1]])

    def _goes_on(self, jump: int, left: Counter[int], place: float) -> bool:
        """Whether it can be played at `place`, and all the others after it."""
        others = [other for other, count in left.items() if other != jump or count > 1]
        return bool(self._leave[jump] >= place + self._spacing) and self._reachable(others, float(self._enter[jump]))

    def _reachable(self, jumps: Sequence[int], place: float) -> bool:
        """Whether all of them can be played from second `place` on, in some order."""
        left = np.unique(np.asarray(jumps, np.int64))
        while len(left):
            possible = self._leave[left] >= place + self._spacing
            if possible.all():
                return True
            if not possible.any():
                return False
            place = min(place, float(self._enter[left[possible]].min()))
            left = left[~possible]
        return True
