"""How many requests each principal may make."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from time import monotonic

MOST_PRINCIPALS = 10_000


class Rate:
    """A bucket for each principal, full at first, that fills up within a minute.

    Args:
        a_minute: Requests in a bucket.
    """

    def __init__(self, a_minute: int) -> None:
        self._most = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, principal: str, now: float | None = None) -> int:
        """Seconds until there is a request left; 0 takes it."""
        now = monotonic() if now is None else now
        left, at = self._left.get(principal, (float(self._most), now))
        left = min(self._most, left + (now - at) * self._most / 60)
        taken = left >= 1
        self._left[principal] = left - taken, now
        self._left.move_to_end(principal)
        if len(self._left) > MOST_PRINCIPALS:
            self._left.popitem(last=False)
        return 0 if taken else ceil((1 - left) * 60 / self._most)
