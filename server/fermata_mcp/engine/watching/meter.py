"""What this process has counted since it began, for those who watch it. Plain numbers: nothing here waits or fails."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from fermata_mcp.domain.credits import Entry, Unit, amount_of

DETECTION_BOUNDS = (0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 25.0, 45.0, 60.0, 120.0, 300.0)
# Work of which it is remembered when it was last looked at; the oldest is forgotten.
REMEMBERED = 20_000
# repeated: it had been heard before · forged: not signed as it should be · stranger: to no address of ours
# · idle: about work that does not wait · dropped: too many at once
HookFate = Literal["heard", "repeated", "forged", "stranger", "idle", "dropped"]


class Histogram:
    """How many observations there were up to each bound, in all, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Meter:
    """
    Attributes:
        money: By unit, kind of ledger entry, and provider.
        errors: Failed requests and failed work, by provider and code.
        hooks: Posts to addresses of attempts, by provider and what became of them.
        detection: Seconds between the moment at which an end could first have been known (the look before, or a post
            that told of it) and the one at which it was: the most that finished work went unnoticed.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.money: Counter[tuple[Unit, str, str]] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.hooks: Counter[tuple[str, HookFate]] = Counter()
        self.detection = Histogram(DETECTION_BOUNDS)
        self._seen_running: OrderedDict[tuple[str, str], float] = OrderedDict()

    def booked(self, provider: str, unit: Unit, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.money[unit, entry.kind, provider] += entry.amount

    def money_in(self, unit: Unit) -> dict[tuple[str, str], float]:
        """Credits or dollars by kind and provider."""
        booked = self.money.items()
        return {(kind, name): amount_of(parts, unit) for (of, kind, name), parts in booked if of == unit}

    def failed(self, provider: str, code: str) -> None:
        self.errors[provider, code] += 1

    def posted(self, provider: str, fate: HookFate) -> None:
        self.hooks[provider, fate] += 1

    def runs(self, provider: str, remote_id: str) -> None:
        """It was not over just now, or a post says that it may have ended just now."""
        self._seen_running[provider, remote_id] = self._monotonic()
        self._seen_running.move_to_end((provider, remote_id))
        if len(self._seen_running) > REMEMBERED:
            self._seen_running.popitem(last=False)

    def is_over(self, provider: str, remote_id: str) -> None:
        since = self._seen_running.pop((provider, remote_id), None)
        if since is not None:
            self.detection.observe(self._monotonic() - since)
