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

    from .repetition import RepetitionPenalty


_ROUNDING = 1e-6  # seconds; a jump of just the spacing can follow itself


class Sequencer:
    """Orders collections of jumps, given as indices into those of `repetition`.

    Args:
        repetition: What sounds alike, and the jumps.
        spacing: Seconds of music between two jumps; each jump goes back by at least that much.
    """

    def __init__(self, repetition: RepetitionPenalty, spacing: float) -> None:
        self._near: list[list[bool]] = repetition.near.tolist()
        self._enter: list[float] = repetition.jumps.enter_seconds.tolist()
        # the last second from which each can still be played
        self._latest: list[float] = (repetition.jumps.leave_seconds - spacing + _ROUNDING).tolist()

    def last_candidates(self, used: Sequence[int]) -> list[int]:
        """Those that may come last whatever the order of the others."""
        last_entry = max((self._enter[jump] for jump in used), default=-math.inf)
        return [jump for jump in sorted(set(used)) if self._latest[jump] >= last_entry]

    def schedule(self, used: Sequence[int], place: float, last: tuple[int, ...] = ()) -> list[int] | None:
        """All of them from second `place` on and then `last`; None where that is impossible.

        None follows its like if that can be helped; those that remain most often go first, and late ones.
        """
        remaining = Counter(used)
        latest_first = sorted(remaining, key=self._latest.__getitem__, reverse=True)
        if not self._reachable(latest_first or [*last], place):
            return None
        order: list[int] = []
        while remaining:
            wishes = self._by_preference(remaining, order)
            jump = next(jump for jump in wishes if self._fits(jump, remaining, latest_first, place))
            order.append(jump)
            remaining[jump] -= 1
            if not remaining[jump]:
                del remaining[jump]
                latest_first.remove(jump)
            place = self._enter[jump]
        return [*order, *last]

    def is_playable(self, order: Sequence[int]) -> bool:
        """Whether they can be played in this order."""
        return all(self._latest[after] >= self._enter[before] for before, after in pairwise(order))

    def _by_preference(self, remaining: Counter[int], order: list[int]) -> list[int]:
        like = self._near[order[-1]] if order else None
        return sorted(
            remaining, key=lambda jump: (like is not None and like[jump], -remaining[jump], -self._latest[jump])
        )

    def _fits(self, jump: int, remaining: Counter[int], latest_first: list[int], place: float) -> bool:
        """Whether it can be played at `place`, and all the others after it."""
        if self._latest[jump] < place:
            return False
        others = latest_first if remaining[jump] > 1 else [other for other in latest_first if other != jump]
        return self._reachable(others, self._enter[jump])

    def _reachable(self, latest_first: Sequence[int], place: float) -> bool:
        """Whether all of them can be played from second `place` on, in some order."""
        earliest = place
        for jump in latest_first:
            if self._latest[jump] < place:
                place = earliest  # by way of those that can be played
                if self._latest[jump] < place:
                    return False
            earliest = min(earliest, self._enter[jump])
        return True
