"""The time, in one place so that tests can hold it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fermata_mcp.store.base import Store


@dataclass(frozen=True)
class Clock:
    """Unix milliseconds (may jump) and seconds that only go forward."""

    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic

    def shared_by(self, store: Store) -> Clock:
        """The clock that all programs on a store go by."""
        return replace(self, now=lambda: store.time(self.now()))
