"""In which order a collection of jumps is played.

All jumps go back, so that playing on always leads to the next one: in order of the places left, any collection
can be played. Here they are mixed instead, so that what was just heard is not heard again at once.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .repetition import Variety


_ROUNDING = 1e-6  # seconds; a jump of just the spacing can follow itself


class Order:
    """Orders collections of the jumps of `variety`, with `spacing` seconds of music between two jumps.

    Each of those jumps goes back by at least that much.
    """

    def __init__(self, variety: Variety, spacing: float) -> None:
        self._near: list[list[bool]] = variety.near.tolist()
        self._enter: list[float] = variety.jumps.enter_seconds.tolist()
        # the last place from which each can still be played
        self._from: list[float] = (variety.jumps.leave_seconds - spacing + _ROUNDING).tolist()

    def last_ones(self, used: Sequence[int]) -> list[int]:
        """Those that may come last whatever the order of the others."""
        latest = max((self._enter[jump] for jump in used), default=-math.inf)
        return [jump for jump in sorted(set(used)) if self._from[jump] >= latest]

    def played(self, used: Sequence[int], place: float, last: tuple[int, ...] = ()) -> list[int] | None:
        """All of them from second `place` on and then `last`; None where that is impossible.

        None follows its like if that can be helped; those left most often go first, and late ones.
        """
        left = Counter(used)
        latest_first = sorted(left, key=self._from.__getitem__, reverse=True)
        if not self._reachable(latest_first or [*last], place):
            return None
        order: list[int] = []
        while left:
            like = self._near[order[-1]] if order else None
            wished = sorted(left, key=lambda jump: (like is not None and like[jump], -left[jump], -self._from[jump]))
            chosen = next(jump for jump in wished if self._goes_on(jump, left, latest_first, place))
            order.append(chosen)
            left[chosen] -= 1
            if not left[chosen]:
                del left[chosen]
                latest_first.remove(chosen)
            place = self._enter[chosen]
        return [*order, *last]

    def plays_on(self, order: Sequence[int]) -> bool:
        """Whether they can be played in this order."""
        return all(self._from[after] >= self._enter[before] for before, after in pairwise(order))

    def _goes_on(self, jump: int, left: Counter[int], latest_first: list[int], place: float) -> bool:
        """Whether it can be played at `place`, and all the others after it."""
        if self._from[jump] < place:
            return False
        others = latest_first if left[jump] > 1 else [other for other in latest_first if other != jump]
        return self._reachable(others, self._enter[jump])

    def _reachable(self, latest_first: Sequence[int], place: float) -> bool:
        """Whether all of them can be played from second `place` on, in some order."""
        earliest = place
        for jump in latest_first:
            if self._from[jump] < place:
                place = earliest  # by way of those that can be played
                if self._from[jump] < place:
                    return False
            earliest = min(earliest, self._enter[jump])
        return True
