"""A time that tests may push."""

from __future__ import annotations

import time

from fermata_mcp.engine.clock import Clock


class ShiftedClock:
    """Real time plus what a test has skipped, the way a suspended laptop sees it."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def skip(self, seconds: float) -> None:
        self.skipped += seconds

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + round(self.skipped * 1000)

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def clock(self) -> Clock:
        return Clock(self.now, self.monotonic)
